import threading
from itertools import accumulate, islice

import pytest

from acceptance.errors import WaitTimedOut
from aws.waiting import REAL_CLOCK, pauses, poll_until, waits_between


def test_a_state_that_is_there_at_once_costs_no_pause(stepped):
    assert poll_until(lambda: "RUNNING", bool, what="wait", at_most_s=5, clock=stepped.clock) == "RUNNING"
    assert stepped.slept_s == []


def test_polls_are_close_together_first_and_then_every_two_seconds():
    paused = list(islice(pauses(0.1, 2.0), 32))
    assert paused[:3] == pytest.approx([0.1, 0.1125, 0.1265625])
    assert paused[-2:] == [2.0, 2.0]


def test_a_wait_ends_at_most_an_eighth_of_its_time_too_late_and_asks_a_service_seldom():
    paused = list(islice(pauses(0.1, 2.0), 32))
    asked_at_s = list(accumulate(paused))
    assert all(pause_s <= 0.125 * at_s + 0.1001 for pause_s, at_s in zip(paused[1:], asked_at_s, strict=False))
    assert sum(at_s < 10 for at_s in asked_at_s) <= 24


def test_the_first_pause_is_never_longer_than_the_ones_after_it():
    assert next(pauses(5.0, 1.0)) == 1.0


def test_a_wait_ends_as_soon_as_it_is_done(stepped):
    states = iter(["STARTING", "RUNNING", "SUCCEEDED", "never asked for"])
    found = poll_until(lambda: next(states), lambda s: s == "SUCCEEDED", what="wait", at_most_s=60, clock=stepped.clock)
    assert (found, len(stepped.slept_s)) == ("SUCCEEDED", 2)


def test_a_wait_that_is_not_met_says_what_for_how_long_and_the_last_state(stepped):
    with pytest.raises(WaitTimedOut, match=r"^wait for run jr_1: still RUNNING after 30 s$"):
        poll_until(lambda: "RUNNING", lambda _: False, what="wait for run jr_1", at_most_s=30, clock=stepped.clock)
    assert stepped.time_s == 30


def test_what_happens_just_before_the_deadline_is_still_seen(stepped):
    assert poll_until(lambda: stepped.time_s, lambda t: t >= 30, what="wait", at_most_s=30, clock=stepped.clock) == 30


def test_a_wait_of_no_time_asks_once(stepped):
    asked = []
    with pytest.raises(WaitTimedOut):
        poll_until(lambda: asked.append(1), bool, what="wait", at_most_s=0, clock=stepped.clock)
    assert asked == [1]


def test_who_waits_leaves_its_turn_to_others():
    turns, inside = threading.Semaphore(1), [threading.Event(), threading.Event()]

    def work(number):
        with waits_between(turns):
            inside[number].set()
            while not inside[1 - number].is_set():  # for ever, if a wait kept the only turn
                REAL_CLOCK.sleep(0.001)

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert turns.acquire(blocking=False), "each turn is given back"
