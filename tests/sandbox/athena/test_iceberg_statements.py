"""Tables of Iceberg that Athena's own statements make and fill: CREATE TABLE, INSERT INTO and DROP TABLE."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import boto3
import pyarrow as pa
import pytest
from polling import eventually
from sandbox_answers import Answer

from sandbox.server import REGION, LocalAws

pytest.importorskip("pyiceberg", reason="the sandbox writes tables of Iceberg by it")
from moto.core import DEFAULT_ACCOUNT_ID
from moto.glue.models import glue_backends

from sandbox.athena.open_formats.iceberg_writing import GlueCalls, Writer
from sandbox.pipeline.deployed import iceberg

Ask = Callable[..., Answer]
NUMBERS = count()
COLUMNS = (
    "id bigint COMMENT 'the key', whole int, total decimal(38,2), ratio float, audience double, seen boolean, "
    "born date, at timestamp, title string, tags array<string>, line struct<sku:string,n:int>, "
    "prices map<string,decimal(9,2)>, day int, Region string"
)
ICEBERG = "TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'snappy')"
FULL = (
    "(9223372036854775807, -2147483648, DECIMAL '999999999999999999999999999999999999.99', REAL '-0.5', 1e300, true, "
    "DATE '1582-10-15', TIMESTAMP '1969-12-31 23:59:59.999999', 'São 🎬 ''a''', ARRAY['a', NULL], "
    "CAST(ROW('x', 1) AS ROW(sku varchar, n integer)), "
    "CAST(MAP(ARRAY['eur'], ARRAY[1.5]) AS MAP(varchar, decimal(9,2))), 20260101, 'SP')"
)


@pytest.fixture
def name() -> str:
    return f"made_{next(NUMBERS)}"


@pytest.fixture
def table(ask: Ask, lake: str, name: str) -> Iterator[str]:
    answer = ask(
        f"CREATE TABLE lake.{name} ({COLUMNS}) PARTITIONED BY (day, `region`) LOCATION 's3://lake/{name}/' {ICEBERG}"
    )
    assert answer.state == "SUCCEEDED", answer.reason
    yield name
    ask(f"DROP TABLE IF EXISTS lake.{name}")


@pytest.fixture
def small(ask: Ask, lake: str, name: str) -> str:
    answer = ask(f"CREATE TABLE {name} (id bigint, price decimal(5,2), day int) LOCATION 's3://lake/{name}' {ICEBERG}")
    assert answer.state == "SUCCEEDED", answer.reason
    return name


def inserted(ask: Ask, sql: str) -> Answer:
    answer = ask(sql)
    assert answer.state == "SUCCEEDED", answer.reason
    return answer


def test_a_table_that_is_created_is_one_of_iceberg_for_every_reader_of_the_catalog(
    aws: LocalAws, table: str, glue: Any, session: boto3.Session
) -> None:
    described = glue.get_table(DatabaseName="lake", Name=table)["Table"]
    assert described["Parameters"]["table_type"] == "ICEBERG"
    assert described["StorageDescriptor"]["Location"] == f"s3://lake/{table}"
    assert not described.get("PartitionKeys")
    types = {column["Name"]: column["Type"] for column in described["StorageDescriptor"]["Columns"]}
    assert types["line"] == "struct<sku:string,n:int>"
    assert (types["total"], types["at"], types["region"]) == ("decimal(38,2)", "timestamp", "string")
    loaded = iceberg.catalog(session, aws.endpoint).load_table(("lake", table))
    assert [(field.name, str(field.transform)) for field in loaded.spec().fields] == [
        ("day", "identity"),
        ("region", "identity"),
    ]
    assert loaded.metadata.current_snapshot_id is None


def test_values_of_every_type_and_nulls_come_back_as_they_were_inserted(ask: Ask, table: str) -> None:
    inserted(ask, f"INSERT INTO {table} VALUES {FULL}")
    inserted(ask, f'INSERT INTO "lake"."{table}" (day, ID) VALUES (20260102, 2)')
    assert ask(f"SELECT * FROM {table} ORDER BY day").rows == [
        (
            "9223372036854775807", "-2147483648", "999999999999999999999999999999999999.99", "-0.5", "1.0E300", "true",
            "1582-10-15", "1969-12-31 23:59:59.999", "São 🎬 'a'", "[a, null]", "{sku=x, n=1}", "{eur=1.50}",
            "20260101", "SP",
        ),
        ("2", *[None] * 11, "20260102", None),
    ]  # fmt: skip
    micros = f"SELECT CAST(CAST(at AS timestamp(6)) AS varchar) FROM {table} WHERE region = 'SP'"
    assert ask(micros).rows == [("1969-12-31 23:59:59.999999",)]


def test_rows_of_a_query_are_inserted_and_counted(ask: Ask, small: str, client: Callable[[str], Any]) -> None:
    sql = f"INSERT INTO {small} (id, price) WITH made (a, a2) AS (VALUES (1, 1.5), (2, NULL)) SELECT a, a2 FROM made"
    answer = inserted(ask, sql)
    athena = client("athena")
    assert athena.get_query_results(QueryExecutionId=answer.id)["UpdateCount"] == 2
    execution = athena.get_query_execution(QueryExecutionId=answer.id)["QueryExecution"]
    assert (execution["StatementType"], execution["SubstatementType"]) == ("DML", "INSERT")
    inserted(ask, f"INSERT INTO {small} SELECT id + 10, price, ? FROM {small}".replace("?", "7"))
    assert ask(f"SELECT id, price, day FROM {small} ORDER BY id").rows == [
        ("1", "1.50", None),
        ("2", None, None),
        ("11", "1.50", "7"),
        ("12", None, "7"),
    ]


def test_each_insert_is_a_snapshot_and_no_row_makes_none(ask: Ask, small: str) -> None:
    refs = f"SELECT snapshot_id FROM \"{small}$refs\" WHERE name = 'main'"
    inserted(ask, f"INSERT INTO {small} VALUES (1, 1, 1)")
    (first,) = ask(refs).rows
    inserted(ask, f"INSERT INTO {small} SELECT * FROM {small} WHERE id = 0")
    assert ask(refs).rows == [first]
    inserted(ask, f"INSERT INTO {small} VALUES (2, 2, 2)")
    assert ask(f"SELECT id FROM {small} FOR VERSION AS OF {first[0]}").rows == [("1",)]
    assert ask(f"SELECT count(*) FROM {small}").rows == [("2",)]


def test_inserts_at_the_same_time_all_stay(ask: Ask, small: str, client: Callable[[str], Any]) -> None:
    athena = client("athena")
    context = {"Database": "lake"}
    started = [
        athena.start_query_execution(
            QueryString=f"INSERT INTO {small} VALUES ({place}, {place}, {place})", QueryExecutionContext=context
        )["QueryExecutionId"]
        for place in range(4)
    ]

    def ended() -> list[str] | None:
        states = [
            athena.get_query_execution(QueryExecutionId=each)["QueryExecution"]["Status"]["State"] for each in started
        ]
        return None if {"QUEUED", "RUNNING"} & set(states) else states

    assert eventually(ended, "the end of all inserts") == ["SUCCEEDED"] * 4
    assert ask(f"SELECT id FROM {small} ORDER BY id").rows == [(str(place),) for place in range(4)]


def test_an_insert_that_others_overtook_loses_nothing_of_theirs(
    aws: LocalAws, ask: Ask, small: str, session: boto3.Session
) -> None:
    schema = pa.schema([("id", pa.int64()), ("price", pa.decimal128(5, 2)), ("day", pa.int32())])
    late = Writer(GlueCalls(glue_backends[DEFAULT_ACCOUNT_ID][REGION], ""), ("lake", small))
    theirs = iceberg.catalog(session, aws.endpoint).load_table(("lake", small))
    inserted(ask, f"INSERT INTO {small} VALUES (1, 1, 1)")
    theirs.append(pa.table({"id": [2], "price": [None], "day": [2]}, schema=schema))
    late.append(pa.table({"id": [3], "price": [None], "day": [3]}, schema=schema))
    assert ask(f"SELECT id FROM {small} ORDER BY id").rows == [("1",), ("2",), ("3",)]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("INSERT INTO {} VALUES (1, 2)", "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types: "
         "Table: [bigint, decimal(5,2), integer], Query: [integer, integer]"),
        ("INSERT INTO {} (id) VALUES (1, 2)", "mismatched column types: Table: [bigint], Query: [integer, integer]"),
        ("INSERT INTO {} (id) VALUES ('1')", "mismatched column types: Table: [bigint], Query: [varchar]"),
        ("INSERT INTO {} (day) VALUES (DATE '2026-01-01')", "Table: [integer], Query: [date]"),
        ("INSERT INTO {} (nothing) VALUES (1)", "COLUMN_NOT_FOUND: line 1:1: Insert column name does not exist"),
        ("INSERT INTO {} (id, ID) VALUES (1, 2)", "DUPLICATE_COLUMN_NAME"),
        ("INSERT INTO {} (day) VALUES (2147483648)", "2147483648"),
        ("INSERT INTO {} (price) VALUES (1000)", "1000"),
        ("INSERT INTO {} (id) VALUES (ARRAY[1])", "Query: [array]"),
        ("INSERT INTO {} (id) VALUES (1e0)", "write CAST(... AS bigint)"),
        ("INSERT INTO {0} (id) SELECT nothing FROM {0}", "COLUMN_NOT_FOUND"),
        ("INSERT INTO nowhere.{} VALUES (1)", "SCHEMA_NOT_FOUND"),
        ("INSERT INTO other.lake.{} VALUES (1)", "NOT_SUPPORTED"),
        ("INSERT OVERWRITE {} SELECT 1", "NOT_SUPPORTED"),
        ("UPDATE {} SET id = 1", "NOT_SUPPORTED"),
        ("DELETE FROM {} WHERE id = 1", "NOT_SUPPORTED"),
        ("MERGE INTO {0} USING {0} AS s ON {0}.id = s.id WHEN MATCHED THEN DELETE", "NOT_SUPPORTED"),
        ("OPTIMIZE {} REWRITE DATA USING BIN_PACK", "NOT_SUPPORTED"),
        ("VACUUM {}", "NOT_SUPPORTED"),
        ("CREATE TABLE copied WITH (table_type = 'ICEBERG', is_external = false) AS SELECT * FROM {}", "NOT_SUPPORTED"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_table_or_is_not_known_fails_and_leaves_the_table(
    ask: Ask, small: str, statement: str, reason: str
) -> None:
    inserted(ask, f"INSERT INTO {small} VALUES (1, 1, 1)")
    answer = ask(statement.format(small))
    assert answer.state == "FAILED"
    assert reason in answer.reason
    assert ask(f"SELECT id, price, day FROM {small}").rows == [("1", "1.00", "1")]


def test_decimals_are_rounded_and_numbers_widened_as_athena_does(ask: Ask, small: str) -> None:
    inserted(ask, f"INSERT INTO {small} VALUES (1, 1.005, SMALLINT '7'), (2, -1.005, 8), (3, 1.0049, 9)")
    assert ask(f"SELECT price FROM {small} ORDER BY id").rows == [("1.01",), ("-1.01",), ("1.00",)]


@pytest.mark.parametrize(
    ("columns", "rest", "reason"),
    [
        ("id bigint", "LOCATION 's3://lake/refused'", "needs TBLPROPERTIES ('table_type'='ICEBERG')"),
        ("id bigint", ICEBERG, "needs a LOCATION"),
        ("id bigint", "LOCATION 's3://nowhere/x' " + ICEBERG, "NoSuchBucket"),
        ("id bigint, ID int", "LOCATION 's3://lake/refused' " + ICEBERG, "named twice"),
        ("id bigint NOT NULL", "LOCATION 's3://lake/refused' " + ICEBERG, "id BIGINT NOT NULL"),
        ("id", "LOCATION 's3://lake/refused' " + ICEBERG, "a column has a type"),
        ("id tinyint", "LOCATION 's3://lake/refused' " + ICEBERG, "Iceberg has no type tinyint"),
        ("id varchar(5)", "LOCATION 's3://lake/refused' " + ICEBERG, "Iceberg has no type varchar(5)"),
        ("id bigint", "PARTITIONED BY (day) LOCATION 's3://lake/refused' " + ICEBERG, "no column of the table: day"),
        ("at timestamp", "PARTITIONED BY (month(at)) LOCATION 's3://lake/refused' " + ICEBERG, "by columns, not by"),
        ("id bigint", "LOCATION 's3://lake/refused' TBLPROPERTIES ('table_type'='ICEBERG', 'format'='orc')", "parquet"),
        ("id bigint", "LOCATION 's3://lake/refused' TBLPROPERTIES ('table_type'='ICEBERG', 'x'='1')", "this name: x"),
    ],
)
def test_a_table_that_would_be_another_in_athena_is_not_made(
    ask: Ask, lake: str, columns: str, rest: str, reason: str
) -> None:
    assert reason in ask(f"CREATE TABLE refused ({columns}) {rest}").reason
    assert "TABLE_NOT_FOUND" in ask("SELECT * FROM refused").reason


def test_a_table_that_exists_is_refused_or_tolerated_as_asked(ask: Ask, small: str) -> None:
    create = f"CREATE TABLE {{}} {small} (id bigint) LOCATION 's3://lake/{small}' {ICEBERG}"
    assert "AlreadyExistsException" in ask(create.format("")).reason
    assert ask(create.format("IF NOT EXISTS")).state == "SUCCEEDED"
    absent = f"CREATE TABLE nowhere.{small} (id bigint) LOCATION 's3://lake/{small}' {ICEBERG}"
    assert "nowhere" in ask(absent).reason


def test_a_table_that_is_dropped_takes_its_files_with_it(ask: Ask, small: str, s3: Any) -> None:
    inserted(ask, f"INSERT INTO {small} VALUES (1, 1, 1)")
    assert s3.list_objects_v2(Bucket="lake", Prefix=f"{small}/")["KeyCount"]
    assert ask(f"DROP TABLE {small}").state == "SUCCEEDED"
    assert s3.list_objects_v2(Bucket="lake", Prefix=f"{small}/")["KeyCount"] == 0


def test_nulls_that_pyiceberg_would_write_otherwise_are_refused(ask: Ask, lake: str, name: str) -> None:
    columns = "id bigint, lines array<struct<n:int>>"
    inserted(ask, f"CREATE TABLE {name} ({columns}) LOCATION 's3://lake/{name}' {ICEBERG}")
    assert "writes no null list or map of structs" in ask(f"INSERT INTO {name} (id) VALUES (1)").reason
    inserted(ask, f"INSERT INTO {name} VALUES (1, CAST(ARRAY[ROW(1)] AS ARRAY(ROW(n integer))))")
    assert ask(f"SELECT lines FROM {name}").rows == [("[{n=1}]",)]


def test_a_table_of_hive_is_not_inserted_into(ask: Ask, lake: str) -> None:
    ask("CREATE EXTERNAL TABLE hived (id bigint) STORED AS PARQUET LOCATION 's3://lake/hived'")
    assert "inserts into tables of Iceberg, and lake.hived is none" in ask("INSERT INTO hived VALUES (1)").reason
