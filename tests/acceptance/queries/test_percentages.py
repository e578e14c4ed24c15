"""A bound in percent holds at the very number that the contract names."""

import pytest
from contract_texts import of_column, watched

from acceptance.judging.judge import Outcome, judge_check
from acceptance.queries.measuring_query import compile_checks, read_answer

AT_THE_BOUND = [
    ("mustBeLessOrEqualTo: 0.1", 1, 1000),
    ("mustBeLessOrEqualTo: 0.7", 7, 1000),
    ("mustBeLessOrEqualTo: 1.1", 11, 1000),
    ("mustBe: 0.3", 3, 1000),
    ("mustBeGreaterOrEqualTo: 99.9", 999, 1000),
    ("mustBeBetween: [0.1, 0.6]", 6, 1000),
    ("mustBeBetween: [0.1, 0.6]", 1, 1000),
    ("mustBeLessOrEqualTo: 0.0001", 123_456, 123_456_000_000),
]
BEYOND = [
    ("mustBeLessThan: 0.7", 7, 1000),
    ("mustBeGreaterThan: 0.1", 1, 1000),
    ("mustNotBe: 0.3", 3, 1000),
    ("mustBeLessOrEqualTo: 0.0001", 123_457, 123_456_000_000),
    ("mustBeLessOrEqualTo: 33.33333333333333", 1, 3),
]


def measured(rule: str, counted: int, rows: int) -> tuple[Outcome, str]:
    nulls = f"{{id: gaps, metric: nullValues, unit: percent, {rule}}}"
    contract = watched(of_column("customer", f"quality: [{nulls}]"))
    query = compile_checks(contract, {"day": "20260101"}, [column.name for column in contract.columns])
    values = [counted if check.id == "gaps" else 0 for check in query.checks]
    _, found = read_answer(query, [rows, 1, 2, *values], "q")
    check = next(each for each in query.checks if each.id == "gaps")
    result = judge_check(check, found["gaps"])
    return result.outcome, result.observed


@pytest.mark.parametrize(("rule", "counted", "rows"), AT_THE_BOUND)
def test_a_percentage_at_its_bound_holds(rule: str, counted: int, rows: int) -> None:
    assert measured(rule, counted, rows)[0] is Outcome.PASSED


@pytest.mark.parametrize(("rule", "counted", "rows"), BEYOND)
def test_a_percentage_beyond_its_bound_does_not_however_near_it_is(rule: str, counted: int, rows: int) -> None:
    assert measured(rule, counted, rows)[0] is Outcome.FAILED


def test_a_percentage_is_told_in_six_digits_beside_its_counts() -> None:
    assert measured("mustBe: 0", 2, 3)[1] == "66.6667 percent (2 of 3 rows)"
    assert measured("mustBe: 0", 1, 1000)[1] == "0.1 percent (1 of 1000 rows)"
    assert measured("mustBe: 0", 3, 3)[1] == "100 percent (3 of 3 rows)"
