"""Nothing is lost and nothing is announced twice, in every situation in which some known watcher does one of the two.

Each situation is looked at by a watcher that runs on, and by one that is started anew for every look. S1 to S14 are the
names that the situations have in docs/decisions.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from listing_server import MISHAPS, ListingServer
from watched_bucket import NOON, TICK, Watch, at, orders

from acceptance.errors import StepFailed
from flows.landing import Pace
from flows.ledger import sqlite_url

DAY = "in/20260102/"
SECOND = timedelta(seconds=1)

AT_ONCE = Pace(TICK, page=7, at_least=1000)
"""Every key is looked at in each tick."""


@pytest.fixture
def server() -> Iterator[ListingServer]:
    with ListingServer() as server:
        yield server


@pytest.fixture(params=["running", "restarted"])
def watching(request, server, tmp_path) -> Iterator[Callable[..., Watch]]:
    new_ledger = partial(_on_sqlite, tmp_path)
    if request.param == "on postgresql":
        new_ledger = request.getfixturevalue("postgresql")
    with _watching(server, new_ledger, restarts=request.param != "running") as start:
        yield start


on_postgresql_too = pytest.mark.parametrize("watching", ["running", "restarted", "on postgresql"], indirect=True)


def _on_sqlite(home: Path) -> str:
    return sqlite_url(home / "ledger.db")


@contextmanager
def _watching(server: ListingServer, new_ledger: Callable[[], str], restarts: bool) -> Iterator[Callable[..., Watch]]:
    started: list[Watch] = []

    def start(pace: Pace = AT_ONCE, resent: str = "report") -> Watch:
        started.append(Watch(server, server.client(), new_ledger(), orders(resent), pace, restarts))
        return started[-1]

    yield start
    for watch in started:
        watch.close()
    for watch in started:
        assert (watch.lost(), watch.twice(), watch.invented()) == (set(), set(), set())


@pytest.fixture
def watch(watching) -> Watch:
    """A watcher that has looked at the empty bucket. At the end of the test nothing may be lost, nothing told twice."""
    watch = watching()
    watch.look()
    return watch


def put(server: ListingServer, names: str | list[str], when: datetime = NOON) -> list[str]:
    """An object of its own bytes for each name. Returns the keys, as Watch.keys_told would."""
    keys = [DAY + name for name in names]
    for key in keys:
        server.put(key, size=10, last_modified=when)
    return sorted(keys)


def test_s1_an_upload_in_parts_that_began_before_the_last_look_and_ended_after_it_is_announced(server, watch):
    server.start_upload(DAY + "large", at("11:50:00"))
    put(server, ["small"], at("12:00:05"))
    watch.look(at("12:00:10"))
    assert watch.keys_told == [DAY + "small"]
    assert server.complete_upload(DAY + "large", size=10**9).last_modified == at("11:50:00")
    watch.look(at("12:00:40"))
    assert watch.keys_told == [DAY + "large", DAY + "small"]


def test_s2_a_second_file_of_the_second_in_which_the_newest_one_landed_is_announced(server, watch):
    put(server, ["first"], at("12:00:00"))
    watch.look()
    put(server, ["later", "a before"], at("12:00:00"))
    watch.look()
    assert watch.keys_told == [DAY + "a before", DAY + "first", DAY + "later"]


def test_s3_new_bytes_at_a_known_key_are_the_next_revision(server, watch):
    for minute in range(3):
        put(server, ["orders"], NOON + timedelta(minutes=minute))
        watch.look()
    assert watch.revisions(DAY + "orders") == [1, 2, 3]


def test_s3_new_bytes_of_the_same_size_in_the_same_second_are_the_next_revision(server, watch):
    for body in (b"1", b"2"):
        server.put(DAY + "orders", body, last_modified=NOON)
        watch.look()
    assert watch.revisions(DAY + "orders") == [1, 2]


@on_postgresql_too
def test_s4_the_newest_key_overwritten_together_with_two_new_ones_makes_three_announcements(server, watch):
    put(server, ["a", "b"])
    watch.look()
    put(server, ["a", "c", "d"], NOON + SECOND)
    watch.look()
    assert watch.keys_told == [DAY + name for name in "aabcd"]
    assert watch.revisions(DAY + "a") == [1, 2]


def test_s5_the_newest_key_deleted_hides_nothing_that_lands_after_it(server, watch):
    put(server, ["a", "b"])
    watch.look()
    server.delete(DAY + "b")
    put(server, ["0", "c"], NOON + SECOND)
    watch.look()
    assert watch.keys_told == [DAY + name for name in "0abc"]


@on_postgresql_too
@pytest.mark.parametrize("seconds_apart", [1, 0], ids=["s6", "s7 all in one second"])
@pytest.mark.parametrize("confirmed", [True, False], ids=["confirmed", "posted"])
def test_s6_a_watcher_that_dies_after_four_of_ten_announcements_goes_on_with_the_fifth(
    server, watch, seconds_apart, confirmed
):
    for number in range(10):
        put(server, [f"{number}"], NOON + number * timedelta(seconds=seconds_apart))
    watch.landing.look(NOON + timedelta(minutes=1))
    watch.visible |= watch.there()
    watch.announce(at_most=4, confirm=confirmed)
    assert len(watch.keys_told) == 4
    watch.restart()
    watch.look(NOON + timedelta(minutes=2))
    assert watch.keys_told == [f"{DAY}{number}" for number in range(10)]


def test_s8_a_time_in_the_future_hides_nothing_that_lands_after_it(server, watch):
    put(server, ["b"], NOON + timedelta(hours=1))
    watch.look()
    put(server, ["a", "c"], NOON + timedelta(minutes=1))
    watch.look()
    assert watch.keys_told == [DAY + name for name in "abc"]


STRANGE = ["a b", "a+b", "a%2Bb", "100%", "'single' \"double\"", "[*]?{x}\\", "line\nbreak", "tab\t", "<Contents>&amp;"]
STRANGE += [
    "\u00e9t\u00e9",
    "e\u0301te\u0301",
    "\u00df\u4e2d\u6587",
    "\U0001f600",
    "\ufffd",
    "\uffff",
    "~",
    ".",
    "x" * 900,
]


@on_postgresql_too
@pytest.mark.parametrize("page", [1, 3, 1000])
def test_s9_a_key_may_have_any_characters(server, watching, page):
    watch = watching(Pace(TICK, page=page, at_least=1000))
    keys = put(server, STRANGE)
    for _ in range(3):
        watch.look()
    assert watch.keys_told == keys
    put(server, STRANGE, NOON + SECOND)
    watch.look()
    assert all(watch.revisions(key) == [1, 2] for key in keys)
    for key in keys[::2]:
        server.delete(key)
    watch.look()
    put(server, STRANGE, NOON + 2 * SECOND)
    watch.look()
    assert all(watch.revisions(key) == [1, 2, 3] for key in keys)


@on_postgresql_too
def test_s10_a_key_that_sorts_before_all_others_is_announced(server, watch):
    keys = put(server, [f"m{number:02d}" for number in range(20)])
    watch.look()
    for first in ("in/20260101/z", "in/20251231/z", "in/20251231/a", "in/00010101/\x01"):
        server.put(first, size=1, last_modified=NOON)
        watch.look()
        keys.append(first)
    assert watch.keys_told == sorted(keys)


@on_postgresql_too
@pytest.mark.parametrize(("resent", "revisions"), [("report", [1, 2]), ("ignore", [1])])
def test_s11_the_same_bytes_sent_again_are_a_delivery_if_the_contract_says_so(server, watching, resent, revisions):
    watch = watching(resent=resent)
    for minute in range(2):
        server.put(DAY + "orders", b"the same", last_modified=NOON + timedelta(minutes=minute))
        watch.look()
        watch.look()
    assert watch.revisions(DAY + "orders") == revisions
    if resent == "ignore":
        watch.visible -= watch.there()


def test_s11_bytes_that_were_ignored_are_compared_with_when_others_come(server, watching):
    watch = watching(resent="ignore")
    for minute, body in enumerate([b"1", b"1", b"2", b"1"]):
        server.put(DAY + "orders", body, last_modified=NOON + timedelta(minutes=minute))
        watch.look()
        if minute == 1:
            watch.visible -= watch.there()
    assert watch.revisions(DAY + "orders") == [1, 2, 3]


@on_postgresql_too
def test_s12_one_page_and_half_of_another_are_announced_and_then_nothing(server, watching):
    watch = watching(Pace(TICK))
    keys = put(server, [f"{number:05d}" for number in range(1501)])
    for _ in range(4):
        watch.look()
    assert watch.keys_told == keys


@pytest.mark.parametrize(
    "apart",
    [timedelta(days=2) / 10_051, timedelta(minutes=17) / 10_051],
    ids=["s13 over two days", "s14 in 17 minutes"],
)
def test_s13_of_ten_thousand_keys_each_is_announced_once_and_so_is_one_more(server, tmp_path, apart):
    with _watching(server, partial(_on_sqlite, tmp_path), restarts=False) as watching:
        watch = watching(Pace(TICK))
        keys = [f"{DAY}{number * 7919 % 10_051:05d}" for number in range(10_051)]
        for number, key in enumerate(keys):
            server.put(key, b"0123456789", last_modified=NOON + number * apart)
        watch.look()
        assert watch.keys_told == sorted(keys)
        watch.restart()
        keys += put(server, ["05000b"], NOON)
        for _ in range(3):
            watch.look()
        assert watch.keys_told == sorted(keys)


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
