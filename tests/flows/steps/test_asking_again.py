"""How often the proof is asked again is bounded, however long it may be asked and however often the table changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flows.steps.table_state import Asking

LANDED = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "within", [timedelta(seconds=1), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=48)]
)
def test_a_table_that_changes_all_the_time_is_asked_forty_times_at_most(within: timedelta) -> None:
    now, asking = 0.0, Asking(0.0, within, "mark", LANDED)
    while asking.left_s(now):
        now += min(asking.gap_s, asking.left_s(now))
        asking = replace(asking, asked=asking.asked + 1)
    assert now == within.total_seconds(), "the last time is at the end"
    assert asking.asked <= 40


def test_the_first_asks_follow_one_another_fast_and_the_later_ones_slowly() -> None:
    gaps = [Asking(0.0, timedelta(hours=2), "mark", LANDED, asked=asked).gap_s for asked in range(1, 10)]
    assert gaps == [4, 8, 16, 32, 64, 128, 256, 300, 300]
