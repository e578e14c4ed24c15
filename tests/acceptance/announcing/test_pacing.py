"""Prefect's server is told as much as it stores promptly, and what it lost is told again."""

from datetime import UTC, datetime, timedelta

import pytest

from acceptance.announcing.pacing import ACTIONS_WAITING_AT_MOST, FEWEST, LATE, MOST, OVERTAKEN, SILENCE, STEP, Pacing

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_the_window_grows_while_the_server_stores_promptly_up_to_a_bound():
    pacing = Pacing(window=FEWEST)
    sizes = []
    for tick in range(20):
        now = NOON + tick * SECOND
        pacing = pacing.learn([now - SECOND], [now - SECOND], now)
        sizes.append(pacing.window)
    assert sizes[:3] == [FEWEST + STEP, FEWEST + 2 * STEP, FEWEST + 3 * STEP]
    assert sizes[-1] == max(sizes) == MOST


def test_the_window_is_halved_once_for_each_time_that_the_server_lags_and_never_closes():
    pacing = Pacing(window=400)
    sizes = []
    for tick in range(60):
        now = NOON + tick * SECOND
        pacing = pacing.learn([], [NOON - LATE - SECOND], now)
        sizes.append(pacing.window)
    assert sizes[0] == sizes[int(LATE.total_seconds()) - 1] == 200
    assert sizes[int(LATE.total_seconds())] == 100
    assert sizes[-1] == FEWEST


def test_what_is_stored_late_does_not_widen_the_window():
    assert Pacing(window=100).learn([NOON - SECOND], [NOON - 2 * LATE], NOON).window == 50


def test_a_server_that_is_silent_for_a_moment_leaves_the_window_as_it_is():
    assert Pacing(window=100).learn([], [NOON - SECOND], NOON) == Pacing(window=100)


@pytest.mark.parametrize("speed", [1, 30, 300, 3000])
def test_whatever_the_server_stores_in_a_second_its_queue_stays_within_the_window(speed):
    pacing, queue, told, longest = Pacing(), [], 0, 0
    for tick in range(600):
        now = NOON + tick * SECOND
        stored, queue = queue[:speed], queue[speed:]
        pacing = pacing.learn(stored, queue, now)
        lost = [posted_at for posted_at in queue if pacing.is_lost(posted_at, now)]
        assert not lost
        new = pacing.room(len(queue), 0)
        queue, told, longest = queue + [now] * new, told + new, max(longest, len(queue) + new)
    assert longest <= MOST
    assert told >= min(speed, FEWEST) * 500, "the server is kept busy"


def test_only_as_much_is_told_as_leaves_the_actions_of_automations_few():
    pacing = Pacing(window=400)
    assert pacing.room(100, 0) == 300
    assert pacing.room(100, ACTIONS_WAITING_AT_MOST - 1) == 1
    assert pacing.room(100, ACTIONS_WAITING_AT_MOST + 1000) == 0
    assert pacing.room(100, -5) == 300, "it also got to some that were older"
    assert pacing.room(500, 0) == 0, "the window was halved"


def test_what_was_posted_before_the_server_was_gone_is_lost():
    pacing = Pacing().refused(NOON)
    assert pacing.is_lost(NOON - SECOND, NOON + SECOND)
    assert not pacing.is_lost(NOON + SECOND, NOON + 2 * SECOND)


def test_what_was_overtaken_by_far_is_lost():
    posted_at, now = NOON, NOON + OVERTAKEN + SECOND
    assert not Pacing().learn([posted_at + OVERTAKEN - SECOND], [posted_at], now).is_lost(posted_at, now)
    assert Pacing().learn([posted_at + OVERTAKEN], [posted_at], now).is_lost(posted_at, now)


def test_in_a_slow_queue_nothing_is_lost_as_long_as_the_server_stores_what_is_before_it():
    pacing = Pacing()
    for tick in range(300):
        now = NOON + tick * SECOND
        pacing = pacing.learn([NOON - SECOND], [NOON], now)
        assert not pacing.is_lost(NOON, now)
    assert pacing.is_lost(NOON, now + SILENCE)


def test_a_watcher_that_begins_takes_for_lost_what_another_posted_long_ago():
    assert Pacing().is_lost(NOON, NOON + SILENCE)
    assert not Pacing().is_lost(NOON, NOON + SILENCE - SECOND)
