"""The fingerprint three times: by Athena's SQL, by DuckDB's, and by plain Python, the module's text in code."""

import hashlib
import math
import random
import struct
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import duckdb
import pytest
import sqlglot

from acceptance.contract.contract import Column
from acceptance.proof.fingerprint import Fingerprint, athena_digest, athena_sums, duckdb_digest, duckdb_sums
from sandbox.athena.sql.dialect import PREPARATION, parse, to_duckdb

TYPES = {
    "tiny": "tinyint",
    "id": "bigint",
    "title": "string",
    "code": "varchar(40)",
    "country": "char(3)",
    "score": "decimal(4,1)",
    "share": "decimal(4,4)",
    "finest": "decimal(38,38)",
    "wide": "decimal(38,0)",
    "audience": "double",
    "half": "float",
    "seen": "boolean",
    "day": "date",
    "at": "timestamp",
}
COLUMNS = [Column(name, type_, name) for name, type_ in TYPES.items()]
DUCKDB_TYPES = {"string": "varchar", "varchar(40)": "varchar", "char(3)": "varchar"}

ROW = {
    "tiny": -128,
    "id": 2**63 - 1,
    "title": "O Auto da Compadecida, é 🎬 \"x\" 'y'\nz",
    "code": "",
    "country": "BR ",
    "score": Decimal("-0.5"),
    "share": Decimal("0.5000"),
    "finest": Decimal("-1e-38"),
    "wide": Decimal(10**37),
    "audience": 93.1,
    "half": 0.1,
    "seen": True,
    "day": date(2013, 1, 31),
    "at": datetime(2013, 1, 31, 5, 15, 0, 123000),  # noqa: DTZ001
}


def canonical(type_, value):
    """The table in the module's docstring, once more."""
    kind = type_.partition("(")[0]
    if value is None:
        return "\x1e"
    if kind in ("string", "varchar", "char"):
        text = value.rstrip(" ") if kind == "char" else value
        return text.replace("\x1e", "\x1ee").replace("\x1f", "\x1es")
    if kind in ("double", "float"):
        value = struct.unpack("f", struct.pack("f", value))[0] if kind == "float" else value
        if math.isnan(value):
            return "NaN"
        if abs(value) < 9e9:
            return str(int(Decimal(value * 1e6).to_integral_value(ROUND_HALF_UP)))
        return "x" + struct.pack(">d", value).hex().upper()
    if kind == "decimal":
        scale = int(type_.rpartition(",")[2].rstrip(")"))
        return f"{value:.{scale}f}"
    if kind == "timestamp":
        value += timedelta(microseconds=500)
        return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000 * 1000:06d}"
    return {True: "true", False: "false"}[value] if kind == "boolean" else str(value)


def by_python(rows, columns=COLUMNS):
    high = low = 0
    for row in rows:
        text = "\x1f".join(canonical(column.type, row[column.name]) for column in columns)
        digest = hashlib.md5(text.encode()).digest()
        high += int.from_bytes(digest[:8], "big", signed=True)
        low += int.from_bytes(digest[8:], "big", signed=True)
    return Fingerprint(len(rows), high, low)


@pytest.fixture(scope="module")
def duck():
    with duckdb.connect() as duck:
        for statement in PREPARATION:  # the sandbox's, which tests/engine compares with Trino itself
            duck.execute(statement)
        yield duck


def table(duck, rows, columns=COLUMNS):
    types = ", ".join(f'"{c.name}" {DUCKDB_TYPES.get(c.type, c.type)}' for c in columns)
    duck.execute(f"CREATE OR REPLACE TABLE delivered ({types})")
    if rows:
        marks = ", ".join("?" for _ in columns)
        duck.executemany(f"INSERT INTO delivered VALUES ({marks})", [[row[c.name] for c in columns] for row in rows])


def by_duckdb(duck, rows, columns=COLUMNS):
    table(duck, rows, columns)
    high, low = duckdb_sums(duckdb_digest(columns, [f'"{column.name}"' for column in columns]))
    return Fingerprint.of_sums(*duck.execute(f"SELECT count(*), {high}, {low} FROM delivered").fetchone())


def by_athena(duck, rows, columns=COLUMNS):
    table(duck, rows, columns)
    high, low = athena_sums(athena_digest(columns))
    sql = to_duckdb(parse(f"SELECT count(*), {high}, {low} FROM delivered"))
    return Fingerprint.of_sums(*duck.execute(sql).fetchone())


def some_rows(count=30):
    chance = random.Random(7)
    nothing = dict.fromkeys(TYPES)
    rows = [ROW, nothing]
    for number in range(count):
        row = {
            **ROW,
            "tiny": number % 100,
            "id": chance.randrange(-(2**63), 2**63),
            "title": "".join(chr(chance.choice([9, 30, 31, 32, 34, 65, 233, 0x1F3AC])) for _ in range(number % 9)),
            "score": Decimal(chance.randrange(-9999, 9999)) / 10,
            "share": Decimal(chance.randrange(-9999, 9999)) / 10000,
            "finest": Decimal(chance.randrange(-9999, 9999)).scaleb(-chance.choice([4, 38])),
            "audience": chance.uniform(-1, 1) * 10 ** chance.randrange(-9, 300),
            "half": chance.uniform(-1e6, 1e6),
            "seen": bool(number % 2),
        }
        rows.append({name: None if chance.random() < 0.1 else value for name, value in row.items()})
    return rows


def test_athena_duckdb_and_plain_python_agree(duck):
    rows = some_rows(400)
    assert by_duckdb(duck, rows) == by_athena(duck, rows) == by_python(rows)


@pytest.mark.parametrize("value", [0.0, -0.0, 8.999999999e9, 9e9, -9e9, 1.5e300, 5e-324, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("type_", ["double", "float"])
def test_every_kind_of_floating_number_has_one_text(duck, type_, value):
    if type_ == "float" and abs(value) == 1.5e300:
        value = math.inf
    columns, rows = [Column("x", type_, "x")], [{"x": value}]
    assert by_duckdb(duck, rows, columns) == by_athena(duck, rows, columns) == by_python(rows, columns)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("decimal(38,38)", Decimal("-0.5")),
        ("timestamp", datetime(1969, 12, 31, 23, 59, 59, 1500)),  # noqa: DTZ001
        ("timestamp", datetime(1969, 12, 31, 23, 59, 59, 999500)),  # noqa: DTZ001
        ("timestamp", datetime(2026, 1, 1, 0, 0, 0, 500)),  # noqa: DTZ001
    ],
)
def test_a_fraction_has_a_digit_before_its_point_and_half_a_millisecond_counts_up(duck, type_, value):
    columns, rows = [Column("x", type_, "x")], [{"x": value}]
    assert by_duckdb(duck, rows, columns) == by_athena(duck, rows, columns) == by_python(rows, columns)


def test_a_table_of_a_hundred_and_fifty_columns_is_compared_too(duck):
    columns = [Column(f"c{number}", "string", f"c{number}") for number in range(150)]
    rows = [{column.name: f"{column.name} of row {number}" for column in columns} for number in range(3)]
    assert by_duckdb(duck, rows, columns) == by_athena(duck, rows, columns) == by_python(rows, columns)


def test_no_rows_are_a_fingerprint_of_zero(duck):
    assert by_duckdb(duck, []) == by_athena(duck, []) == Fingerprint(0, 0, 0)
    assert Fingerprint.of_sums(0, None, None) == Fingerprint(0, 0, 0)


def test_the_order_of_the_rows_does_not_matter(duck):
    rows = some_rows()
    assert by_duckdb(duck, rows) == by_duckdb(duck, rows[::-1])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("title", ROW["title"] + " "),
        ("title", None),
        ("title", "null"),
        ("code", None),
        ("code", "\x1e"),
        ("id", 2**63 - 2),
        ("score", Decimal("-0.6")),
        ("audience", 93.100001),
        ("audience", None),
        ("half", 0.100002),
        ("seen", False),
        ("day", date(2013, 2, 1)),
        ("at", datetime(2013, 1, 31, 5, 15, 0, 124000)),  # noqa: DTZ001
    ],
)
def test_one_changed_cell_among_many_rows_is_found(duck, column, value):
    before, after = some_rows(), some_rows()
    after[0] = {**ROW, column: value}
    assert by_duckdb(duck, before) != by_duckdb(duck, after)
    assert by_athena(duck, before) != by_athena(duck, after)


def test_two_values_that_changed_places_between_rows_are_found(duck):
    before = some_rows()
    after = [{**before[0], "title": before[5]["title"]}, *before[1:5], {**before[5], "title": before[0]["title"]}]
    assert by_duckdb(duck, before[:6]) != by_duckdb(duck, after)


def test_a_lost_row_beside_a_doubled_one_is_found(duck):
    rows = some_rows()
    assert by_duckdb(duck, rows) != by_duckdb(duck, [*rows[1:], rows[4]])


def test_a_row_that_comes_twice_more_is_found(duck):
    rows = some_rows()
    assert by_duckdb(duck, rows).high != by_duckdb(duck, [*rows, ROW, ROW]).high


def test_columns_that_changed_places_are_found(duck):
    columns = [Column("a", "string", "a"), Column("b", "string", "b")]
    assert by_duckdb(duck, [{"a": "x", "b": "y"}], columns) != by_duckdb(duck, [{"a": "y", "b": "x"}], columns)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a\x1fb", "c"), ("a", "b\x1fc")),
        (("\x1e", ""), (None, "")),
        (("\x1ee", ""), ("\x1e", "")),
        (("", None), (None, "")),
    ],
)
def test_no_cell_can_look_like_a_null_or_like_two_cells(duck, one, other):
    columns = [Column("a", "string", "a"), Column("b", "string", "b")]
    prints = [by_athena(duck, [dict(zip("ab", cells, strict=True))], columns) for cells in (one, other)]
    assert prints[0] != prints[1]


@pytest.mark.parametrize(
    ("column", "value"),
    [("audience", 93.1 + 1e-9), ("country", "BR"), ("at", datetime(2013, 1, 31, 5, 15, 0, 123400))],  # noqa: DTZ001
)
def test_what_is_declared_to_be_no_difference_is_none(duck, column, value):
    assert by_duckdb(duck, [ROW]) == by_duckdb(duck, [{**ROW, column: value}])
    assert by_athena(duck, [ROW]) == by_athena(duck, [{**ROW, column: value}])


def test_a_column_name_cannot_become_sql(duck):
    columns = [Column('a") FROM delivered; DROP TABLE delivered; --', "string", "a")]
    high, _ = athena_sums(athena_digest(columns))
    assert '"a"") FROM delivered; DROP TABLE delivered; --"' in high
    assert len(sqlglot.parse(f"SELECT {high} FROM delivered", read="athena")) == 1


def test_a_type_that_cannot_be_compared_is_refused_with_what_is_allowed():
    with pytest.raises(
        ValueError, match=r"column tags: cells of type binary cannot be compared; allowed: array, bigint"
    ):
        athena_digest([Column("tags", "array<binary>", "tags")])


def test_a_fingerprint_of_engine_answers_is_made_of_integers():
    assert Fingerprint.of_sums(3, Decimal("-12"), "45") == Fingerprint(3, -12, 45)
    assert str(Fingerprint(3, -18, 45)) == "3:-12:2d"
