"""Which ranges of a listing are looked at, and how a page divides one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from acceptance.deliveries.delivery import LandingObject
from acceptance.deliveries.key_ranges import KeyRange, Page, due, first_part, merge_small, ranges_of_keys, split_range

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
TICK = timedelta(seconds=10)


def ranges(count: int, **facts: object) -> list[KeyRange]:
    """They end in the keys 0001, 0002 and so on; the last has no end."""
    ends: list[str | None] = [f"{number:04}" for number in range(1, count)]
    quiet = KeyRange(held=10, digest="known", certified_at=NOON)
    return [
        replace(quiet, after=after or "", until=until, **facts)
        for after, until in zip(["", *ends], [*ends, None], strict=True)
    ]


def due_at(now: datetime, items: list[KeyRange], hot_at_most: int = 100) -> tuple[KeyRange, ...]:
    hour = timedelta(hours=1)
    return due(items, now, every=TICK, certified_within=hour, hot_for=hour, hot_at_most=hot_at_most, least=1)


def test_after_a_burst_over_many_ranges_the_latest_are_hot_and_the_others_take_turns():
    second = timedelta(seconds=1)
    items = [replace(item, changed_at=NOON + at * second) for at, item in enumerate(ranges(1000))]
    asked = due_at(NOON + 1000 * second, items, hot_at_most=50)
    assert 50 < len(asked) < 60
    assert set(items[950:]) <= set(asked)


def test_every_range_is_looked_at_within_its_time_though_all_are_hot():
    items = ranges(1000, changed_at=NOON)
    now = NOON
    for _ in range(360):
        now += TICK
        looked_at = set(due_at(now, items, hot_at_most=50))
        items = [replace(item, certified_at=now) if item in looked_at else item for item in items]
        assert all(item.certified_at and now - item.certified_at <= timedelta(hours=1) for item in items)


@given(keys=st.lists(st.text(max_size=3)), ends=st.sets(st.text(min_size=1, max_size=3)))
def test_a_key_lies_in_the_range_that_ends_with_it_or_behind_it(keys, ends):
    until = [*sorted(ends), None]
    items = [KeyRange(after, end) for after, end in zip(["", *sorted(ends)], until, strict=True)]
    expected = {
        item
        for item in items
        for key in keys
        if key > item.after or not item.after
        if not item.until or key <= item.until
    }
    assert set(ranges_of_keys(items, keys)) == expected


def test_what_is_left_of_a_range_is_asked_for_by_its_number_of_keys():
    found = tuple(LandingObject("landing", f"{number:04}", "e", 1, NOON) for number in range(10))
    whole = KeyRange("", "0010", 10, "known", NOON)
    part = first_part(whole, Page(found, "new", truncated=True, asked=10))
    divided, left = split_range(whole, part, NOON + TICK, changed=True, remembered=9)
    assert left is not None
    assert left.asks_for(1000) == 1
    assert [(item.after, item.until, item.digest) for item in divided] == [("", "0009", "new"), ("0009", "0010", "")]
    last = Page((replace(found[0], key="0010"),), "last", truncated=True, asked=1)
    assert first_part(left, last).ended
    assert split_range(left, first_part(left, last), NOON + TICK, changed=False, remembered=1)[0][0].digest == "last"


def test_small_neighbours_become_one_and_are_read_again():
    items = ranges(5)
    assert [(item.after, item.until, item.held, item.digest) for item in merge_small(items, 60)] == [
        ("", "0003", 30, ""),
        ("0003", "0004", 10, "known"),
        ("0004", None, 10, "known"),
    ]
