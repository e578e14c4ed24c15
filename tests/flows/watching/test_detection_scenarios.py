"""Nothing is lost and nothing is announced twice, in every situation in which some known watcher does one of the two.

Each situation is looked at by a watcher that runs on, and by one that is started anew for every look.
"""

from datetime import timedelta

import pytest
from watched_bucket import DAY, NOON, SECOND, TICK, at, put, watches

from flows.watching.listing import Pace

on_postgresql_too = pytest.mark.parametrize("watching", ["running", "restarted", "on postgresql"], indirect=True)


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
    "...",
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
def test_s13_of_ten_thousand_keys_each_is_announced_once_and_so_is_one_more(server, new_sqlite, apart):
    with watches(server, new_sqlite, restarts=False) as watching:
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
