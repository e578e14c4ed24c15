"""Every check of a char measures its text without the padding, by the sandbox's Athena."""

from collections.abc import Iterator

import pytest
from builders import contract_text
from contract_texts import watched
from measured_table import MeasuredTable

from acceptance.judging.judge import Outcome, Verdict
from sandbox.server import LocalAws

COLUMNS = """\
- name: code
  logicalType: string
  physicalType: char(5)
  primaryKey: true
  enum: [{value: "ab  "}, {value: c}]
  logicalTypeOptions: {pattern: "^[a-z]{1,2}$", minLength: 1, maxLength: 2}
  quality:
  - {id: code_told, metric: missingValues, arguments: {missingValues: ["n/a ", "-"]}, mustBe: 0}
  - {id: code_by_sql, type: sql, query: "SELECT count(*) FROM {object} WHERE length(code) > 2", mustBe: 0}
- name: above
  logicalType: string
  physicalType: char(8)
  relationships: [{to: tree.code}]
- name: at
  logicalType: time
  physicalType: char(9)
  logicalTypeOptions: {minimum: "08:00:00", maximum: "12:00:00"}
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeasuredTable]:
    with LocalAws() as running:
        yield MeasuredTable(
            running, watched(contract_text("tree", COLUMNS, day="day")), tmp_path_factory.mktemp("tree")
        )


ROWS = ("'ab', 'ab', '12:00:00'", "'c', NULL, '08:00:00'")
PADDED = ("'ab   ', 'ab      ', '12:00:00 '", "'c    ', NULL, '08:00:00 '")


@pytest.mark.parametrize("rows", [ROWS, PADDED, (ROWS[0], PADDED[1])], ids=["bare", "padded", "both"])
def test_padding_breaks_no_check(table: MeasuredTable, rows: tuple[str, ...]) -> None:
    judged = table.judge(rows)
    assert judged.judgement.verdict is Verdict.ACCEPTED, judged.judgement.reason
    assert {result.outcome for result in judged.judgement.results} == {Outcome.PASSED}


@pytest.mark.parametrize(
    ("row", "broken"),
    [
        ("'ab', NULL, NULL", {"primary_key_unique"}),
        ("'xyz  ', NULL, NULL", {"code_values", "code_pattern", "code_length", "code_by_sql"}),
        ("'x\t   ', NULL, NULL", {"code_values", "code_pattern"}),
        ("'     ', NULL, NULL", {"code_values", "code_pattern", "code_length"}),
        ("'n/a  ', NULL, NULL", {"code_values", "code_pattern", "code_length", "code_told", "code_by_sql"}),
        ("'c    ', 'x', NULL", {"primary_key_unique", "above_in_tree"}),
        ("'c    ', NULL, '12:00:01 '", {"primary_key_unique", "at_range"}),
        ("'c    ', NULL, '07:59:59 '", {"primary_key_unique", "at_range"}),
    ],
)
def test_a_padded_cell_that_breaks_a_check_is_found(table: MeasuredTable, row: str, broken: set[str]) -> None:
    judged = table.judge((*PADDED, row))
    failed = {result.check.id for result in judged.judgement.results if result.outcome is Outcome.FAILED}
    assert failed == broken, judged.judgement.reason
    assert {result.outcome for result in judged.judgement.results} == {Outcome.PASSED, Outcome.FAILED}
