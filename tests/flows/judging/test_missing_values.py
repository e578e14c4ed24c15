"""What a contract calls missing is found in a column of any type, by the sandbox's Athena."""

from collections.abc import Iterator

import pytest
from builders import contract_text
from contract_texts import watched
from measured_table import MeasuredTable

from acceptance.contract.contract import Contract
from acceptance.judging.judge import Outcome, Verdict
from sandbox.server import LocalAws

COLUMNS = {  # its types, what is missing, a cell that is, a cell that is not
    "pieces": ("logicalType: integer, physicalType: bigint", "[-999, '-1']", "-1", "999"),
    "price": ("logicalType: number, physicalType: 'decimal(10,2)'", "[-999, 0.5]", "-999.00", "0.51"),
    "weight": ("logicalType: number, physicalType: double", "[-999]", "-999", "-998.5"),
    "rating": ("logicalType: number, physicalType: float", "[-999, '0.1']", "0.1", "0.2"),
    "since": ("logicalType: date", "['1900-01-01']", "DATE '1900-01-01'", "DATE '2026-01-01'"),
    "landing": ("logicalType: date, logicalTypeOptions: {format: dd/MM/yyyy}", "['01/01/1900']",
                "DATE '1900-01-01'", "DATE '2026-01-01'"),
    "seen": ("logicalType: timestamp", "['1900-01-01 00:00:00']", "TIMESTAMP '1900-01-01 00:00:00'",
             "TIMESTAMP '1900-01-01 00:00:01'"),
    "sold": ("logicalType: boolean", "[false]", "false", "true"),
    "told": ("logicalType: boolean", "['false']", "false", "true"),
    "code": ("logicalType: string, physicalType: char(5)", "['n/a', '?  ']", "'n/a  '", "'  n/a'"),
    "note": ("logicalType: string", "['', 0]", "'0'", "' '"),
}  # fmt: skip


def contract() -> Contract:
    rule = "{{id: {0}_told, metric: missingValues, arguments: {{missingValues: {1}}}, mustBe: 0}}"
    lines = [
        "- {name: id, logicalType: integer, physicalType: int}",
        *(
            f"- {{name: {name}, {types}, quality: [{rule.format(name, missing)}]}}"
            for name, (types, missing, _, _) in COLUMNS.items()
        ),
    ]
    return watched(contract_text("stock", "\n".join(lines), day="dt"))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeasuredTable]:
    with LocalAws() as running:
        yield MeasuredTable(running, contract(), tmp_path_factory.mktemp("stock"))


def row(**changed: str) -> str:
    return ", ".join(("1", *({name: good for name, (_, _, _, good) in COLUMNS.items()} | changed).values()))


def test_a_row_without_a_missing_value_is_accepted(table: MeasuredTable) -> None:
    judged = table.judge([row()])
    assert judged.judgement.verdict is Verdict.ACCEPTED, judged.judgement.reason
    assert {result.outcome for result in judged.judgement.results} == {Outcome.PASSED}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_value_that_counts_as_missing_rejects_whatever_the_type_of_its_column(table, column) -> None:
    judged = table.judge([row(), row(**{column: COLUMNS[column][2]})])
    failed = [result.check.id for result in judged.judgement.results if result.outcome is Outcome.FAILED]
    assert failed == [f"{column}_told"]
    assert judged[f"{column}_told"].observed == "1 row"
    assert judged.judgement.verdict is Verdict.REJECTED
