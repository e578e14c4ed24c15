"""Nothing is lost and nothing is announced twice where a listing is cut into ranges, fails, or is hinted at."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from builders import contract_text
from contract_texts import watched
from listing_server import MISHAPS
from watched_bucket import DAY, NOON, SECOND, TICK, put

from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.errors import StepFailed
from aws.s3.notifications import Hint
from flows.ledger import Ledger, open_ledger
from flows.watching.listing import Landing, Pace

on_postgresql_too = pytest.mark.parametrize("watching", ["running", "restarted", "on postgresql"], indirect=True)


def test_an_unchanged_bucket_takes_one_request_a_page_and_announces_nothing(server, watch):
    put(server, [f"{number:02d}" for number in range(35)])
    for _ in range(3):
        watch.look()
    told, asked = len(watch.told), server.requests["ListObjectsV2"]
    watch.look()
    assert (len(watch.told), server.requests["ListObjectsV2"] - asked) == (told, 5)


@pytest.mark.parametrize("count", [6, 7, 8, 13, 14, 15])
def test_what_lands_behind_a_full_page_is_announced(server, watch, count):
    put(server, [f"{number:02d}" for number in range(count)])
    watch.look()
    watch.look()
    put(server, ["99"])
    watch.look()
    put(server, ["99z"])
    watch.look()
    assert len(watch.keys_told) == count + 2


NAMES = [f"{number:02d}" for number in range(21)]
PAGE_ENDS = ["06", "13", "20"]


@on_postgresql_too
@pytest.mark.parametrize(
    "deleted", [*([end] for end in PAGE_ENDS), PAGE_ENDS, NAMES[:7], NAMES[7:14], NAMES[14:], NAMES]
)
@pytest.mark.parametrize("looked", [True, False], ids=["after a look", "before the next look"])
def test_what_lands_in_the_gap_behind_a_deleted_key_is_announced(server, watch, deleted, looked):
    keys = put(server, NAMES)
    watch.look()
    watch.look()
    for name in deleted:
        server.delete(DAY + name)
    if looked:
        watch.look()
    gaps = [f"{name}{part}" for name in deleted for part in ("", "!", "z")] + [
        f"{int(name) - 1:03d}9" for name in deleted
    ]
    keys += put(server, gaps, NOON + SECOND)
    watch.look()
    assert watch.keys_told == sorted(keys)
    watch.look()


def test_a_deleted_key_is_not_announced_and_forgets_nothing_else(server, watch):
    keys = put(server, NAMES)
    watch.look()
    for name in NAMES[::2]:
        server.delete(DAY + name)
        watch.look()
    assert watch.keys_told == keys


def test_a_key_that_comes_and_goes_between_two_looks_leaves_nothing(server, watch):
    put(server, ["brief"])
    server.delete(DAY + "brief")
    watch.look()
    assert watch.keys_told == []


@pytest.mark.parametrize("resent", ["report", "ignore"])
@pytest.mark.parametrize("body", [b"the same", b"others"])
def test_a_key_that_was_deleted_and_is_sent_again_is_the_next_revision(server, watching, resent, body):
    watch = watching(resent=resent)
    server.put(DAY + "orders", b"the same", last_modified=NOON)
    watch.look()
    server.delete(DAY + "orders")
    watch.look()
    server.put(DAY + "orders", body, last_modified=NOON + SECOND)
    watch.look()
    assert watch.revisions(DAY + "orders") == [1, 2]


@on_postgresql_too
def test_a_version_that_was_deleted_and_restored_in_the_same_second_is_not_announced_again(server, watch):
    for _ in range(2):
        server.put(DAY + "orders", b"the same", last_modified=NOON)
        watch.look()
        server.delete(DAY + "orders")
        watch.look()
    assert watch.revisions(DAY + "orders") == [1]


@pytest.mark.parametrize("how", MISHAPS)
@pytest.mark.parametrize("after", range(5))
def test_a_listing_that_fails_midway_goes_on_at_the_next_look(server, watch, how, after):
    keys = put(server, NAMES)
    for more in ([], ["00a", "07a", "14a", "21"]):
        keys += put(server, more)
        server.fail_next(8, how, after)
        try:
            watch.look()
        except StepFailed:
            watch.announce()
        server.recover()
        watch.look()
        assert watch.keys_told == sorted(keys)


def test_what_landed_before_a_listing_failed_and_was_gone_after_it_is_announced_at_most_once(server, watch):
    keys = put(server, NAMES)
    server.fail_next(8, "503", after=1)
    with pytest.raises(StepFailed):
        watch.look()
    server.recover()
    for key in keys:
        server.delete(key)
    watch.look()
    assert watch.twice() == set()
    watch.visible |= watch.invented()  # they were there


@on_postgresql_too
def test_in_a_quiet_range_a_change_is_found_within_the_time_in_which_every_key_is_certified(server, watching):
    watch = watching(Pace(TICK, certified_within=10 * TICK, hot_for=2 * TICK, at_least=1, page=7))
    keys = put(server, [f"{number:02d}" for number in range(70)])
    for _ in range(12):
        watch.look()
    requests = server.requests["ListObjectsV2"]
    watch.look()
    assert server.requests["ListObjectsV2"] - requests < 5
    for name in ["!", "03a", "34a", "69a"]:
        keys += put(server, [name])
        for _ in range(10):
            watch.look()
        assert watch.keys_told == sorted(keys)


@on_postgresql_too
def test_an_object_that_fits_no_contract_is_announced_once_for_each_version(server, watch):
    for _ in range(2):
        server.put("in/nonsense", size=1, last_modified=NOON)
        for _ in range(3):
            watch.look()
    assert watch.unroutable == ["in/nonsense", "in/nonsense"]
    assert watch.keys_told == []


def test_a_folder_marker_is_not_announced_and_hides_nothing(server, watch):
    markers = ["in/", "in/20260102/", "in/20260102/06/", "in/20260103/"]
    server.bulk(markers, b"", NOON)
    keys = put(server, NAMES)
    for _ in range(3):
        watch.look()
    for marker in markers:
        server.delete(marker)
        watch.look()
    server.bulk(markers, b"", NOON)
    keys += put(server, ["0", "06", "99"], NOON + SECOND)
    watch.look()
    assert watch.keys_told == sorted(keys)
    assert watch.unroutable == []


def test_a_change_in_a_full_range_is_read_in_two_requests_and_then_recognised(server, watching):
    watch = watching(Pace(TICK, at_least=1000))
    put(server, [f"{number:04}" for number in range(3000)])
    watch.look()
    watch.look()
    put(server, ["0500a", "0500b"])
    before = server.requests["ListObjectsV2"]
    watch.look()
    # The range of 0500a holds 1,002 keys now: 1,000 and 2. The keys behind the last page were looked at as well.
    assert server.requests["ListObjectsV2"] - before == 3 + 1
    assert len(watch.told) == 3002
    watch.look()
    assert server.requests["ListObjectsV2"] - before == 4 + 4


def test_a_hinted_key_is_found_at_once_in_a_range_that_is_not_due(server, watching):
    watch = watching(Pace(TICK, certified_within=1000 * TICK, hot_for=2 * TICK, at_least=1, page=7))
    keys = put(server, [f"{number:02}" for number in range(70)])
    for _ in range(12):
        watch.look()
    for name in ["!", "03a", "34a", "34b", "69a"]:
        keys += put(server, [name])
        before = server.requests["ListObjectsV2"]
        watch.look_where([Hint("landing", DAY + name)])
        assert server.requests["ListObjectsV2"] - before <= 2
        assert watch.keys_told == sorted(keys)


def test_hints_that_are_old_doubled_or_about_others_keys_tell_nothing_that_a_listing_does_not(server, watch):
    keys = put(server, ["a"])
    watch.look()
    before = server.requests["ListObjectsV2"]
    watch.look_where([Hint("landing", "out/" + keys[0]), Hint("other", keys[0])])
    assert server.requests["ListObjectsV2"] == before
    hints = [Hint("landing", DAY + name) for name in ("a", "gone", "é", "")]
    watch.look_where([*hints, *hints])
    assert watch.keys_told == keys
    server.delete(keys[0])
    watch.look_where(hints)
    watch.look()
    assert watch.keys_told == keys


IN_SMALL_PAGES = Pace(TICK, page=3, at_least=1000)
ODD_NAMES = [
    "a b",
    "a+b",
    "a%2Bb",
    "a-b",
    "a",
    "a0",
    "ção",
    "c\u0327a\u0303o",
    "'x'",
    "&amp;<",
    "🎬",
    "\ue000",
    "\ufffd",
]


def announced(ledger: Ledger) -> Counter[tuple[str, str]]:
    """How often each version is due, by key and etag."""
    return Counter(
        (member.key, member.etag)
        for each in ledger.announcements.due(1000)
        for member in DeliveryPointer.model_validate(each.draft.payload["delivery"]).members
    )


def test_each_version_that_stood_in_a_listing_is_announced_once(
    s3: Any, s3_bucket: str, new_sqlite: Callable[[], str]
) -> None:
    location = f"s3://{s3_bucket}/in/{{business_date:%Y%m%d}}/{{file}}"
    contract = watched(contract_text(location=location, delivery="{baseline: announce, resent: report}"))
    put = [(f"in/2026010{day}/{name}", body) for body in (b"1", b"22") for name in ODD_NAMES for day in (1, 2)]
    there = set[tuple[str, str]]()
    with open_ledger(new_sqlite()) as ledger:
        landing, now = Landing(ledger, s3, [contract], IN_SMALL_PAGES), NOON
        for number, (key, body) in enumerate(put, 1):
            there.add((key, s3.put_object(Bucket=s3_bucket, Key=key, Body=body)["ETag"].strip('"')))
            if number % 13 == 0:
                now += TICK
                landing.look(now)
                landing.look(now + TICK / 2)
                assert announced(ledger) == Counter(there)
