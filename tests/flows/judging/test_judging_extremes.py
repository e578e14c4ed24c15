"""Null, NaN, infinity, no rows, one row, rows that are all equal: each verdict is right, by the sandbox's Athena."""

from collections.abc import Iterator

import pytest
from builders import contract_text
from contract_texts import watched
from measured_table import MeasuredTable

from acceptance.judging.judge import Outcome, Verdict
from sandbox.server import LocalAws

CONTRACT = contract_text(
    "readings",
    """
      - {name: id, logicalType: integer, physicalType: int, unique: true}
      - {name: least, logicalType: number, physicalType: double, logicalTypeOptions: {minimum: 0}}
      - {name: most, logicalType: number, physicalType: double, logicalTypeOptions: {maximum: 0}}
      - {name: steps, logicalType: number, physicalType: double, logicalTypeOptions: {multipleOf: 0.1}}
      - {name: rough, logicalType: number, physicalType: float, logicalTypeOptions: {multipleOf: 0.1}}
      - {name: single, logicalType: number, physicalType: float, logicalTypeOptions: {exclusiveMinimum: 0.1}}
      - {name: exact, logicalType: number, physicalType: "decimal(38,10)", logicalTypeOptions: {multipleOf: 0.05}}
      - {name: small, logicalType: integer, physicalType: bigint, logicalTypeOptions: {format: u8, multipleOf: 5}}
      - {name: wide, logicalType: integer, physicalType: bigint, logicalTypeOptions: {format: u64}}
      - {name: at, logicalType: time, logicalTypeOptions: {format: "HH:mm", maximum: "18:00"}}
      - {name: mail, logicalType: string, logicalTypeOptions: {format: email}}
      - name: kind
        logicalType: string
        quality:
          - {id: half, metric: nullValues, unit: percent, mustBeLessOrEqualTo: 50}
          - {id: same, metric: duplicateValues, unit: percent, mustBeLessThan: 50, severity: warning}
          - {id: told, metric: missingValues, arguments: {missingValues: [""]}, mustBe: 0, severity: info}
    """,
    day="dt",
    quality="""
      - {id: any_number, metric: rowCount, mustBeGreaterOrEqualTo: 0}
      - {id: pairs, metric: duplicateValues, arguments: {properties: [id, kind]}, mustBe: 0}
      - {id: mean, type: sql, query: "SELECT avg(least) FROM {object}", mustBeLessThan: 1000, severity: warning}
      - {id: all_told, type: sql, query: "SELECT bool_and(id > 0) FROM ${table}", mustBe: true, severity: warning}
    """,
    database="lab",
)
GOOD = {
    "id": "1", "least": "0", "most": "-0.0", "steps": "0.3", "rough": "0.3", "single": "0.2", "exact": "0.05",
    "small": "255", "wide": "7", "at": "'07:30'", "mail": "'ana@example.com'", "kind": "'a'",
}  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeasuredTable]:
    contract = watched(CONTRACT)
    with LocalAws() as running:
        yield MeasuredTable(running, contract, tmp_path_factory.mktemp("readings"))


def row(**changed: str) -> str:
    return ", ".join({**GOOD, **changed}.values())


NULLS = row(**dict.fromkeys(GOOD, "NULL"))


def test_one_good_row_is_accepted(table: MeasuredTable) -> None:
    judged = table.judge([row()])
    assert judged.judgement.verdict is Verdict.ACCEPTED, judged.judgement.reason
    assert {result.outcome for result in judged.judgement.results} == {Outcome.PASSED}
    assert len(judged.queries) == 1


@pytest.mark.parametrize(
    ("check", "column", "value"),
    [
        ("least_range", "least", "'NaN'::double"),
        ("least_range", "least", "'-Infinity'::double"),
        ("least_range", "least", "-1e-300"),
        ("most_range", "most", "'NaN'::double"),
        ("most_range", "most", "'Infinity'::double"),
        ("steps_multiple", "steps", "'NaN'::double"),
        ("steps_multiple", "steps", "'Infinity'::double"),
        ("steps_multiple", "steps", "0.35"),
        ("steps_multiple", "steps", "12345678.300001"),
        ("rough_multiple", "rough", "0.75"),
        ("rough_multiple", "rough", "'Infinity'::float"),
        ("single_range", "single", "0.1"),
        ("single_range", "single", "'NaN'::float"),
        ("exact_multiple", "exact", "0.0500000001"),
        ("small_format", "small", "256"),
        ("small_format", "small", "-1"),
        ("small_multiple", "small", "254"),
        ("wide_format", "wide", "-9223372036854775808"),
        ("at_format", "at", "'7:30'"),
        ("at_format", "at", "'24:00'"),
        ("at_range", "at", "'18:01'"),
        ("mail_format", "mail", "'ana@'"),
    ],
)
def test_a_value_at_the_edge_fails_its_check_and_is_shown(table: MeasuredTable, check, column, value) -> None:
    judged = table.judge([row(id="8"), row(id="9", **{column: value})])
    failed = {result.check.id for result in judged.judgement.results if result.outcome is Outcome.FAILED}
    assert check in failed
    assert judged.judgement.verdict is Verdict.REJECTED
    assert {(shown[0], shown[1]) for shown in judged.shown if shown[0] in failed} == {(each, "9") for each in failed}
    assert len(judged.queries) == 2


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("least", "'Infinity'::double"),
        ("most", "'-Infinity'::double"),
        ("steps", "12345678.3"),
        ("steps", "1e20"),
        ("rough", "12345.3"),
        ("rough", "-0.7"),
        ("steps", "-1.1"),
        ("exact", "-1234567890123456789012345678.05"),
        ("wide", "9223372036854775807"),
        ("at", "'00:00'"),
        ("at", "'18:00'"),
    ],
)
def test_an_extreme_value_that_the_contract_allows_is_accepted(table: MeasuredTable, column, value) -> None:
    judged = table.judge([row(**{column: value})])
    assert judged.judgement.verdict is Verdict.ACCEPTED, judged.judgement.reason
    assert not [each for each in judged.judgement.results if each.outcome is Outcome.FAILED]


def test_no_rows_pass_what_is_counted_skip_what_is_a_share_and_leave_a_mean_unmeasured(table: MeasuredTable) -> None:
    judged = table.judge([])
    assert judged["any_number"].outcome is Outcome.PASSED
    assert judged["least_range"].outcome is Outcome.PASSED
    assert judged["half"].outcome is Outcome.SKIPPED
    assert (judged["mean"].outcome, judged["mean"].observed) == (Outcome.ERRORED, "the query answered NULL")
    assert judged.judgement.verdict is Verdict.INCONCLUSIVE


def test_a_row_of_nulls_breaks_only_the_rules_about_nulls(table: MeasuredTable) -> None:
    judged = table.judge([row(id="0"), NULLS])
    assert judged["half"].observed == "50 percent (1 of 2 rows)"
    assert (judged["told"].outcome, judged["told"].observed) == (Outcome.WARNED, "1 row")
    assert judged["all_told"].observed == "0"
    assert judged.judgement.verdict is Verdict.ACCEPTED
    assert len(judged.queries) == 1, "a warning is not worth a second query"


def test_nulls_are_not_duplicates_of_each_other_in_one_column_but_in_several_they_are(table: MeasuredTable) -> None:
    judged = table.judge([NULLS, NULLS])
    assert judged["id_unique"].outcome is Outcome.PASSED
    assert (judged["pairs"].outcome, judged["pairs"].observed) == (Outcome.FAILED, "1 row")
    assert (judged["half"].outcome, judged["half"].observed) == (Outcome.FAILED, "100 percent (2 of 2 rows)")


def test_rows_that_are_all_equal_are_duplicates(table: MeasuredTable) -> None:
    judged = table.judge([row()] * 4)
    assert (judged["id_unique"].observed, judged["pairs"].observed) == ("3 rows", "3 rows")
    assert (judged["same"].outcome, judged["same"].observed) == (Outcome.WARNED, "75 percent (3 of 4 rows)")
    assert judged.judgement.verdict is Verdict.REJECTED


def test_a_mean_of_not_a_number_is_no_pass(table: MeasuredTable) -> None:
    judged = table.judge([row(), row(id="2", least="'NaN'::double")])
    assert (judged["mean"].outcome, judged["mean"].observed) == (Outcome.WARNED, "nan")
