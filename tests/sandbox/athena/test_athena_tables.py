"""What a table's files say and what its catalog entry says: read as Athena does, or failed as Athena does."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from packed_files import PACKERS
from sandbox_answers import Answer

Ask = Callable[..., Answer]


def _parquet(folder: Path, select: str) -> bytes:
    path = folder / "rows.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{path.as_posix()}' (FORMAT PARQUET)")
    return path.read_bytes()


@pytest.fixture
def table(ask: Ask, s3: Any, lake: str, request: pytest.FixtureRequest) -> Callable[..., str]:
    def make(columns: str, clauses: str, **files: bytes) -> str:
        name = request.node.name.split("[")[0][-40:] + str(abs(hash(request.node.name)) % 10**6)
        for file, content in files.items():
            s3.put_object(Bucket=lake, Key=f"{name}/{file.replace('__', '/').replace('_eq_', '=')}", Body=content)
        made = ask(f"CREATE EXTERNAL TABLE {name} ({columns}) {clauses} LOCATION 's3://lake/{name}/'")
        assert made.state == "SUCCEEDED", made.reason
        return name

    return make


def test_files_of_different_ages_have_different_columns(table: Callable[..., str], ask: Ask, tmp_path: Path) -> None:
    old = _parquet(tmp_path, "SELECT 1::INTEGER AS ID, 'a' AS gone")
    new = _parquet(tmp_path, "SELECT 2::BIGINT AS id, 2.5::FLOAT AS added")
    name = table("id bigint, added double, never date", "STORED AS PARQUET", old=old, new=new)
    assert ask(f"SELECT * FROM {name} ORDER BY id").rows == [("1", None, None), ("2", "2.5", None)]


@pytest.mark.parametrize(
    ("written", "declared", "physical"),
    [
        ("1::BIGINT", "int", "INT64"),
        ("'1'", "bigint", "BYTE_ARRAY"),
        ("1::BIGINT", "string", "INT64"),
        ("1.5::DOUBLE", "decimal(4,1)", "DOUBLE"),
        ("1.5::DECIMAL(4,1)", "double", "INT32"),
        ("'2024-01-31'", "date", "BYTE_ARRAY"),
        ("DATE '2024-01-31'", "timestamp", "INT32"),
    ],
)
def test_a_file_of_another_type_is_bad_data(
    table: Callable[..., str], ask: Ask, tmp_path: Path, written: str, declared: str, physical: str
) -> None:
    name = table(f"v {declared}", "STORED AS PARQUET", rows=_parquet(tmp_path, f"SELECT {written} AS v"))
    reason = ask(f"SELECT v FROM {name}").reason
    assert reason.startswith(
        f"HIVE_BAD_DATA: Field v's type {physical} in parquet file s3://lake/{name}/rows is incompatible"
    )


def test_nested_types_are_read(table: Callable[..., str], ask: Ask, tmp_path: Path) -> None:
    content = _parquet(tmp_path, "SELECT {'x': 1, 'y': ['a', NULL]} AS s, MAP {'k': 2.5::DOUBLE} AS m")
    name = table("s struct<x:int,y:array<string>>, m map<string,double>", "STORED AS PARQUET", rows=content)
    answer = ask(f"SELECT s, m, s.y[1], m['k'] FROM {name}")
    assert (answer.types, answer.rows) == (
        ["row", "map", "varchar", "double"],
        [("{x=1, y=[a, null]}", "{k=2.5}", "a", "2.5")],
    )


def test_only_partitions_in_the_catalog_are_read(table: Callable[..., str], ask: Ask, tmp_path: Path) -> None:
    rows = _parquet(tmp_path, "SELECT 1::BIGINT AS id")
    files = {f"p_eq_{value}__rows": rows for value in ("1", "2")}
    name = table("id bigint", "PARTITIONED BY (p int) STORED AS PARQUET", **files)
    assert ask(f"SELECT * FROM {name}").rows == []
    ask(f"ALTER TABLE {name} ADD PARTITION (p = '2')")
    assert ask(f'SELECT *, "$path" FROM {name}').rows == [("1", "2", f"s3://lake/{name}/p=2/rows")]


def test_nan_among_numbers_of_a_parquet_file_is_seen(table: Callable[..., str], ask: Ask, tmp_path: Path) -> None:
    """The file's statistics name a least and a greatest number, and NaN is neither."""
    rows = pa.table({"x": pa.array([-2.0, math.nan, 1.0])})
    pq.write_table(rows, tmp_path / "nan.parquet")
    name = table("x double", "STORED AS PARQUET", rows=(tmp_path / "nan.parquet").read_bytes())
    assert ask(f"SELECT count(*) FILTER (WHERE is_nan(x)) FROM {name}").rows == [("1",)]


@pytest.mark.parametrize(
    "condition", ["day = DATE '2026-01-01'", "t.day IN (DATE '2026-01-01')", "n > 0 AND day < DATE '2026-01-02'"]
)
def test_what_is_in_a_partition_that_the_query_does_not_ask_for_does_not_matter(
    table: Callable[..., str], ask: Ask, tmp_path: Path, condition: str
) -> None:
    good, bad = _parquet(tmp_path, "SELECT 1::INTEGER AS n"), b"no Parquet at all"
    days = {"day_eq_2026-01-01__rows": good, "day_eq_2026-01-02__rows": bad}
    name = table("n int", "PARTITIONED BY (day date) STORED AS PARQUET", **days)
    ask(f"MSCK REPAIR TABLE {name}")
    assert ask(f"SELECT n FROM {name} AS t WHERE {condition}").rows == [("1",)]
    for everything in (f"SELECT n FROM {name}", f"SELECT n FROM {name} WHERE day = DATE '2026-01-01' OR n = 1"):
        assert ask(everything).state == "FAILED"


def test_hidden_and_empty_objects_are_no_rows(table: Callable[..., str], ask: Ask, tmp_path: Path) -> None:
    rows = _parquet(tmp_path, "SELECT 1::BIGINT AS id")
    name = table("id bigint", "STORED AS PARQUET", **{"rows": rows, "_SUCCESS": b"x", ".crc": b"x", "empty": b""})
    assert ask(f"SELECT id FROM {name}").rows == [("1",)]


def test_a_simple_text_table_has_no_quotes_and_nulls_what_does_not_fit(table: Callable[..., str], ask: Ask) -> None:
    content = b'id;name;d\n1;"a;b\n2;\\N;2024-01-31\nx;;\n4\n'
    name = table(
        "id int, name string, d date", "ROW FORMAT DELIMITED FIELDS TERMINATED BY ';' STORED AS TEXTFILE",
        rows=content.split(b"\n", 1)[1],
    )  # fmt: skip
    assert ask(f"SELECT * FROM {name}").rows == [
        ("1", '"a', None), ("2", None, "2024-01-31"), (None, "", None), ("4", None, None),
    ]  # fmt: skip


def test_compressed_text_and_a_header_that_is_skipped(ask: Ask, s3: Any, lake: str) -> None:
    for place, (ending, pack) in enumerate({"gz": "gzip", "zst": "zstd", "bz2": "bzip2"}.items()):
        s3.put_object(Bucket=lake, Key=f"zipped/a.csv.{ending}", Body=PACKERS[pack](f"id,n\n{place},é\n".encode()))
    ask(
        "CREATE EXTERNAL TABLE zipped (id int, n string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' "
        "LOCATION 's3://lake/zipped/' TBLPROPERTIES ('skip.header.line.count' = '1')"
    )
    assert ask("SELECT * FROM zipped ORDER BY id").rows == [("0", "é"), ("1", "é"), ("2", "é")]


def test_text_is_read_as_it_is_if_its_name_ends_like_a_packing_that_athena_does_not_unpack(
    ask: Ask, s3: Any, lake: str
) -> None:
    for place, ending in enumerate(("br", "xz", "zip")):
        s3.put_object(Bucket=lake, Key=f"named/a.csv.{ending}", Body=f"{place},é\n".encode())
    ask(
        "CREATE EXTERNAL TABLE named (id int, n string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' "
        "LOCATION 's3://lake/named/'"
    )
    assert ask("SELECT * FROM named ORDER BY id").rows == [("0", "é"), ("1", "é"), ("2", "é")]


OPEN_CSV = (
    "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' "
    "WITH SERDEPROPERTIES ('separatorChar' = ';', 'quoteChar' = '\"') STORED AS TEXTFILE"
)


def test_a_quoted_text_table_keeps_quotes_newlines_and_empty_texts(table: Callable[..., str], ask: Ask) -> None:
    name = table("id int, name string, d date", OPEN_CSV, rows=b'"1";"a;""b""\nc";"19753"\n2;"";0\n')
    assert ask(f"SELECT * FROM {name} ORDER BY id").rows == [("1", 'a;"b"\nc', "2024-01-31"), ("2", "", "1970-01-01")]


def test_a_quoted_text_table_fails_at_a_cell_of_another_type(table: Callable[..., str], ask: Ask) -> None:
    name = table("id int, name string", OPEN_CSV, rows=b"x;a\n")
    assert ask(f"SELECT name FROM {name}").rows == [("a",)]
    assert ask(f"SELECT id FROM {name}").reason == "HIVE_BAD_DATA: Error parsing field value 'x' for field id"


def test_json_lines(table: Callable[..., str], ask: Ask) -> None:
    serde = "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'"
    rows = '{"id": 1, "name": "é", "tags": ["a", "b"], "more": 1}\n{"id": 2, "name": null}\n'.encode()
    name = table("id bigint, name string, tags array<string>", serde, rows=rows)
    assert ask(f"SELECT * FROM {name} ORDER BY id").rows == [("1", "é", "[a, b]"), ("2", None, None)]


def test_a_broken_json_line_fails_the_query(table: Callable[..., str], ask: Ask) -> None:
    name = table("id bigint", "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'", rows=b'{"id": 1}\n{oops\n')
    assert ask(f"SELECT * FROM {name}").reason.startswith("HIVE_CURSOR_ERROR: Row is not a valid JSON Object")
