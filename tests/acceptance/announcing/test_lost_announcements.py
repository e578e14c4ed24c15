"""An announcement counts as lost only when Prefect's server cannot store it any more."""

from datetime import UTC, datetime, timedelta

from acceptance.announcing.announcements import OVERTAKEN, SILENCE, Progress

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_what_was_posted_before_the_server_was_gone_is_lost():
    progress = Progress().refused(NOON)
    assert progress.is_lost(NOON - SECOND, NOON + SECOND)
    assert not progress.is_lost(NOON + SECOND, NOON + 2 * SECOND)


def test_what_was_overtaken_by_far_is_lost():
    posted_at, now = NOON, NOON + OVERTAKEN + SECOND
    assert not Progress().stored([posted_at + OVERTAKEN - SECOND], now).is_lost(posted_at, now)
    assert Progress().stored([posted_at + OVERTAKEN], now).is_lost(posted_at, now)


def test_in_a_slow_queue_nothing_is_lost_as_long_as_the_server_stores_what_is_before_it():
    progress = Progress()
    for tick in range(300):
        now = NOON + tick * SECOND
        progress = progress.stored([NOON - SECOND], now)
        assert not progress.is_lost(NOON, now)
    assert progress.is_lost(NOON, now + SILENCE)


def test_a_watcher_that_begins_takes_for_lost_what_another_posted_long_ago():
    assert Progress().is_lost(NOON, NOON + SILENCE)
    assert not Progress().is_lost(NOON, NOON + SILENCE - SECOND)
