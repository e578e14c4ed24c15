"""A verdict is never green by accident, and never red by mistake."""

import math
from decimal import Decimal

import pytest

from acceptance.contract.checks import Check, Metric, Operator, Severity, Threshold, Unit
from acceptance.judging.judge import Measurement, Outcome, Verdict, judge, judge_check

PASSING = Measurement(0, query_id="q")
FAILING = Measurement(3, query_id="q")


def a_check(severity: Severity = Severity.ERROR, **changed: object) -> Check:
    return Check(**{"id": "year_range", "metric": Metric.INVALID_VALUES, "severity": severity, **changed})  # type: ignore[arg-type]


def outcomes(*measurements: Measurement | None, severity: Severity = Severity.ERROR):
    return [judge_check(a_check(severity), measurement) for measurement in measurements]


def test_everything_holds_so_the_delivery_is_accepted():
    judgement = judge(outcomes(PASSING, PASSING))
    assert (judgement.verdict, judgement.reason) == (Verdict.ACCEPTED, "2 checks hold")


def test_one_failed_check_rejects_and_the_reason_names_it_with_expected_and_observed():
    judgement = judge(outcomes(PASSING, FAILING, FAILING))
    assert judgement.verdict is Verdict.REJECTED
    assert judgement.reason == "year_range: expected 0 rows, observed 3 rows (and 1 more)"


def test_a_warning_does_not_reject_but_is_told():
    judgement = judge([*outcomes(PASSING), *outcomes(FAILING, severity=Severity.WARNING)])
    assert judgement.verdict is Verdict.ACCEPTED
    assert judgement.reason == "1 check holds, 1 warned: year_range: expected 0 rows, observed 3 rows"


def test_nothing_measured_is_inconclusive_never_accepted():
    assert judge([]).verdict is Verdict.INCONCLUSIVE
    assert judge(outcomes(Measurement(skipped="no partition"))).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    "measurement", [None, Measurement(), Measurement(error="query failed")], ids=["missing", "NULL", "error"]
)
def test_what_could_not_be_measured_is_errored_and_makes_the_verdict_inconclusive(measurement):
    results = outcomes(PASSING, measurement)
    assert results[1].outcome is Outcome.ERRORED
    assert judge(results).verdict is Verdict.INCONCLUSIVE


def test_known_bad_data_rejects_even_if_something_else_could_not_be_measured():
    assert judge(outcomes(FAILING, None)).verdict is Verdict.REJECTED
    assert judge(outcomes(FAILING), stopped_by="fetch sample rows: throttled").verdict is Verdict.REJECTED


def test_a_stopped_run_is_inconclusive_with_the_step_as_its_reason_although_all_measured_checks_hold():
    judgement = judge(outcomes(PASSING), stopped_by="invoke startjob: Unhandled: boom")
    assert (judgement.verdict, judgement.reason) == (Verdict.INCONCLUSIVE, "invoke startjob: Unhandled: boom")


@pytest.mark.parametrize(
    ("operator", "bounds", "holding", "breaking"),
    [
        (Operator.MUST_BE, (5,), 5, 6),
        (Operator.MUST_NOT_BE, (5,), 6, 5),
        (Operator.MUST_BE_GREATER_THAN, (5,), 6, 5),
        (Operator.MUST_BE_GREATER_OR_EQUAL_TO, (5,), 5, 4),
        (Operator.MUST_BE_LESS_THAN, (5,), 4, 5),
        (Operator.MUST_BE_LESS_OR_EQUAL_TO, (5,), 5, 6),
        (Operator.MUST_BE_BETWEEN, (5, 7), 7, 8),
        (Operator.MUST_NOT_BE_BETWEEN, (5, 7), 8, 7),
        (Operator.MUST_BE, (Decimal("0.1"),), Decimal("0.10"), 0.1000001),
        (Operator.MUST_BE, (Decimal("0.1"),), 0.1, 0.1 + 0.2),  # what Athena writes as 0.1 is a tenth
        (Operator.MUST_BE_LESS_OR_EQUAL_TO, (Decimal("0.3"),), 0.3, 0.30000000000000004),
        (Operator.MUST_BE_LESS_THAN, (Decimal("0.3"),), 0.29999999999999993, 0.3),
        (Operator.MUST_BE_GREATER_OR_EQUAL_TO, (Decimal("0.7"),), 0.7, 0.6999999999999998),
        (Operator.MUST_BE_BETWEEN, (Decimal("0.1"), Decimal("0.6")), 0.6, 0.6000000000000001),
        (Operator.MUST_BE_LESS_THAN, (5,), -math.inf, math.inf),
    ],
)
def test_every_operator_holds_and_breaks_with_its_bounds_included_between(operator, bounds, holding, breaking):
    threshold = Threshold(operator, bounds)
    assert threshold.holds(holding)
    assert not threshold.holds(breaking)


@pytest.mark.parametrize("operator", list(Operator))
def test_not_a_number_satisfies_no_threshold(operator):
    assert not Threshold(operator, (1, 2)).holds(math.nan)


def test_the_expectation_reads_like_a_sentence():
    check = a_check(threshold=Threshold(Operator.MUST_BE_LESS_THAN, (5,)), unit=Unit.PERCENT)
    assert judge_check(check, Measurement(7.5)).expected == "< 5 percent"
    assert judge_check(check, Measurement(7.5)).observed == "7.5 percent"


@pytest.mark.parametrize(
    ("operator", "bound", "value", "observed"),
    [
        (Operator.MUST_BE_LESS_THAN, 5, 5.0000001, "5.0000001 percent"),
        (Operator.MUST_BE_LESS_THAN, 5, 4.99999999, "4.99999999 percent"),
        (Operator.MUST_BE, 0.3, 0.30000000000000004, "0.30000000000000004 percent"),
        (Operator.MUST_BE, 0, 1e-9, "1e-09 percent"),
        (Operator.MUST_BE_LESS_THAN, 5, 100 / 3, "33.3333 percent"),
    ],
)
def test_a_measured_number_has_the_digits_that_decide(operator, bound, value, observed):
    check = a_check(threshold=Threshold(operator, (bound,)), unit=Unit.PERCENT)
    assert judge_check(check, Measurement(value)).observed == observed


@pytest.mark.parametrize(
    ("expected", "value", "observed"),
    [(2, 1, "1"), (0.3, 0.30000000000000004, "0.30000000000000004"), (1234567.5, 1234567.75, "1234567.75")],
)
def test_the_answer_of_a_rule_in_sql_is_a_number_with_all_its_digits(expected, value, observed):
    check = a_check(metric=Metric.SQL, threshold=Threshold(Operator.MUST_BE, (expected,)))
    assert judge_check(check, Measurement(value)).observed == observed
