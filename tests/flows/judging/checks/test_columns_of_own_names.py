"""Checks of a column, and the rows that break them, whatever the column is called, by the sandbox's Athena."""

import json
from collections.abc import Iterator

import pytest
from builders import contract_text
from contract_texts import watched
from measured_table import MeasuredTable
from own_names import NAMES

from acceptance.judging.judge import Outcome, Verdict
from sandbox.server import LocalAws


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeasuredTable]:
    said = "logicalType: string, required: true, enum: [{value: a}, {value: b}], logicalTypeOptions: {maxLength: 1}"
    columns = "\n".join(f"- {{name: {json.dumps(name)}, {said}}}" for name in NAMES)
    contract = watched(contract_text("named", columns, day="day"))
    with LocalAws() as running:
        yield MeasuredTable(running, contract, tmp_path_factory.mktemp("named"))


def row(*cells: str) -> str:
    return ", ".join(f"'{cell}'" for cell in cells)


def test_rows_that_hold_are_accepted(table: MeasuredTable) -> None:
    judged = table.judge([row(*"a" * len(NAMES)), row(*"b" * len(NAMES))])
    assert judged.judgement.verdict is Verdict.ACCEPTED, judged.judgement.reason
    assert {result.outcome for result in judged.judgement.results} == {Outcome.PASSED}


def test_a_cell_that_breaks_a_check_is_found_and_shown_in_each_column(table: MeasuredTable) -> None:
    rows = [row(*(f"x{number}" if at == number else "a" for at in range(len(NAMES)))) for number in range(len(NAMES))]
    judged = table.judge(rows)
    failed = {result.check.columns[0] for result in judged.judgement.results if result.outcome is Outcome.FAILED}
    assert failed == set(NAMES)
    assert {result.outcome for result in judged.judgement.results} == {Outcome.PASSED, Outcome.FAILED}
    shown = {cell for _, *cells in judged.shown for cell in cells}
    assert shown >= {f"x{number}" for number in range(len(NAMES))}
