"""The clients that people use, as they use them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from sandbox_answers import Answer

from sandbox.server import LocalAws

Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def people(ask: Ask, lake: str) -> str:
    made = ask(
        "CREATE TABLE lake.people AS SELECT n AS id, CAST(n AS varchar) AS name, CAST(n AS decimal(10,2)) AS price, "
        "DATE '2024-01-31' AS born, TIMESTAMP '2024-01-31 10:20:30' AS seen FROM UNNEST(sequence(1, 2500)) AS t (n)"
    )
    assert made.state == "SUCCEEDED", made.reason
    return "people"


@pytest.fixture
def connection(aws: LocalAws, session: boto3.Session) -> Any:
    import pyathena

    with pyathena.connect(
        session=session, endpoint_url=aws.endpoint, schema_name="lake", work_group="primary", poll_interval=0.02
    ) as connection:
        yield connection


def test_pyathena_types_its_rows_and_reads_every_page(connection: Any, people: str) -> None:
    cursor = connection.cursor().execute("SELECT * FROM people ORDER BY id")
    rows = cursor.fetchall()
    assert len(rows) == 2500
    assert [str(cell) for cell in rows[0]] == ["1", "1", "1.00", "2024-01-31", "2024-01-31 10:20:30"]
    assert cursor.data_scanned_in_bytes > 0
    assert cursor.output_location.endswith(f"{cursor.query_id}.csv")


def test_pyathena_sends_parameters(connection: Any, people: str) -> None:
    cursor = connection.cursor()
    assert cursor.execute("SELECT id FROM people WHERE name = ?", ["'7'"], paramstyle="qmark").fetchall() == [(7,)]
    assert cursor.execute("SELECT id FROM people WHERE name = %(n)s", {"n": "7"}).fetchall() == [(7,)]


def test_pyathena_raises_with_athenas_reason(connection: Any) -> None:
    import pyathena

    with pytest.raises(pyathena.error.OperationalError, match="TABLE_NOT_FOUND"):
        connection.cursor().execute("SELECT * FROM nothing")


def test_awswrangler_writes_a_dataset_and_reads_it_in_its_three_ways(
    aws: LocalAws, session: boto3.Session, lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import awswrangler
    import pandas

    for service in ("s3", "glue", "athena", "sts"):
        setattr(awswrangler.config, f"{service}_endpoint_url", aws.endpoint)
    frame = pandas.DataFrame({"id": [1, 2, 3], "name": ["á", None, 'c"d'], "day": ["1", "1", "2"]})
    awswrangler.s3.to_parquet(
        frame,
        path="s3://lake/frames/",
        dataset=True,
        database=lake,
        table="frames",
        partition_cols=["day"],
        boto3_session=session,
    )
    for how in ({"ctas_approach": True}, {"ctas_approach": False}, {"ctas_approach": False, "unload_approach": True}):
        output = {"s3_output": f"s3://lake/unloaded-{len(how)}/"} if "unload_approach" in how else {}
        read = awswrangler.athena.read_sql_query(
            "SELECT id, name, day FROM frames ORDER BY id",
            database=lake,
            boto3_session=session,
            athena_query_wait_polling_delay=0.02,
            **how,
            **output,
        )
        assert sorted(read["id"]) == [1, 2, 3], how
        assert set(read["name"].dropna()) == {"á", 'c"d'}, how


def test_the_aws_command_reads_and_writes(aws: LocalAws, people: str, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("aws.cmd" if os.name == "nt" else "aws")
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-west-1"}
    environment = {**os.environ, **keys, "AWS_ENDPOINT_URL": aws.endpoint}

    def run(*arguments: str) -> str:
        return subprocess.run(
            [str(program), *arguments], env=environment, check=True, capture_output=True, encoding="utf-8", timeout=60
        ).stdout

    file = tmp_path / "a b.csv"
    file.write_text("x", encoding="utf-8")
    run("s3", "cp", str(file), "s3://lake/cli/a b.csv", "--metadata", "aceite-fault=row-dropped")
    head = json.loads(run("s3api", "head-object", "--bucket", "lake", "--key", "cli/a b.csv"))
    assert head["Metadata"] == {"aceite-fault": "row-dropped"}
    table = ("--catalog-name", "AwsDataCatalog", "--database-name", "lake", "--table-name", people)
    shown = json.loads(run("athena", "get-table-metadata", *table))
    assert shown["TableMetadata"]["Columns"][0] == {"Name": "id", "Type": "bigint"}


def test_awswrangler_makes_a_table_of_iceberg_and_fills_it_again(
    aws: LocalAws, session: boto3.Session, lake: str, ask: Ask
) -> None:
    pytest.importorskip("pyiceberg", reason="the sandbox writes tables of Iceberg by it")
    import awswrangler
    import pandas

    for service in ("s3", "glue", "athena", "sts"):
        setattr(awswrangler.config, f"{service}_endpoint_url", aws.endpoint)
    frame = pandas.DataFrame({"id": [1, 2], "name": ["a'b", None], "day": ["x", "y"]})
    places = {"temp_path": "s3://lake/iced_tmp/", "table_location": "s3://lake/iced/", "s3_output": "s3://lake/out/"}
    for _ in range(2):
        awswrangler.athena.to_iceberg(
            frame, lake, "iced_by_frames", partition_cols=["day"], keep_files=False, boto3_session=session, **places
        )
    rows = ask("SELECT id, name, day FROM iced_by_frames ORDER BY id").rows
    assert rows == [("1", "a'b", "x")] * 2 + [("2", None, "y")] * 2


def test_pyathena_inserts_into_a_table_of_iceberg_with_parameters(connection: Any, lake: str) -> None:
    pytest.importorskip("pyiceberg", reason="the sandbox writes tables of Iceberg by it")
    cursor = connection.cursor()
    location = "LOCATION 's3://lake/iced_by_parameters/' TBLPROPERTIES ('table_type'='ICEBERG')"
    cursor.execute(f"CREATE TABLE iced_by_parameters (id bigint, name string) {location}")
    cursor.execute("INSERT INTO iced_by_parameters VALUES (?, ?)", ["7", "'a''b'"], paramstyle="qmark")
    assert cursor.execute("SELECT * FROM iced_by_parameters").fetchall() == [(7, "a'b")]
