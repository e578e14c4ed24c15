"""ORC as its writers write it. Arrow and pyorc write it, and bytes by hand what these do not."""

import itertools
import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.orc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landed_contract import column, contract
from orc_files import (
    DATA,
    DICTIONARY,
    DICTIONARY_DATA,
    DICTIONARY_V2,
    DIRECT_V2,
    LENGTH,
    SECONDARY,
    literals,
    orc,
    orc_by_hand,
    orc_in_zone,
    signed,
    unsigned,
)

from landed.file import LandedFile, read_landed, rows_of_buckets

NINES = "9" * 38


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "landed"


def said(landed: LandedFile) -> list[str]:
    return [str(fault) for fault in landed.faults]


def read(path: Path, type_: str, **facts: Any) -> LandedFile:
    return read_landed(path, contract(column("c", type_, **facts), format="orc"), path.parent)


def texts(path: Path, type_: str, **facts: Any) -> list[str | None]:
    """The canonical texts of the cells of the column c."""
    assert said(read(path, type_, **facts)) == []
    of = contract(column("c", type_, **facts), format="orc")
    rows = rows_of_buckets(path, of, path.parent, 1, {0})
    return [text for (_, (text,)), times in rows.items() for _ in range(times)]


def moment(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


NOON = moment(2026, 1, 2, 3, 4, 5, 123000)


def decimals(digits: int, scale: int, *values: Any) -> pa.Array:
    return pa.array([None if value is None else Decimal(value) for value in values], pa.decimal128(digits, scale))


VALUES: list[tuple[pa.Array, str, list[str | None]]] = [
    (pa.array([-128, 127, None], pa.int8()), "tinyint", ["-128", "127", None]),
    (pa.array([-(2**15), 2**15 - 1, None], pa.int16()), "smallint", ["-32768", "32767", None]),
    (pa.array([-(2**31), 2**31 - 1, None], pa.int32()), "int", [str(-(2**31)), str(2**31 - 1), None]),
    (pa.array([-(2**63), 2**63 - 1, None], pa.int64()), "bigint", [str(-(2**63)), str(2**63 - 1), None]),
    (pa.array([-(2**63), None, 0], pa.int64()), "decimal(19,0)", [str(-(2**63)), None, "0"]),
    (pa.array([7, None, -1], pa.int32()), "decimal(9,2)", ["7.00", None, "-1.00"]),
    (pa.array([True, None, False]), "boolean", ["true", None, "false"]),
    (pa.array([0.5, None, -0.25], pa.float32()), "float", ["500000", None, "-250000"]),
    (pa.array([0.5, None, -0.25], pa.float32()), "double", ["500000", None, "-250000"]),
    (pa.array([-1.25, None, 1e9]), "double", ["-1250000", None, "1000000000000000"]),
    (decimals(9, 2, "-0.05", "1234567.89", None), "decimal(9,2)", ["-0.05", "1234567.89", None]),
    (decimals(12, 2, "12.00", None, "-3.00"), "bigint", ["12", None, "-3"]),
    (decimals(38, 0, NINES, f"-{NINES}", None), "decimal(38,0)", [NINES, f"-{NINES}", None]),
    (
        decimals(38, 38, f"0.{NINES}", f"-0.{NINES}", None), "decimal(38,38)",
        [f"0.{NINES}", f"-0.{NINES}", None],
    ),
    (
        decimals(38, 10, f"{NINES[:28]}.{NINES[28:]}", "-0.0000000001", None), "decimal(38,10)",
        [f"{NINES[:28]}.{NINES[28:]}", "-0.0000000001", None],
    ),
    (pa.array(["a,\n\0\u00e9", "", None]), "string", ["a,\n\0\u00e9", "", None]),
    (pa.array(["abc", "a  ", None]), "varchar(3)", ["abc", "a  ", None]),
    (pa.array(["ab ", "a", None]), "char(3)", ["ab", "a", None]),
    (pa.array([date(1, 1, 1), date(9999, 12, 31), None]), "date", ["0001-01-01", "9999-12-31", None]),
    (pa.array([date(1582, 10, 4), date(1969, 12, 31), None]), "date", ["1582-10-04", "1969-12-31", None]),
    (
        pa.array([NOON, moment(1969, 12, 31, 23, 59, 59, 1000), None], pa.timestamp("ns")), "timestamp",
        ["2026-01-02 03:04:05.123000", "1969-12-31 23:59:59.001000", None],
    ),
    (
        pa.array([NOON, moment(1677, 10, 1), None], pa.timestamp("ms", "UTC")), "timestamp",
        ["2026-01-02 03:04:05.123000", "1677-10-01 00:00:00.000000", None],
    ),
    (
        pa.array([moment(1, 1, 1), moment(9999, 12, 31, 23, 59, 59, 999000), None], pa.timestamp("ms")),
        "timestamp", ["0001-01-01 00:00:00.000000", "9999-12-31 23:59:59.999000", None],
    ),
]  # fmt: skip
NAMES = [f"c{place}" for place in range(len(VALUES))]
WRITERS = list(
    itertools.product(["uncompressed", "zlib", "snappy", "lz4", "zstd"], ["0.11", "0.12"], ["speed", "compression"])
)


@pytest.mark.parametrize(("codec", "version", "strategy"), WRITERS)
@pytest.mark.parametrize("threshold", [0.0, 1.0], ids=["direct", "dictionary"])
def test_a_value_of_each_type_is_read_as_each_kind_of_writer_packs_it(
    path: Path, codec: str, version: str, strategy: str, threshold: float
):
    columns = {name: array for name, (array, _, _) in zip(NAMES, VALUES, strict=True)}
    path.write_bytes(
        orc(
            columns, compression=codec, file_version=version, compression_strategy=strategy,
            dictionary_key_size_threshold=threshold,
        )
    )  # fmt: skip
    of = contract(*(column(name, type_) for name, (_, type_, _) in zip(NAMES, VALUES, strict=True)), format="orc")
    assert said(read_landed(path, of, path.parent)) == []
    found = [cells for _, cells in rows_of_buckets(path, of, path.parent, 1, {0})]
    expected = list(zip(*(cells for _, _, cells in VALUES), strict=True))
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_a_number_of_a_float_is_the_nearest_one_of_its_width(path: Path):
    values = [0.1, math.nan, -math.inf, -0.0, 5e-324]
    path.write_bytes(orc({"c": pa.array(values, pa.float32())}))
    single = read(path, "float").fingerprint
    path.write_bytes(orc({"c": pa.array(pa.array(values, pa.float32()).to_pylist(), pa.float64())}))
    assert single == read(path, "double").fingerprint is not None


def test_padding_of_a_char_is_no_part_of_it_and_in_a_string_it_is(path: Path):
    path.write_bytes(orc_in_zone("UTC", "struct<c:char(5)>", [("ab   ",)]))
    assert (texts(path, "char(5)"), texts(path, "string")) == (["ab"], ["ab   "])


def test_a_column_of_nulls_only_is_one_of_its_type(path: Path):
    path.write_bytes(orc({"c": pa.array([None, None], pa.int32())}))
    assert texts(path, "bigint") == [None, None]
    assert "the column 'c' is int, which does not convert to string" in said(read(path, "string"))[0]


def test_a_file_without_rows_and_one_of_several_stripes(path: Path):
    path.write_bytes(orc({"c": pa.array([], pa.string())}))
    assert (said(read(path, "string")), read(path, "string").rows) == ([], 0)
    path.write_bytes(orc({"c": [f"value {number}" for number in range(20_000)]}, stripe_size=1, compression="zlib"))
    assert pyarrow.orc.ORCFile(path).nstripes == 3
    assert sorted(texts(path, "string"), key=str) == sorted(f"value {number}" for number in range(20_000))


def test_names_are_compared_as_glue_does_and_a_missing_unknown_or_doubled_one_is_told_as_the_file_has_it(path: Path):
    path.write_bytes(orc({"C": ["a"]}))
    assert texts(path, "string") == ["a"]
    path.write_bytes(orc({"Other": ["a"]}))
    found = " ".join(said(read(path, "string")))
    assert "the header has a column 'Other' that the contract lacks" in found
    assert "the header lacks the column 'c'; it has: Other" in found
    path.write_bytes(orc(pa.table([pa.array(["a"]), pa.array(["b"])], ["c", "c"])))
    assert "the header has the column 'c' 2 times" in said(read(path, "string"))[0]


def test_nested_columns_are_not_read_if_the_contract_ignores_them_and_refused_else(path: Path):
    entries = pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32()))
    columns = {
        "m": entries, "c": pa.array(["a", "b"]), "r": pa.array([{"x": 1}, {"x": None}]),
        "l": pa.array([["v"], []]), "b": pa.array([b"1", None], pa.binary()),
    }  # fmt: skip
    path.write_bytes(orc(columns))
    of = contract(column("c", "string"), format="orc", ignored=("m", "r", "l", "b"))
    assert rows_of_buckets(path, of, path.parent, 1, {0}) == {(0, ("a",)): 1, (0, ("b",)): 1}
    of = contract(*(column(name, "string") for name in columns), format="orc")
    found = [fault.message.partition(", which")[0] for fault in read_landed(path, of, path.parent).faults]
    assert found == [
        "the column 'm' is a map", "the column 'r' is a struct", "the column 'l' is a list",
        "the column 'b' is binary",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("array", "type_", "words"),
    [
        (pa.array([b"a"]), "string", "is binary, which does not convert to string; allowed: string, varchar, or char"),
        (pa.array(["1"]), "bigint", "is string, which does not convert to bigint; allowed: tinyint, smallint, int, "),
        (pa.array([1.5]), "float", "is double, which does not convert to float; allowed: float"),
        (
            pa.array([1]),
            "timestamp",
            "is bigint, which does not convert to timestamp; allowed: timestamp, or ",
        ),
        (pa.array([1]), "boolean", "is bigint, which does not convert to boolean"),
        (pa.array([NOON.replace(tzinfo=None)]), "date", "the column 'c' is timestamp, which does not convert to date"),
        (decimals(9, 2, "1.25"), "double", "the column 'c' is decimal(9,2), which does not convert to double"),
    ],
)
def test_a_type_that_holds_other_values_is_named_in_orcs_words(path: Path, array: pa.Array, type_: str, words: str):
    path.write_bytes(orc({"c": array}))
    assert words in said(read(path, type_))[0]


@pytest.mark.parametrize(
    ("content", "type_", "words"),
    [
        (orc({"c": [1, 2**40]}), "int",
         "line 2, column c: '1099511627776' is not int; allowed: a number that is one of int"),
        (orc({"c": decimals(9, 2, "1", "1.25")}), "decimal(9,1)", "line 2, column c: '1.25' is not decimal(9,1)"),
        (orc({"c": pa.array([NOON, NOON.replace(microsecond=123456)], pa.timestamp("us"))}), "timestamp",
         "line 2, column c: '2026-01-02 03:04:05.123456000' is not timestamp; allowed: "),
        (orc({"c": ["a", "abcd"]}), "varchar(3)", "line 2, column c: 'abcd' is not varchar(3)"),
        (orc_by_hand({"c": "date"}, [("c", DATA, literals(1, 2**31 - 1))], 2), "date",
         "line 2, column c: '2147483647 days since 1970-01-01' is not date"),
        (orc_by_hand({"c": "timestamp"}, [("c", DATA, literals(1, 2**40)), ("c", SECONDARY, literals(0, 0))], 2),
         "timestamp", "line 2, column c: '1100931698176 seconds since 1970-01-01' is not timestamp"),
        (orc_by_hand({"c": "int"}, [("c", DATA, literals(1, 2**31))], 2), "bigint", "'2147483648' is not bigint"),
        (orc_by_hand({"c": ("decimal", 4, 1)}, [("c", DATA, signed(125) + signed(125)), ("c", SECONDARY,
                     literals(1, 2))], 2), "decimal(4,1)", "line 2, column c: '1.25 of the scale 2' is not decimal"),
        (orc_by_hand({"c": ("decimal", 3, 1)}, [("c", DATA, signed(12345)), ("c", SECONDARY, literals(1))]),
         "decimal(9,1)", "'1234.5' is not decimal(9,1)"),
    ],
)  # fmt: skip
def test_a_value_that_the_column_does_not_hold_is_a_fault_with_its_row(
    path: Path, content: bytes, type_: str, words: str
):
    path.write_bytes(content)
    assert words in said(read(path, type_))[0]
    assert read(path, type_).cell_faults == {"c": 1}


def test_a_decimal_without_a_precision_or_of_too_many_digits_is_refused(path: Path):
    for digits, words in ((0, "decimal without a precision"), (39, "decimal(39,2)")):
        streams = [("c", DATA, signed(1)), ("c", SECONDARY, literals(2))]
        path.write_bytes(orc_by_hand({"c": ("decimal", digits, 2)}, streams))
        assert f"the column 'c' is {words}, which does not convert" in said(read(path, "decimal(9,2)"))[0]


def test_a_decimal_whose_scale_is_another_one_keeps_its_value(path: Path):
    """Hive's writers leave out zeros at the end."""
    values, scales = (15, -7, 1200, 3), (1, 0, 4, -1)
    streams = [("c", DATA, b"".join(map(signed, values))), ("c", SECONDARY, literals(*scales))]
    path.write_bytes(orc_by_hand({"c": ("decimal", 9, 2)}, streams, 4))
    assert sorted(texts(path, "decimal(9,2)"), key=str) == ["-7.00", "0.12", "1.50", "30.00"]


def test_a_text_that_is_no_utf_8_is_a_fault_with_row_and_column_and_hidden_if_the_column_is_not_public(path: Path):
    words = "is not text: it has bytes that are not valid UTF-8; write the file and land it again"
    streams = [("c", DATA, b"ab\xffc"), ("c", LENGTH, literals(1, 2, 1, of=unsigned))]
    path.write_bytes(orc_by_hand({"c": "string"}, streams, 3))
    assert said(read(path, "string")) == [f"line 2, column c: 'b\ufffd' {words}"]
    assert said(read(path, "string", sensitive=True)) == [f"line 2, column c: the value (hidden) {words}"]
    streams = [("c", DATA, literals(0, 1, 1, of=unsigned)), ("c", LENGTH, literals(1, 2, of=unsigned)),
               ("c", DICTIONARY_DATA, b"ab\xff")]  # fmt: skip
    path.write_bytes(orc_by_hand({"c": "string"}, streams, 3, encodings={"c": (DICTIONARY, 2)}))
    assert said(read(path, "string")) == [f"line {row}, column c: 'b\ufffd' {words}" for row in (2, 3)]


def test_texts_are_trimmed_and_empty_ones_null_if_the_contract_says_so(path: Path):
    path.write_bytes(orc({"c": [" a ", "  "]}))
    of = contract(column("c", "string"), format="orc", trim=True, empty_as_null=True)
    assert sorted(rows_of_buckets(path, of, path.parent, 1, {0}), key=str) == [(0, ("a",)), (0, (None,))]


OF_THE_SPECIFICATION = [
    ("0a2710", [10000] * 5),
    ("5e035ca1ab1edeadbeef", [23713, 43806, 57005, 48879]),
    (
        "8e132b2107d01e0014702832 3c46505a646e78828c96a0aab4befce8",
        [2030, 2000, 2020, 1000000, *range(2040, 2200, 10)],
    ),
    ("c609020222424246", [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]),
]


@pytest.mark.parametrize(("run", "values"), OF_THE_SPECIFICATION, ids=["repeat", "direct", "patched", "delta"])
def test_the_runs_that_the_specification_shows_are_read(path: Path, run: str, values: Sequence[int]):
    """They have no signs, as the lengths and the numbers of texts have none."""
    many = max(values) + 1
    streams = [
        ("c", DATA, bytes.fromhex(run)), ("c", LENGTH, b"".join(repeated(1, many))),
        ("c", DICTIONARY_DATA, "".join(chr(33 + number % 90) for number in range(many)).encode()),
        ("d", DATA, b"".join(repeated(2, many))),
    ]  # fmt: skip
    present = bytes([0xFF - (len(values) + 7) // 8 + 1]) + bits(len(values), many)[: (len(values) + 7) // 8]
    rest = (many + 7) // 8 - (len(values) + 7) // 8
    while rest:
        present += bytes([min(rest, 130) - 3, 0]) if rest > 2 else bytes([256 - rest]) + bytes(rest)
        rest -= min(rest, 130) if rest > 2 else rest
    path.write_bytes(
        orc_by_hand(
            {"c": "string", "d": "bigint"}, [("c", 0, present), *streams], many,
            encodings={"c": (DICTIONARY_V2, many), "d": (DIRECT_V2, 0)},
        )
    )  # fmt: skip
    of = contract(column("c", "string"), format="orc", ignored=("d",))
    landed = read_landed(path, of, path.parent)
    assert (said(landed), landed.rows) == ([], many)
    rows = rows_of_buckets(path, of, path.parent, 1, {0})
    found = sorted(cell for (_, (cell,)), times in rows.items() for _ in range(times) if cell is not None)
    assert found == sorted(chr(33 + value % 90) for value in values)


def repeated(value: int, times: int) -> list[bytes]:
    """Runs of version 2 with one value: deltas of nothing, with 512 values each."""
    return [
        bytes([0xC0 | (min(512, times - start) - 1) >> 8, (min(512, times - start) - 1) & 255])
        + unsigned(value)
        + b"\0"
        for start in range(0, times, 512)
    ]


def bits(ones: int, of: int) -> bytes:
    return int("1" * ones + "0" * (-of % 8 + of - ones), 2).to_bytes((of + 7) // 8, "big")


SIGNS = st.characters(codec="utf-8", exclude_characters="\x1e\x1f")
"""Without those that a canonical text escapes."""
COLUMNS: dict[str, tuple[str, pa.DataType, st.SearchStrategy[Any]]] = {
    "l": ("bigint", pa.int64(), st.none() | st.integers(-(2**63), 2**63 - 1)),
    "i": ("int", pa.int32(), st.none() | st.integers(-300, 300)),
    "s": ("string", pa.string(), st.none() | st.text(SIGNS, max_size=5)),
    "b": ("boolean", pa.bool_(), st.none() | st.booleans()),
    "d": ("date", pa.date32(), st.dates()),
    "n": ("decimal(38,2)", pa.decimal128(38, 2), st.decimals(-(10**35), 10**35, places=2)),
    "y": ("tinyint", pa.int8(), st.none() | st.integers(-128, 127)),
    "t": ("timestamp", pa.timestamp("ms"), st.none() | st.integers(-(9 * 10**12), 9 * 10**12)),
}


@settings(max_examples=15, deadline=None)
@given(
    rows=st.lists(st.fixed_dictionaries({name: values for name, (_, _, values) in COLUMNS.items()}), max_size=40),
    times=st.sampled_from([1, 3, 40]),
    writer=st.sampled_from(WRITERS),
    threshold=st.sampled_from([0.0, 1.0]),
)
def test_the_reader_and_arrow_read_the_same(
    tmp_path_factory: Any, rows: Any, times: int, writer: tuple[str, str, str], threshold: float
):
    path = tmp_path_factory.mktemp("orc") / "landed"
    table = pa.table(
        {name: pa.array([row[name] for row in rows * times], type_) for name, (_, type_, _) in COLUMNS.items()}
    )
    codec, version, strategy = writer
    path.write_bytes(
        orc(
            table, compression=codec, file_version=version, compression_strategy=strategy,
            dictionary_key_size_threshold=threshold,
        )
    )  # fmt: skip
    of = contract(*(column(name, type_) for name, (type_, _, _) in COLUMNS.items()), format="orc")
    theirs = [
        str(tuple(None if cell is None else text(cell) for cell in row.values()))
        for row in pyarrow.orc.read_table(path).to_pylist()
    ]
    assert said(read_landed(path, of, path.parent)) == []
    ours = rows_of_buckets(path, of, path.parent, 1, {0})
    assert sorted(str(cells) for (_, cells), times in ours.items() for _ in range(times)) == sorted(theirs)


def text(cell: Any) -> str:
    if isinstance(cell, datetime):
        return f"{cell.replace(tzinfo=UTC).isoformat(' ', 'microseconds')}".removesuffix("+00:00")
    return str(cell).lower() if isinstance(cell, bool) else str(cell)
