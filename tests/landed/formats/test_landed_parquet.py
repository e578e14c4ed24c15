"""Parquet as its writers write it: pandas, Spark, Impala, Hive, Arrow, DuckDB and Athena."""

import struct
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from landed_contract import column, contract

from landed.file import LandedFile, read_landed, rows_of_buckets

INT96 = {"use_deprecated_int96_timestamps": True}
IMPOSSIBLE_MS = 2**62
LONG_DECIMAL = pa.array([Decimal("1.5")], pa.decimal256(50, 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "landed"


def written(path: Path, cells: pa.Array | list[Any], **options: Any) -> None:
    """A file of one column, c."""
    pq.write_table(pa.table({"c": cells}), path, **options)


def read(path: Path, type_: str, **facts: Any) -> LandedFile:
    return read_landed(path, contract(column("c", type_, **facts), format="parquet"), path.parent)


def texts(path: Path, type_: str, **facts: Any) -> list[str | None]:
    """The canonical texts of the cells, sorted, without nulls last."""
    assert said(read(path, type_, **facts)) == []
    of = contract(column("c", type_, **facts), format="parquet")
    rows = rows_of_buckets(path, of, path.parent, 1, {0})
    return [text for (_, (text,)), times in rows.items() for _ in range(times)]


def said(landed: LandedFile) -> list[str]:
    return [str(fault) for fault in landed.faults]


@pytest.mark.parametrize(
    "type_", ["string", "varchar(3)", "char(3)", "bigint", "tinyint", "decimal(4,1)", "double", "float", "boolean",
              "date", "timestamp"],
)  # fmt: skip
def test_a_column_of_nulls_only_is_one_of_any_type(path: Path, type_: str) -> None:
    pd.DataFrame({"c": [None, None]}).to_parquet(path)
    assert texts(path, type_) == [None, None]
    written(path, pa.nulls(2, pa.int32()))
    assert read(path, "bigint").fingerprint == read(path, "int").fingerprint


def test_bytes_without_an_annotation_are_a_text_as_impala_and_hive_write_it(path: Path) -> None:
    written(path, pa.array(["S\u00e3o".encode(), b"", None], pa.binary()))
    assert texts(path, "string") == ["", "S\u00e3o", None]
    assert texts(path, "varchar(3)") == ["", "S\u00e3o", None]


@pytest.mark.parametrize("kind", [pa.binary(), pa.string()])
def test_bytes_that_are_no_utf_8_are_a_fault_of_their_row(path: Path, kind: pa.DataType) -> None:
    cells = [b"a", b"card 4111\xff", None, b"\xed\xa0\x80"]
    written(path, pa.array(cells, pa.binary()).cast(kind, safe=False), row_group_size=1)
    assert said(read(path, "string")) == [
        "line 2, column c: 'card 4111?' is not text: it has bytes that are not valid UTF-8; the column has 2 such "
        "texts; write the file and land it again"
    ]
    assert said(read(path, "string", sensitive=True))[0].startswith("line 2, column c: the value (hidden) is not text")


@pytest.mark.parametrize("of_type", [pa.timestamp("ns"), pa.timestamp("ns", "UTC"), "INT96"])
def test_a_time_below_a_millisecond_is_a_fault_that_shows_its_digits(path: Path, of_type: Any) -> None:
    ns = 1704067200123000001
    kind = pa.timestamp("ns") if of_type == "INT96" else of_type
    written(path, pa.array([ns, None, ns - 1], kind), **(INT96 if of_type == "INT96" else {}))
    [fault] = said(read(path, "timestamp"))
    assert fault.startswith("line 1, column c: '2024-01-01 00:00:00.123000001"), fault
    assert "to the millisecond" in fault


@pytest.mark.parametrize("options", [{}, INT96])
def test_a_time_that_may_be_rounded_is_rounded_once(path: Path, options: dict[str, Any]) -> None:
    written(path, pa.array([1704067200123499999, 1704067200123500000], pa.timestamp("ns")), **options)
    assert texts(path, "timestamp", rounded=True) == ["2024-01-01 00:00:00.123000", "2024-01-01 00:00:00.124000"]


def test_int96_holds_times_that_nanoseconds_of_64_bits_do_not(path: Path) -> None:
    moments = [*map(datetime.fromisoformat, ("0001-01-01", "2024-01-01 12:00", "9999-12-31 23:59:59.999000")), None]
    written(path, pa.array(moments, pa.timestamp("us")), **INT96)
    expected = ["0001-01-01 00:00:00.000000", "2024-01-01 12:00:00.000000", "9999-12-31 23:59:59.999000", None]
    assert texts(path, "timestamp") == expected


@pytest.mark.parametrize(
    ("day", "ns"),
    [(2_000_000_000, 0), (2_440_588, -1), (2_440_588, 86_400 * 10**9), (2_440_588, 2**62), (2**32 - 1, 5)],
)
def test_an_int96_that_is_no_time_is_a_fault(path: Path, day: int, ns: int) -> None:
    plain = {"use_dictionary": False, "compression": "none", "write_statistics": False}
    written(path, pa.array([123456789], pa.timestamp("ns")), **INT96, **plain)
    content, cell = path.read_bytes(), struct.pack("<qI", 123456789, 2_440_588)
    assert content.count(cell) == 1
    path.write_bytes(content.replace(cell, struct.pack("<qI", ns, day)))
    assert said(read(path, "timestamp"))[0].startswith("line 1, column c: ")


@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("zone", [None, "UTC"])
def test_a_time_that_no_table_could_hold_is_a_fault(path: Path, statistics: bool, zone: str | None) -> None:
    written(path, pa.array([1, IMPOSSIBLE_MS], pa.timestamp("ms", zone)), write_statistics=statistics)
    [fault] = said(read(path, "timestamp"))
    assert "is outside of what its type can hold" in fault


@pytest.mark.parametrize(
    ("cells", "type_", "found"),
    [
        (pa.array(["a"]), "bigint", "BYTE_ARRAY (STRING)"),
        (pa.array([1.5]), "decimal(4,1)", "DOUBLE"),
        (pa.array([1], pa.int8()), "string", "INT32 (INT(8, signed))"),
        (pa.array([1], pa.uint64()), "string", "INT64 (INT(64, unsigned))"),
        (pa.array([1], pa.time32("ms")), "timestamp", "INT32 (TIME(MILLIS, local))"),
        (pa.array([1], pa.timestamp("us", "UTC")), "date", "INT64 (TIMESTAMP(MICROS, in UTC))"),
        (pa.array([1], pa.date32()), "timestamp", "INT32 (DATE)"),
        (pa.array([b"ab"], pa.binary(2)), "char(2)", "FIXED_LEN_BYTE_ARRAY(2)"),
        (pa.array([Decimal("1.5")], pa.decimal128(9, 1)), "double", "FIXED_LEN_BYTE_ARRAY(4) (DECIMAL(9, 1))"),
        (LONG_DECIMAL, "decimal(38,1)", "FIXED_LEN_BYTE_ARRAY(21) (DECIMAL(50, 1))"),
        (LONG_DECIMAL, "double", "FIXED_LEN_BYTE_ARRAY(21) (DECIMAL(50, 1))"),
        (pa.array([[Decimal("1.5")]]), "decimal(2,1)", "LIST, a nested type"),
        (pa.array([{"a": 1}]), "string", "a group, a nested type"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "string", "MAP, a nested type"),
    ],
)  # fmt: skip
def test_a_column_of_another_type_is_named_in_parquets_words(
    path: Path, cells: pa.Array, type_: str, found: str
) -> None:
    written(path, cells)
    [fault] = said(read(path, type_))
    assert fault.startswith(
        f"line 1, column c: the column 'c' is {found}, which does not convert to {type_}; allowed: "
    ), fault


@pytest.mark.parametrize(
    ("cells", "type_", "text"),
    [
        (pa.array([2**64 - 1], pa.uint64()), "decimal(20,0)", "18446744073709551615"),
        (pa.array([255], pa.uint8()), "smallint", "255"),
        (pa.array([2**32 - 1], pa.uint32()), "bigint", "4294967295"),
        (pa.array([Decimal("-1.5")], pa.decimal128(5, 1)), "decimal(9,2)", "-1.50"),
        (pa.array([Decimal("-1.5")], pa.decimal128(15, 1)), "decimal(15,1)", "-1.5"),
        (pa.array([Decimal("-1.5")], pa.decimal128(38, 1)), "decimal(38,1)", "-1.5"),
        (pa.array(["a"]).dictionary_encode(), "varchar(1)", "a"),
        (pa.array(["a"], pa.large_string()), "string", "a"),
        (pa.array([UUID(int=1).bytes], pa.binary(16)).cast(pa.uuid()), "string", str(UUID(int=1))),
        (pa.array([1], pa.timestamp("s")), "timestamp", "1970-01-01 00:00:01.000000"),
        (pa.array([1.5], pa.float32()), "double", "1500000"),
        (pa.array([86_400_000], pa.date64()), "date", "1970-01-02"),
    ],
)
@pytest.mark.parametrize(
    "options", [{}, {"store_decimal_as_integer": True, "version": "1.0", "data_page_version": "2.0"}]
)
def test_what_arrow_writes_is_read(path: Path, cells: pa.Array, type_: str, text: str, options: dict[str, Any]) -> None:
    written(path, cells, **options)
    assert texts(path, type_, digits=6) == [text]


@pytest.mark.parametrize(
    ("cell", "type_", "text"),
    [
        ("255::UTINYINT", "smallint", "255"),
        ("1.5::DECIMAL(4,1)", "decimal(4,1)", "1.5"),
        ("1.5::DECIMAL(18,1)", "decimal(18,1)", "1.5"),
        ("TIMESTAMPTZ '2024-01-01 00:00:00+00'", "timestamp", "2024-01-01 00:00:00.000000"),
        ("'b'::ENUM('a', 'b')", "char(1)", "b"),
        ("UUID '00000000-0000-0000-0000-000000000001'", "string", "00000000-0000-0000-0000-000000000001"),
        ("'\\xC3\\xA3'::BLOB", "string", "\u00e3"),
    ],
)
def test_what_duckdb_writes_is_read(path: Path, cell: str, type_: str, text: str) -> None:
    duckdb.execute(f"COPY (SELECT {cell} AS c) TO '{path.as_posix()}' (FORMAT parquet)")
    assert texts(path, type_) == [text]


@pytest.mark.parametrize(
    ("names", "ignored", "faults"),
    [
        (["c", "c"], (), ["line 1, column c: the header has the column 'c' 2 times"]),
        (["c", "C"], (), ["line 1, column c: the header has the column 'c' 2 times"]),
        (["c", "t", "T"], ("t",), []),
        (["t", "c", "t"], ("t",), []),
        (["c_1", "c"], (), ["line 1: the header has a column 'c_1' that the contract lacks; allowed: c"]),
    ],
)
def test_names_are_those_of_the_file(path: Path, names: list[str], ignored: tuple[str, ...], faults: list[str]) -> None:
    cells = [pa.array([f"{name} {place}"]) for place, name in enumerate(names)]
    pq.write_table(pa.Table.from_arrays(cells, names=names), path)
    of = contract(column("c", "string"), format="parquet", ignored=ignored)
    landed = read_landed(path, of, path.parent)
    assert (said(landed), landed.header) == (faults, tuple(names))
    if not faults:
        [(_, texts)] = rows_of_buckets(path, of, path.parent, 1, {0})
        assert texts == (f"c {names.index('c')}",)


@pytest.mark.parametrize("order", [["x_1", "x", "x"], ["x", "x", "x_1"], ["x", "x_1", "X"]])
def test_a_column_named_as_duckdb_would_rename_another_is_itself(path: Path, order: list[str]) -> None:
    read_as: Callable[[], Any] = lambda: rows_of_buckets(path, of, path.parent, 1, {0})  # noqa: E731
    of = contract(column("x_1", "string"), format="parquet", ignored=("x",))
    pq.write_table(pa.Table.from_arrays([pa.array([name]) for name in order], names=order), path)
    assert list(read_as()) == [(0, ("x_1",))]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_a_page_whose_bytes_have_another_checksum_is_a_fault_with_its_place(
    path: Path, version: str, compression: str
) -> None:
    written(
        path, list(range(1000, 1100)), compression=compression, data_page_version=version, use_dictionary=False,
        row_group_size=60, write_page_checksum=True,
    )  # fmt: skip
    assert said(read(path, "bigint")) == []
    content = bytearray(path.read_bytes())
    chunk = pq.ParquetFile(path).metadata.row_group(1).column(0)
    content[chunk.data_page_offset + chunk.total_compressed_size - 9] ^= 1
    path.write_bytes(content)
    fault = "page 1 of the column 'c' in row group 2 of 2 is damaged: its checksum (CRC-32) is that of other bytes"
    assert said(read(path, "bigint")) == [f"line 61: {fault}; write the file and land it again"]


def test_a_dictionary_has_a_checksum_too_and_pages_need_none(path: Path) -> None:
    written(path, ["a", "b", "c"] * 9, compression="none", write_page_checksum=True)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\1\0\0\0b", b"\1\0\0\0x", 1))
    assert "page 1 of the column 'c' in row group 1 of 1 is damaged" in said(read(path, "string"))[0]
    written(path, ["a", "b", "c"] * 9, compression="none")
    assert said(read(path, "string")) == []


def test_statistics_that_lie_change_no_row(path: Path) -> None:
    written(path, pa.array([5, 6, None, 7]), compression="none", use_dictionary=False)
    right = read(path, "bigint")
    content = path.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    lies = content[footer:].replace(struct.pack("<q", 5), struct.pack("<q", 100))
    lies = lies.replace(struct.pack("<q", 7), struct.pack("<q", 200))
    path.write_bytes(content[:footer] + lies)
    stated = pq.ParquetFile(path).metadata.row_group(0).column(0).statistics
    assert (stated.min, stated.max) == (100, 200)
    assert read(path, "bigint") == right
    assert texts(path, "bigint") == ["5", "6", "7", None]
