"""A column may have any name, and a cell any text: none stands for something of Aceite's own."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from avro_files import avro
from builders import contract_text
from contract_texts import PATH
from orc_files import orc
from own_names import NAMES, TEXTS
from proven_delivery import Proof

from acceptance.contract.contract import Column, Contract
from acceptance.contract.landing_format import FileFormat, LandingFormat
from acceptance.judging.judge import Verdict
from acceptance.odcs.reader import read_contract
from landed.file import read_landed, rows_of_buckets
from sandbox.pipeline.provision import provision

Rows = Sequence[Sequence[str | None]]


def csv_of(names: Sequence[str], rows: Rows) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([names, *(["" if cell is None else cell for cell in row] for row in rows)])
    return out.getvalue().encode()


def json_of(names: Sequence[str], rows: Rows) -> bytes:
    return "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows).encode()


def parquet_of(names: Sequence[str], rows: Rows) -> bytes:
    out = io.BytesIO()
    cells = list(zip(*rows, strict=True))
    pq.write_table(pa.Table.from_arrays([pa.array(each, pa.string()) for each in cells], names=list(names)), out)
    return out.getvalue()


def avro_of(names: Sequence[str], rows: Rows) -> bytes:
    return avro(dict.fromkeys(names, "string"), rows)


def orc_of(names: Sequence[str], rows: Rows) -> bytes:
    return orc(dict(zip(names, map(pa.array, zip(*rows, strict=True)), strict=True)))


FORMATS: dict[FileFormat, Callable[[Sequence[str], Rows], bytes]] = {
    FileFormat.CSV: csv_of,
    FileFormat.JSON: json_of,
    FileFormat.PARQUET: parquet_of,
    FileFormat.AVRO: avro_of,
    FileFormat.ORC: orc_of,
}


@pytest.fixture(scope="module")
def proof(local_aws: Any, tmp_path_factory: pytest.TempPathFactory) -> Proof:
    """A row for each text, in all columns; the column `id` is the key."""
    columns = "\n".join(f"- {{name: {json.dumps(name)}, logicalType: string}}" for name in NAMES)
    text = contract_text("named", f"- {{name: id, logicalType: integer, primaryKey: true}}\n{columns}", day="day")
    contract = read_contract(text, PATH, {})
    assert contract is not None
    folder = tmp_path_factory.mktemp("named")
    landed = folder / "landed.csv"
    rows = [(str(number), *([text] * len(NAMES))) for number, text in enumerate(TEXTS)]
    landed.write_bytes(csv_of(("id", *NAMES), rows))
    provision(boto3.Session("test", "test", region_name="us-east-1"), local_aws.endpoint, [contract])
    proof = Proof(local_aws, contract, landed, folder)
    proof.duck.execute("CREATE TABLE base (id BIGINT" + "".join(f", {quoted(name)} VARCHAR" for name in NAMES) + ")")
    marks = ", ".join("?" for _ in rows[0])
    proof.duck.executemany(f"INSERT INTO base VALUES ({marks})", rows)
    return proof


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def test_each_name_and_each_text_is_proven_equal(proof: Proof) -> None:
    judgement, differences = proof.judge_only("SELECT * FROM base")
    assert (judgement.verdict, differences) == (Verdict.ACCEPTED, None), judgement.reason


@pytest.mark.parametrize("value", ["NULL", "''", "'y'"])
def test_each_changed_cell_is_found_whatever_its_column_is_called_and_its_text_is(proof: Proof, value: str) -> None:
    changed = ", ".join(
        f"CASE WHEN id = {number % len(TEXTS)} THEN {value} ELSE {quoted(name)} END AS {quoted(name)}"
        for number, name in enumerate(NAMES)
    )
    judgement, differences = proof.judge_only(f"SELECT * REPLACE ({changed}) FROM base")
    assert judgement.verdict is Verdict.REJECTED
    assert differences is not None
    assert differences.columns == dict.fromkeys(NAMES, 1)
    texts = {cell.landed for row in differences.rows for cell in row.cells}
    assert texts == set(TEXTS)


@pytest.mark.parametrize("format_", FORMATS)
def test_each_text_is_itself_in_each_format_and_no_null(tmp_path: Path, format_: FileFormat) -> None:
    columns = (Column("id", "int", "id", primary_key=True), *(Column(name, "string", name) for name in NAMES))
    of = replace(a_contract(), landing=LandingFormat(format_), columns=columns)
    path = tmp_path / "landed"
    rows: Rows = [(str(number), *([text] * len(NAMES))) for number, text in enumerate(TEXTS)]
    if not format_.is_text:
        columns = (replace(columns[0], type="string"), *columns[1:])
        of = replace(of, columns=columns)
    path.write_bytes(FORMATS[format_](("id", *NAMES), rows))
    landed = read_landed(path, of, tmp_path)
    assert (landed.faults, landed.rows, landed.header) == ((), len(TEXTS), ("id", *NAMES))
    read = {texts[0]: texts[1:] for _, texts in rows_of_buckets(path, of, tmp_path, 1, {0})}
    escaped = {number: text.replace("\x1e", "\x1ee").replace("\x1f", "\x1es") for number, *_, text in rows if text}
    assert read == {number: (text,) * len(NAMES) for number, text in escaped.items()}


def a_contract() -> Contract:
    contract = read_contract(contract_text("named"), PATH, {})
    assert contract is not None
    return contract
