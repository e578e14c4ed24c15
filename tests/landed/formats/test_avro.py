"""Avro as its writers write it, and as damage and malice do. fastavro, which the product's reader is not, writes it."""

import io
import json
import struct
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import fastavro
import pytest
from avro_files import avro, avro_schema, logical
from hypothesis import given, settings
from hypothesis import strategies as st
from landed_contract import column, contract
from packed_files import zstd

from landed.file import LandedFile, read_landed, rows_of_buckets

MAGIC, SYNC = b"Obj\x01", bytes(range(16))
UUID_TEXT = "12345678-1234-5678-1234-567812345678"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 123000, UTC)
LOCAL = MOMENT.replace(tzinfo=None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "landed"


def record(*fields: tuple[str, Any]) -> dict[str, Any]:
    return avro_schema(dict(fields))


def written(path: Path, type_: Any, cells: Sequence[Any], codec: str = "null") -> None:
    """A file of one column, c."""
    path.write_bytes(avro({"c": type_}, [[cell] for cell in cells], codec))


def number(value: int) -> bytes:
    """The bytes of a whole number."""
    value, out = ((value << 1) ^ (value >> 63)) & (2**64 - 1), b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def by_hand(path: Path, schema: Any, *blocks: tuple[int, bytes], codec: str = "null", sync: bytes = SYNC) -> None:
    text = (schema if isinstance(schema, str) else json.dumps(schema)).encode()
    facts = {b"avro.codec": codec.encode(), b"avro.schema": text}
    header = b"".join(number(len(each)) + each for pair in facts.items() for each in pair)
    body = b"".join(number(rows) + number(len(data)) + data + sync for rows, data in blocks)
    path.write_bytes(MAGIC + number(len(facts)) + header + b"\0" + SYNC + body)


def read(path: Path, type_: str, **facts: Any) -> LandedFile:
    return read_landed(path, contract(column("c", type_, **facts), format="avro"), path.parent)


def texts(path: Path, type_: str, **facts: Any) -> list[str | None]:
    """The canonical texts of the cells."""
    assert said(read(path, type_, **facts)) == []
    of = contract(column("c", type_, **facts), format="avro")
    rows = rows_of_buckets(path, of, path.parent, 1, {0})
    return [text for (_, (text,)), times in rows.items() for _ in range(times)]


def said(landed: LandedFile) -> list[str]:
    return [str(fault) for fault in landed.faults]


DECIMAL = logical("bytes", "decimal", precision=9, scale=2)
FIXED_DECIMAL = {"type": "fixed", "name": "F", "size": 8, "logicalType": "decimal", "precision": 9, "scale": 2}
ENUM = {"type": "enum", "name": "E", "symbols": ["A", "B"]}


VALUES = [
    ("string", "a,\n\0é", "string", "a,\n\0é"),
    ("string", "", "string", ""),
    (ENUM, "B", "char(3)", "B"),
    (logical("string", "uuid"), UUID(UUID_TEXT), "string", UUID_TEXT),
    ("int", -(2**31), "int", str(-(2**31))),
    ("long", 2**63 - 1, "bigint", str(2**63 - 1)),
    ("long", -(2**63), "decimal(19,0)", str(-(2**63))),
    ("int", 7, "decimal(9,2)", "7.00"),
    ("boolean", True, "boolean", "true"),
    ("boolean", False, "boolean", "false"),
    ("float", 0.5, "float", "500000"),
    ("float", 0.5, "double", "500000"),
    ("double", -1.25, "double", "-1250000"),
    (DECIMAL, Decimal("-0.05"), "decimal(9,2)", "-0.05"),
    (DECIMAL, Decimal("12.00"), "bigint", "12"),
    (FIXED_DECIMAL, Decimal("-1234567.89"), "decimal(9,2)", "-1234567.89"),
    (logical("int", "date"), date(1, 1, 1), "date", "0001-01-01"),
    (logical("int", "date"), date(9999, 12, 31), "date", "9999-12-31"),
    (logical("long", "timestamp-millis"), MOMENT, "timestamp", "2026-01-02 03:04:05.123000"),
    (logical("long", "timestamp-micros"), MOMENT, "timestamp", "2026-01-02 03:04:05.123000"),
    (logical("long", "timestamp-nanos"), 1_767_323_045_123_000_000, "timestamp", "2026-01-02 03:04:05.123000"),
    (logical("long", "local-timestamp-micros"), LOCAL, "timestamp", "2026-01-02 03:04:05.123000"),
    (logical("long", "local-timestamp-millis"), LOCAL, "timestamp", "2026-01-02 03:04:05.123000"),
    (logical("long", "nobody-knows-it"), 7, "bigint", "7"),
    (logical("int", "timestamp-millis"), 7, "bigint", "7"),
]
NAMES = [f"c{place}" for place in range(len(VALUES))]


@pytest.mark.parametrize("of", [lambda type_: type_, lambda type_: ["null", type_], lambda type_: [type_, "null"]])
def test_a_value_of_each_type_is_read_also_in_a_union_with_null(path: Path, of: Callable[[Any], Any]):
    plain = [type_ if type_ is not FIXED_DECIMAL else {**type_, "name": "Fixed"} for type_, *_ in VALUES]
    is_union, row = isinstance(of("int"), list), [value for _, value, *_ in VALUES]
    nulls = [[None] * len(VALUES)] if is_union else []
    path.write_bytes(avro(dict(zip(NAMES, map(of, plain), strict=True)), [row, *nulls]))
    read_as = contract(
        *(column(name, type_) for name, (_, _, type_, _) in zip(NAMES, VALUES, strict=True)), format="avro"
    )
    assert said(read_landed(path, read_as, path.parent)) == []
    found = rows_of_buckets(path, read_as, path.parent, 1, {0})
    expected = [tuple(text for *_, text in VALUES), *([(None,) * len(VALUES)] if is_union else [])]
    assert sorted((cells for _, cells in found), key=str) == sorted(expected, key=str)


def test_a_column_of_nulls_only_is_one_of_any_type(path: Path):
    types = ("string", "varchar(3)", "bigint", "decimal(4,1)", "double", "boolean", "date", "timestamp")
    by_hand(path, record(*((f"c{place}", "null") for place in range(len(types)))), (2, b""))
    of = contract(*(column(f"c{place}", type_) for place, type_ in enumerate(types)), format="avro")
    assert rows_of_buckets(path, of, path.parent, 1, {0}) == {(0, (None,) * len(types)): 2}


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy", "zstandard", "bzip2", "xz"])
def test_each_codec_of_the_specification_is_unpacked(path: Path, codec: str):
    written(path, "string", ["a" * 40_000, "b"], codec)
    assert texts(path, "string") == ["a" * 40_000, "b"]


@pytest.mark.parametrize("codec", ["deflate", "snappy", "zstandard", "bzip2", "xz"])
def test_damaged_packed_bytes_are_a_fault_with_the_block(path: Path, codec: str):
    written(path, "string", [f"value {each}" for each in range(500)], codec)
    content = bytearray(path.read_bytes())
    content[-60] ^= 0xFF
    path.write_bytes(content)
    assert said(read(path, "string"))[0].count(": block 1 of the file cannot be read: ") == 1


def test_a_block_that_unpacks_to_very_much_is_a_fault(path: Path):
    by_hand(path, record(("c", "string")), (1, zstd.compress(bytes(200_000_000))), codec="zstandard")
    assert (
        "Aceite reads at most 134,217,728 in a block; let the writer end blocks earlier"
        in said(read(path, "string"))[0]
    )


def test_many_records_that_take_no_bytes_are_a_fault_before_anybody_counts_them(path: Path):
    by_hand(path, record(("c", "null")), (2**60, b""))
    assert "unpack to more than" in said(read(path, "string"))[0]


def test_items_of_an_ignored_column_that_take_no_bytes_are_not_counted(path: Path):
    schema = record(("c", "string"), ("more", {"type": "array", "items": "null"}))
    by_hand(path, schema, (1, number(1) + b"a" + number(2**60) + number(0)))
    of = contract(column("c", "string"), format="avro", ignored=("more",))
    assert said(read_landed(path, of, path.parent)) == []


def test_nested_columns_are_passed_over_if_the_contract_ignores_them_and_refused_else(path: Path):
    inner = {"type": "record", "name": "In", "namespace": "n", "fields": [{"name": "x", "type": ["null", "int", "In"]}]}
    schema = record(
        ("m", {"type": "map", "values": {"type": "array", "items": "string"}}), ("c", "string"), ("r", inner),
        ("f", {"type": "fixed", "name": "Four", "size": 4}), ("again", ["null", "n.In"]),
    )  # fmt: skip
    row = {"m": {"k": ["v", "w"]}, "c": "a", "r": {"x": {"x": None}}, "f": b"1234", "again": {"x": 5}}
    with path.open("wb") as file:
        fastavro.writer(file, schema, [row, {**row, "c": "b", "again": None}])
    of = contract(column("c", "string"), format="avro", ignored=("m", "r", "f", "again"))
    landed = read_landed(path, of, path.parent)
    assert (said(landed), landed.rows) == ([], 2)
    of = contract(*(column(name, "string") for name in ("m", "c", "r", "f", "again")), format="avro")
    found = [fault.message.partition(", which")[0] for fault in read_landed(path, of, path.parent).faults]
    assert found == [
        "the column 'm' is a map", "the column 'r' is a record", "the column 'f' is fixed(4)",
        "the column 'again' is a record",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("avro", "type_", "words"),
    [
        (
            "bytes",
            "string",
            "the column 'c' is bytes, which does not convert to string; allowed: string, enum, or uuid",
        ),
        (["null", "int", "string"], "string", "is a union of int, string, which does not convert to string"),
        ("string", "bigint", "is string, which does not convert to bigint; allowed: int, long, or decimal"),
        ("double", "float", "is double, which does not convert to float; allowed: float"),
        (logical("int", "time-millis"), "string", "is int (time-millis), which does not convert to string"),
        (logical("bytes", "decimal", precision=50, scale=2), "decimal(9,2)", "is bytes (decimal(50, 2)), which"),
        ({"type": "array", "items": "int"}, "int", "is an array, which"),
        ("long", "timestamp", "is long, which does not convert to timestamp; allowed: long (timestamp-millis,"),
    ],
)
def test_a_type_that_holds_other_values_is_named_in_avros_words(path: Path, avro: Any, type_: str, words: str):
    written(path, avro, [])
    assert words in said(read(path, type_))[0]


@pytest.mark.parametrize(
    ("avro", "value", "type_", "words"),
    [
        ("long", 2**40, "int", "line 2, column c: '1099511627776' is not int; allowed: a number that is one of int"),
        (DECIMAL, Decimal("1.25"), "decimal(9,1)", "'1.25' is not decimal(9,1)"),
        (logical("long", "timestamp-micros"), 1_767_323_045_123_456, "timestamp",
         "'2026-01-02 03:04:05.123456+00' is not timestamp; allowed: a time to the millisecond"),
        (logical("long", "timestamp-millis"), 2**62, "timestamp",
         "'4611686018427387904 milliseconds since 1970-01-01' is not timestamp"),
        (logical("int", "date"), 2**31 - 1, "date", "'2147483647 days since 1970-01-01' is not date"),
        ("string", "abcd", "varchar(3)", "'abcd' is not varchar(3)"),
    ],
)  # fmt: skip
def test_a_value_that_the_column_does_not_hold_is_a_fault_with_its_row(
    path: Path, avro: Any, value: Any, type_: str, words: str
):
    schema = avro if isinstance(value, Decimal) else avro["type"] if isinstance(avro, dict) else avro
    encoded = io.BytesIO()
    fastavro.schemaless_writer(encoded, schema, value)
    zero = io.BytesIO()
    fastavro.schemaless_writer(zero, schema, Decimal(1) if isinstance(value, Decimal) else type(value)())
    by_hand(path, record(("c", avro)), (2, zero.getvalue() + encoded.getvalue()))
    assert words in said(read(path, type_))[0]
    assert read(path, type_).cell_faults == {"c": 1}


def test_a_finer_time_is_rounded_if_the_contract_says_so(path: Path):
    written(path, logical("long", "timestamp-nanos"), [1_767_323_045_123_499_999])
    assert texts(path, "timestamp", rounded=True) == ["2026-01-02 03:04:05.123000"]


def test_a_local_time_is_one_of_the_contracts_zone_and_a_time_in_utc_is_not(path: Path):
    for name, moment in (("local-timestamp-millis", LOCAL), ("timestamp-millis", MOMENT)):
        written(path, logical("long", name), [moment])
        of = contract(column("c", "timestamp"), format="avro", zone="America/Sao_Paulo")
        [(_, (text,))] = rows_of_buckets(path, of, path.parent, 1, {0})
        assert text == f"2026-01-02 {'06' if name.startswith('local') else '03'}:04:05.123000"


def test_a_text_that_is_no_utf_8_is_a_fault_with_row_and_column_and_hidden_if_the_column_is_not_public(path: Path):
    by_hand(path, record(("c", "string")), (2, number(1) + b"a" + number(2) + b"b\xff"))
    words = "is not text: it has bytes that are not valid UTF-8; write the file and land it again"
    assert said(read(path, "string")) == [f"line 2, column c: 'b\ufffd' {words}"]
    assert said(read(path, "string", sensitive=True)) == [f"line 2, column c: the value (hidden) {words}"]


TWO = record(("c", ["null", "string"]))
ROW = number(1) + number(1) + b"a"


@pytest.mark.parametrize(
    ("schema", "rows", "data", "words"),
    [
        (TWO, 1, ROW + ROW, "other bytes follow its last record"),
        (TWO, 2, ROW, "it ends in the midst of a value"),
        (TWO, -1, ROW, "it has a negative count"),
        (TWO, 1, number(-1) + number(1) + b"a", "a union has the index -1, and the schema has 2 types"),
        (record(("c", ENUM)), 1, number(-1), "an enum has the index -1, and the schema has 2 symbols"),
        (record(("c", "boolean")), 1, b"\2", "a boolean is neither 0 nor 1"),
        (record(("c", "string")), 1, number(-5) + b"a", "a text or a list of bytes has a negative length"),
        (record(("c", "string")), 1, number(2**50) + b"a", "it ends in the midst of a value"),
        (record(("c", "long")), 1, b"\xff" * 12, "a number has more than 64 bits"),
        (record(("c", "double")), 1, b"\1\2", "it ends in the midst of a value"),
        (record(("c", {"type": "array", "items": "int"})), 1, number(2**60) + b"\1", "ends in the midst"),
        (record(("c", {"type": "array", "items": "int"})), 1, number(-1) + number(-9), "a negative length"),
        ({"type": "record", "name": "N", "fields": [{"name": "c", "type": ["null", "N"]}]}, 1, b"\2" * 100_000,
         "a value is nested too deep"),
    ],
)  # fmt: skip
def test_damaged_values_are_a_fault_with_the_block(path: Path, schema: Any, rows: int, data: bytes, words: str):
    of = contract(column("d", "string"), format="avro", ignored=("c",))
    by_hand(path, {**schema, "fields": [{"name": "d", "type": "null"}, *schema["fields"]]}, (rows, data))
    [fault] = said(read_landed(path, of, path.parent))
    assert fault.startswith("line 1: block 1 of the file cannot be read: ") or "line 2: block 1" in fault
    assert words in fault


def cut(content: bytes) -> bytes:
    return content[:-20]


def in_number(content: bytes) -> bytes:
    return content + b"\xff"


def other_sync(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])  # the marker is a random one


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut, "and the file ends before"),
        (in_number, "the file ends in its first bytes"),
        (other_sync, "the sync marker of the header does not stand behind it"),
        (lambda content: content[:30], "the file's header, which has the schema, cannot be read: it ends in the midst"),
        (lambda _: b"id,c\n1,a\n", "the file is not Avro: it does not begin with the bytes Obj and 01"),
        (lambda _: b"PAR1\x15\4", "the file is not Avro: it begins as Parquet does"),
        (lambda _: b"\x1f\x8b\x08\0", "it begins as gzip does; land the Avro itself, which is packed inside"),
        (lambda content: content.replace(b"null", b"lz4x"), "packed by 'lz4x', which Aceite does not read"),
    ],
)  # fmt: skip
def test_a_damaged_or_other_file_is_a_fault_that_says_so(path: Path, damage: Callable[[bytes], bytes], words: str):
    written(path, "string", ["a", "b"])
    path.write_bytes(damage(path.read_bytes()))
    assert words in said(read(path, "string"))[0]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("{", "it is no JSON"),
        ('"string"', "it is no record"),
        ('{"type": "record", "name": "R"}', "a record has no list of fields"),
        ('{"type": "record", "name": "R", "fields": []}', "have no fields, so the file has no columns"),
        ('{"type": "record", "name": "R", "fields": [{"name": "c", "type": "strong"}]}', "names a type 'strong' that"),
        ('{"type": "record", "name": "R", "fields": [{"type": "int"}]}', "a field has no name"),
        ('{"type": "record", "name": "R", "fields": [{"name": "\\ud800", "type": "int"}]}', "half a character"),
        ('{"type": "record", "name": "R", "fields": [{"name": "c", "type": ' + '{"type":' * 900 + "}" * 900,
         "cannot be read"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_read_is_a_fault_that_says_why(path: Path, schema: str, words: str):
    by_hand(path, schema)
    assert words in said(read(path, "string"))[0]


def test_names_are_compared_as_glue_does_and_a_missing_or_unknown_one_is_told_as_the_file_has_it(path: Path):
    by_hand(path, record(("C", "string")), (1, number(1) + b"a"))
    assert texts(path, "string") == ["a"]
    by_hand(path, record(("Other", "string")))
    found = " ".join(said(read(path, "string")))
    assert "the header has a column 'Other' that the contract lacks" in found
    assert "the header lacks the column 'c'; it has: Other" in found


def test_a_file_of_a_header_only_has_no_rows(path: Path):
    written(path, "string", [])
    assert (said(read(path, "string")), read(path, "string").rows) == ([], 0)


def test_texts_are_trimmed_and_empty_ones_null_if_the_contract_says_so(path: Path):
    written(path, "string", [" a ", "  "])
    of = contract(column("c", "string"), format="avro", trim=True, empty_as_null=True)
    assert sorted(rows_of_buckets(path, of, path.parent, 1, {0}), key=str) == [(0, ("a",)), (0, (None,))]


NUMBERS = st.integers(-(2**63), 2**63 - 1)
SIGNS = st.characters(codec="utf-8", exclude_characters="\x1e\x1f")
"""Without those that a canonical text escapes."""
FIELDS = {
    "l": ("bigint", ["null", "long"], st.none() | NUMBERS),
    "s": ("string", ["string", "null"], st.none() | st.text(SIGNS, max_size=5)),
    "b": ("boolean", "boolean", st.booleans()),
    "d": ("date", logical("int", "date"), st.dates()),
    "n": ("decimal(9,2)", DECIMAL, st.decimals(-9999999, 9999999, places=2)),
}


@settings(max_examples=12, deadline=None)
@given(
    rows=st.lists(st.fixed_dictionaries({name: values for name, (_, _, values) in FIELDS.items()}), max_size=20),
    codec=st.sampled_from(["null", "deflate", "snappy"]),
    sync_interval=st.integers(1, 100),
)
def test_the_reader_and_fastavro_read_the_same(tmp_path_factory: Any, rows: Any, codec: str, sync_interval: int):
    path = tmp_path_factory.mktemp("avro") / "landed"
    with path.open("wb") as file:
        schema = record(*((name, type_) for name, (_, type_, _) in FIELDS.items()))
        fastavro.writer(file, schema, rows, codec=codec, sync_interval=sync_interval)
    of = contract(*(column(name, type_) for name, (type_, _, _) in FIELDS.items()), format="avro")
    with path.open("rb") as file:
        theirs = sorted(
            str(tuple(None if cell is None else text(cell) for cell in each.values())) for each in fastavro.reader(file)
        )  # type: ignore[union-attr]
    ours = rows_of_buckets(path, of, path.parent, 1, {0})
    assert sorted(str(cells) for (_, cells), times in ours.items() for _ in range(times)) == theirs


def text(cell: Any) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def test_a_number_of_a_float_is_the_nearest_one_of_its_width(path: Path):
    [narrow] = struct.unpack("<f", struct.pack("<f", 0.1))
    written(path, "float", [0.1, float("nan"), float("-inf")])
    single = read(path, "float").fingerprint
    written(path, "double", [narrow, float("nan"), float("-inf")])
    assert single == read(path, "double").fingerprint
