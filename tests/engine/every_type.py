"""Rows of every type that a table may have: random ones and extreme ones, in DuckDB and in a table of Trino's."""

import math
import random
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from acceptance.contract.contract import Column
from acceptance.contract.hive_types import HiveKind, HiveType

TYPES = {
    "tiny": "tinyint",
    "small": "smallint",
    "whole": "int",
    "id": "bigint",
    "title": "string",
    "code": "varchar(40)",
    "country": "char(5)",
    "score": "decimal(4,1)",
    "share": "decimal(4,4)",
    "total": "decimal(38,0)",
    "fine": "decimal(38,38)",
    "audience": "double",
    "exact": "double",
    "ratio": "float",
    "seen": "boolean",
    "day": "date",
    "moment": "timestamp",
}
COLUMNS = tuple(
    Column(name, type_, name, digits=None if name == "exact" else 2 if name == "ratio" else 6)
    for name, type_ in TYPES.items()
)

SIGNS = 'aB7 éçã"\\,;|\t\n\r\x1e\x1f\x00\x7f\u00a0\u0301\u2028🎬ß\u0660'
TEXTS = ["", " ", "a", "a  ", " a", "\t", "a\t", "\x1e", "\x1f", "\x1ee", "NULL", "🎬", "e\u0301", "ab\n", "\u00a0"]
DOUBLES = [0.0, -0.0, 0.5, -0.5, 2.5, 5e-7, -5e-7, 1.5e-6, 0.1, 1 / 3, 8999999999.999999, 9e9, 9e15, -9e15, 1e308]
DOUBLES += [5e-324, -5e-324, 2.2250738585072014e-308, math.inf, -math.inf, math.nan, 2.0**53, 2.0**63, 123456.7890125]
DATES = [date.min, date(1582, 10, 4), date(1582, 10, 15), date(1969, 12, 31), date(1970, 1, 1), date.max]
TIMES = [datetime(year, 12, 31, 23, 59, 59, micro, UTC) for year in (1, 1582, 1969, 1970, 2026) for micro in
         (0, 499, 500, 501, 1499, 1500, 999499)]  # fmt: skip
TIMES += [datetime(2026, 12, 31, 23, 59, 59, micro, UTC) for micro in (999500, 999999)]


def rows_of_every_type(count: int, seed: int = 7) -> list[list[object]]:
    """Return rows whose cells are null, extreme and random in equal parts."""
    chance = random.Random(seed)
    drawn = [_drawn(HiveType.parse(column.type), chance) for column in COLUMNS]
    return [[None if chance.random() < 0.1 else draw() for draw in drawn] for _ in range(count)]


def write(rows: list[list[object]], file: Path) -> None:
    """Write the rows as Parquet."""
    arrays = [
        pa.array([row[place] for row in rows], _arrow(HiveType.parse(column.type)))
        for place, column in enumerate(COLUMNS)
    ]
    pq.write_table(pa.table(dict(zip(TYPES, arrays, strict=True))), file)


def in_duckdb(file: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection with the file's rows in the table `delivered`; chars are there without padding."""
    duck = duckdb.connect()
    cells = ", ".join(
        f"rtrim({column.name}, ' ') AS {column.name}" if column.kind.is_padded else column.name for column in COLUMNS
    )
    duck.execute(f"CREATE TABLE delivered AS SELECT {cells} FROM read_parquet('{file.as_posix()}')")
    return duck


def _drawn(type_: HiveType, chance: random.Random) -> Callable[[], object]:
    def either(extremes: list, drawn: Callable[[], object]) -> Callable[[], object]:
        return lambda: chance.choice(extremes) if chance.random() < 0.5 else drawn()

    if bounds := type_.integer_bounds:
        return either([0, 1, -1, *bounds], lambda: chance.randint(*bounds))
    match type_.kind:
        case HiveKind.DECIMAL:
            most = 10**type_.precision - 1
            exactly = Context(prec=type_.precision)
            numbers = either([0, 1, -1, most, -most], lambda: chance.randint(-most, most))
            return lambda: exactly.scaleb(Decimal(numbers()), -type_.scale)
        case HiveKind.DOUBLE | HiveKind.FLOAT:
            return either(DOUBLES, lambda: _double(chance))
        case HiveKind.BOOLEAN:
            return lambda: chance.random() < 0.5
        case HiveKind.DATE:
            return either(DATES, lambda: date.fromordinal(chance.randint(1, date.max.toordinal())))
        case HiveKind.TIMESTAMP:
            return either(
                TIMES, lambda: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=chance.randrange(10**15))
            )
        case _:
            longest = type_.length or 60
            return either(
                [text[:longest] for text in TEXTS],
                lambda: "".join(chance.choices(SIGNS, k=chance.randint(0, longest))),
            )


def _double(chance: random.Random) -> float:
    if chance.random() < 0.5:
        return round(chance.uniform(-1e6, 1e6), chance.randint(0, 8))
    return struct.unpack("d", chance.randbytes(8))[0]


def _arrow(type_: HiveType) -> pa.DataType:
    if type_.kind is HiveKind.DECIMAL:
        return pa.decimal128(type_.precision, type_.scale)
    return {
        HiveKind.TINYINT: pa.int8(),
        HiveKind.SMALLINT: pa.int16(),
        HiveKind.INT: pa.int32(),
        HiveKind.BIGINT: pa.int64(),
        HiveKind.DOUBLE: pa.float64(),
        HiveKind.FLOAT: pa.float32(),
        HiveKind.BOOLEAN: pa.bool_(),
        HiveKind.DATE: pa.date32(),
        HiveKind.TIMESTAMP: pa.timestamp("us"),
    }.get(type_.kind, pa.string())
