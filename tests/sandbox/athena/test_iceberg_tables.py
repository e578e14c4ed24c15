"""Tables of Iceberg in the sandbox: made from a contract, written by pyiceberg, read by a client of Athena."""

from collections.abc import Callable
from typing import Any

import boto3
import pyarrow as pa
import pytest
from builders import a_contract
from sandbox_answers import Answer

from acceptance.contract.contract import Column, Table
from sandbox.pipeline.provision import provision
from sandbox.server import LocalAws

pytest.importorskip("pyiceberg", reason="the sandbox makes tables of Iceberg by it")
from sandbox.pipeline.deployed import iceberg

SESSION = boto3.Session("test", "test", region_name="us-east-1")
Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def table(aws: LocalAws, lake: str) -> Any:
    named = Table("awsdatacatalog", "lake", "iced", "primary", properties=(("table_type", "ICEBERG"),))
    columns = (Column("id", "bigint", "id"), Column("at", "timestamp", "at"), Column("day", "int", "day"))
    contract = a_contract("iced", columns=columns, table=named, partition={"day": "{business_date:%Y%m%d}"})
    provision(SESSION, aws.endpoint, [contract])
    provision(SESSION, aws.endpoint, [contract])  # it stays as it is
    return iceberg.catalog(SESSION, aws.endpoint).load_table(("lake", "iced"))


def written(table: Any, *ids: int) -> int:
    rows = pa.table({"id": ids, "at": [1_767_225_600_123_456] * len(ids), "day": [20260101] * len(ids)})
    table.append(rows.cast(table.schema().as_arrow()))
    return int(table.refresh().metadata.current_snapshot_id)


def test_a_query_reads_the_snapshot_that_it_names_whoever_writes_beside_it(table: Any, ask: Ask) -> None:
    first = written(table, 1, 2)
    second = written(table, 3)
    assert ask("SELECT snapshot_id FROM \"iced$refs\" WHERE name = 'main'").rows == [(str(second),)]
    assert ask(f"SELECT count(*) FROM iced FOR VERSION AS OF {first} WHERE day = 20260101").rows == [("2",)]
    assert ask("SELECT count(*) FROM iced WHERE day = 20260101").rows == [("3",)]
    assert "snapshot" in ask("SELECT id FROM iced FOR VERSION AS OF 5").reason
    micros = "SELECT DISTINCT CAST(CAST(at AS timestamp(6)) AS varchar), CAST(at AS varchar) FROM iced"
    assert ask(micros).rows == [("2026-01-01 00:00:00.123456", "2026-01-01 00:00:00.123")]


def test_columns_are_known_by_their_numbers_also_when_they_are_renamed_or_dropped(table: Any, ask: Ask) -> None:
    written(table, 7)
    with table.update_schema() as schema:
        schema.rename_column("id", "number")
        schema.delete_column("at")
    assert ask("SELECT * FROM iced WHERE number = 7").rows == [("7", "20260101")]
