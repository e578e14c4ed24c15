"""Tables of Iceberg that other writers made: read rightly, or refused with the reason, and never read wrongly."""

import io
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import a_contract
from sandbox_answers import Answer

from acceptance.contract.contract import Column, Table
from sandbox.pipeline.provision import provision
from sandbox.server import LocalAws

pytest.importorskip("pyiceberg", reason="the sandbox makes tables of Iceberg by it")
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestWriterV2,
)
from pyiceberg.table.update.snapshot import _FastAppendFiles
from pyiceberg.types import LongType

from sandbox.pipeline.deployed import iceberg

SESSION = boto3.Session("test", "test", region_name="us-east-1")
Ask = Callable[..., Answer]
NUMBERS = count()
LINES = "array<struct<sku:string,price:decimal(9,2),tags:map<string,string>>>"
DELETES = pa.schema(
    [
        pa.field("file_path", pa.string(), nullable=False, metadata={b"PARQUET:field_id": b"2147483546"}),
        pa.field("pos", pa.int64(), nullable=False, metadata={b"PARQUET:field_id": b"2147483545"}),
    ]
)
"""The columns of a file of positional deletes (Iceberg's specification)."""


@pytest.fixture
def name() -> str:
    return f"theirs_{next(NUMBERS)}"


@pytest.fixture
def table(aws: LocalAws, lake: str, name: str) -> Iterator[Any]:
    named = Table("awsdatacatalog", "lake", name, "primary", properties=(("table_type", "ICEBERG"),))
    columns = (Column("id", "bigint", "id"), Column("lines", LINES, "lines"), Column("day", "int", "day"))
    contract = a_contract(name, columns=columns, table=named, partition={"day": "{business_date:%Y%m%d}"})
    provision(SESSION, aws.endpoint, [contract])
    yield iceberg.catalog(SESSION, aws.endpoint).load_table(("lake", name))


def line(sku: str | None) -> Any:
    return {"sku": sku, "price": None, "tags": [("a", "b"), ("c", None)]}


def append(table: Any, *ids: int, lines: Any = None) -> None:
    rows = pa.table({"id": ids, "lines": [lines] * len(ids), "day": [20260101] * len(ids)}, lines_typed())
    table.append(rows.cast(table.schema().as_arrow()))


def lines_typed() -> pa.Schema:
    tags = pa.map_(pa.string(), pa.string())
    line_ = pa.struct([("sku", pa.string()), ("price", pa.decimal128(9, 2)), ("tags", tags)])
    return pa.schema([("id", pa.int64()), ("lines", pa.list_(line_)), ("day", pa.int32())])


def delete(table: Any, content: DataFileContent, schema: pa.Schema, file_format: FileFormat, **rows: Any) -> None:
    """Commit a file of deletes, as engines do that merge on read; pyiceberg writes none."""
    body = io.BytesIO()
    pq.write_table(pa.table(rows, schema=schema), body)
    path = f"{table.location()}/data/deletes-{next(NUMBERS)}.parquet"
    with table.io.new_output(path).create() as stream:
        stream.write(body.getvalue())
    (first, *_) = table.scan().plan_files()
    ids = {"equality_ids": [1]} if content is DataFileContent.EQUALITY_DELETES else {}
    entry = DataFile.from_args(
        content=content,
        file_path=path,
        file_format=file_format,
        partition=first.file.partition,
        record_count=len(next(iter(rows.values()))),
        file_size_in_bytes=len(body.getvalue()),
        **ids,
    )
    entry.spec_id = table.spec().spec_id

    class OfDeletes(ManifestWriterV2):
        def content(self) -> ManifestContent:
            return ManifestContent.DELETES

        @property
        def _meta(self) -> dict[str, str]:
            return {**super()._meta, "content": "deletes"}

    class AppendDeletes(_FastAppendFiles):
        def new_manifest_writer(self, spec: Any) -> Any:
            output = self.new_manifest_output()
            return OfDeletes(spec, self.schema(), output, self._snapshot_id, self._compression)

        def _summary(self, snapshot_properties: Any = None) -> Any:
            return super()._summary()

    from pyiceberg.table.snapshots import Operation

    with table.transaction() as transaction:
        producer = AppendDeletes(Operation.DELETE, transaction, table.io)
        producer.append_data_file(entry)
        producer.commit()


def test_rows_that_a_merge_on_read_deleted_are_not_there(table: Any, name: str, ask: Ask) -> None:
    append(table, 1, 2, 3)
    append(table, 4, 5)
    before = table.metadata.current_snapshot_id
    first = min((task.file for task in table.scan().plan_files()), key=lambda file: file.record_count == 2)
    rows = {"file_path": [first.file_path], "pos": [1]}
    delete(table, DataFileContent.POSITION_DELETES, DELETES, FileFormat.PARQUET, **rows)
    assert sorted(row["id"] for row in table.refresh().scan().to_arrow().to_pylist()) == [1, 3, 4, 5]
    assert ask(f"SELECT id FROM {name} WHERE day = 20260101 ORDER BY id").rows == [("1",), ("3",), ("4",), ("5",)]
    assert ask(f"SELECT count(*) FROM {name} FOR VERSION AS OF {before}").rows == [("5",)]


@pytest.mark.parametrize(
    ("content", "file_format", "words"),
    [
        (DataFileContent.EQUALITY_DELETES, FileFormat.PARQUET, "reads no deletes of Iceberg by equality"),
        (DataFileContent.POSITION_DELETES, FileFormat.ORC, "reads no files of Iceberg in ORC"),
        (DataFileContent.POSITION_DELETES, FileFormat.AVRO, "reads no files of Iceberg in AVRO"),
    ],
)
def test_deletes_that_the_sandbox_does_not_read_are_refused(
    table: Any, name: str, ask: Ask, content: DataFileContent, file_format: FileFormat, words: str
) -> None:
    append(table, 1, 2)
    (task,) = table.scan().plan_files()
    delete(table, content, DELETES, file_format, file_path=[task.file.file_path], pos=[0])
    assert f"NOT_SUPPORTED: the sandbox {words}" in ask(f"SELECT id FROM {name}").reason


def test_nested_columns_are_read_as_they_were_written(table: Any, name: str, ask: Ask) -> None:
    append(table, 1, lines=[line("é"), None, line(None)])
    append(table, 2, lines=[])
    cells = "cardinality(lines), lines[1].sku, lines[1].tags['a'], lines[2] IS NULL, lines[3].sku IS NULL"
    assert ask(f"SELECT {cells} FROM {name} WHERE id = 1").rows == [("3", "é", "b", "true", "true")]
    assert ask(f"SELECT cardinality(lines) FROM {name} WHERE id = 2").rows == [("0",)]


def test_a_null_that_pyiceberg_would_write_as_an_empty_list_is_refused_by_the_sandboxs_pipeline(
    aws: LocalAws, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"ENDPOINT_URL": aws.endpoint, "REGION": "us-east-1", "DEFAULT_REGION": "us-east-1"}
    for variable, value in {**variables, "ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(f"AWS_{variable}", value)
    rows = pa.table({"id": [1], "lines": [None]}, pa.schema(list(lines_typed())[:2]))
    with pytest.raises(ValueError, match=r"no null list or map of structs .* of it: lines"):
        iceberg.write(("lake", table.name()[-1]), rows, {"day": 20260101}, alone=True)


@pytest.mark.parametrize("change", ["renamed", "dropped and added again"])
def test_a_field_within_a_nested_column_that_is_another_one_now_is_refused(
    table: Any, name: str, ask: Ask, change: str
) -> None:
    append(table, 1, lines=[line("a")])
    with table.update_schema() as schema:
        if change == "renamed":
            schema.rename_column("lines.element.sku", "code")
        else:
            schema.delete_column("lines.element.sku")
    if change != "renamed":
        with table.update_schema() as schema:
            schema.add_column(("lines", "sku"), LongType())
    reason = ask(f"SELECT id FROM {name}").reason
    assert "NOT_SUPPORTED: the sandbox reads no nested column of Iceberg in which a field was renamed" in reason


def test_a_field_that_is_added_within_a_nested_column_is_null_in_older_rows(table: Any, name: str, ask: Ask) -> None:
    append(table, 1, lines=[line("a")])
    with table.update_schema() as schema:
        schema.add_column(("lines", "pieces"), LongType())
        schema.rename_column("lines", "parts")
    assert ask(f"SELECT parts[1].sku, parts[1].pieces FROM {name}").rows == [("a", None)]


def test_files_that_were_added_without_numbers_of_columns_are_refused(table: Any, name: str, ask: Ask) -> None:
    body = io.BytesIO()
    pq.write_table(pa.table({"id": [1], "lines": [None], "day": [20260101]}, lines_typed()), body)
    path = f"{table.location()}/added.parquet"
    with table.io.new_output(path).create() as stream:
        stream.write(body.getvalue())
    table.add_files([path])
    assert "no file of Iceberg whose columns have no numbers" in ask(f"SELECT id FROM {name}").reason


def test_a_partition_column_that_is_only_in_the_metadata_is_not_taken_for_null(table: Any, name: str, ask: Ask) -> None:
    """Hive's files have no partition columns, and Spark's `migrate` leaves them so."""
    append(table, 1)
    (task,) = table.scan().plan_files()
    with table.io.new_input(task.file.file_path).open() as stream:
        held = pq.read_table(io.BytesIO(stream.read()))
    body = io.BytesIO()
    pq.write_table(held.drop_columns(["day"]), body)
    with table.io.new_output(task.file.file_path).create(overwrite=True) as stream:
        stream.write(body.getvalue())
    assert "no file of Iceberg that lacks a partition column" in ask(f"SELECT id FROM {name}").reason


def test_two_snapshots_of_one_table_in_a_query_are_refused_and_so_is_a_time(table: Any, name: str, ask: Ask) -> None:
    append(table, 1)
    first = table.metadata.current_snapshot_id
    append(table, 2)
    twice = f"SELECT (SELECT count(*) FROM {name} FOR VERSION AS OF {first}), (SELECT count(*) FROM {name})"
    assert "one snapshot of a table in a query" in ask(twice).reason
    at = f"SELECT * FROM {name} FOR TIMESTAMP AS OF TIMESTAMP '2030-01-01 00:00:00 UTC'"
    assert "FOR VERSION AS OF the number of a snapshot" in ask(at).reason
