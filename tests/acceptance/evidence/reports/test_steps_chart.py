from datetime import timedelta

import pytest
from evidence_builder import at, step

from acceptance.evidence.evidence import StepRecord, StepStatus
from acceptance.evidence.reports.steps_chart import BRIEF_LENGTH, NARROWEST, cut, waterfall


def test_bars_stand_where_the_steps_ran_on_the_axis_of_the_run() -> None:
    drawn = waterfall([step("a", 0, 5), step("b", 5, 10)], at(0), at(20))
    assert [(bar.left, bar.width, bar.duration) for bar in drawn.bars] == [(0, 25, "5.0 s"), (25, 25, "5.0 s")]
    assert [(tick.at, tick.label) for tick in drawn.ticks] == [
        (0, "0 s"),
        (25, "5 s"),
        (50, "10 s"),
        (75, "15 s"),
        (100, "20 s"),
    ]


def test_the_axis_reaches_over_steps_outside_the_run() -> None:
    drawn = waterfall([step("early", -2, -1), step("late", 9, 12)], at(0), at(10))
    assert (drawn.start, drawn.length) == (at(-2), timedelta(seconds=14))


@pytest.mark.parametrize("length_s", [0, 0.0004, 0.002, 0.7, 1, 59, 61, 3599, 3600, 90_000, 30 * 86_400])
def test_any_length_of_run_has_a_few_ticks_and_bars_within_the_axis(length_s: float) -> None:
    drawn = waterfall([step("all", 0, length_s), step("end", length_s, length_s)], at(0), at(length_s))
    assert 1 <= len(drawn.ticks) <= 6
    assert len({tick.label for tick in drawn.ticks}) == len(drawn.ticks)
    for bar in drawn.bars:
        assert bar.left is not None
        assert bar.width is not None
        assert bar.left >= 0
        assert bar.width >= NARROWEST
        assert bar.left + bar.width <= 100.001


def test_a_step_that_never_started_has_no_bar_and_one_that_never_ended_reaches_the_end() -> None:
    skipped = StepRecord(name="s", status=StepStatus.SKIPPED)
    cancelled = StepRecord(name="c", status=StepStatus.FAILED, started=at(5))
    first, second = waterfall([skipped, cancelled], at(0), at(10)).bars
    assert (first.left, first.width, first.duration) == (None, None, "skipped")
    assert (second.left, second.width, second.open, second.duration) == (50, 50, True, "did not end")


def test_a_clock_that_ran_backwards_gives_the_narrowest_bar() -> None:
    (bar,) = waterfall([step("a", 5, 4)], at(0), at(10)).bars
    assert (bar.width, bar.duration) == (NARROWEST, "0 ms")


def test_a_long_name_keeps_its_start_and_its_end() -> None:
    name = "await s3://stage/" + "x" * 200 + "/anomesdia=20130101/"
    short = cut(name, BRIEF_LENGTH)
    assert len(short) == BRIEF_LENGTH
    assert short.startswith("await s3://")
    assert short.endswith("anomesdia=20130101/")
    assert cut("measure", BRIEF_LENGTH) == "measure"
