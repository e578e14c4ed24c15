"""One number for all cells of a table or file, computed alike by Athena, by DuckDB and by anyone with an md5.

Each row becomes one text: the canonical texts of its cells, joined by U+001F. The md5 of that text (UTF-8) is read as
two signed big-endian 64-bit integers, and each half is summed over the rows. A sum does not depend on the order of the
rows and, unlike XOR, does not lose rows that come twice.

Canonical text of a cell, by Hive type; null is the single character U+001E:

    tinyint .. bigint    decimal digits                        007 -> 7
    decimal(p,s)         with exactly s digits after the point -0.5
    float, double        round(x * 10^6) below 9e9, else the 16 hexadecimal digits of the IEEE 754 double; NaN is "NaN"
    boolean              true, false
    date                 2013-01-31
    timestamp            2013-01-31 05:15:00.123000, rounded to milliseconds, which is what Athena reads
    string, varchar      itself, with U+001E written as U+001E "e" and U+001F as U+001E "s"
    char                 the same, without trailing spaces

The escapes make the row's text unambiguous: no cell can look like a null or like two cells.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from acceptance.contract import Column

DOUBLE_DIGITS = 6
"""Digits after the point up to which two doubles are compared. Smaller differences are declared to be none."""

_EXACT_BELOW = (
    "9e9"  # times 10^6 this is less than 2^53, so that the rounded product is exact in a double and in a bigint
)
_CONCAT_AT_ONCE = 100  # Trino limits the number of arguments of one concat


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Number of rows, and the sums of the high and low halves of their digests. Equal fingerprints, equal cells."""

    rows: int
    high: int
    low: int

    @classmethod
    def of_sums(cls, rows: int, high: object, low: object) -> "Fingerprint":
        """From what an engine answered: int, Decimal or text, or null, which is the sum over no rows."""
        return cls(rows, _integer(high), _integer(low))

    def __add__(self, other: "Fingerprint") -> "Fingerprint":
        """Of the rows of both together."""
        return Fingerprint(self.rows + other.rows, self.high + other.high, self.low + other.low)

    def __str__(self) -> str:
        return f"{self.rows}:{self.high:x}:{self.low:x}"


def athena_fingerprint_columns(columns: Sequence[Column]) -> tuple[str, str]:
    """The two aggregate expressions, in Athena's dialect, that give `high` and `low` over the rows of a SELECT.

    Raises:
        ValueError: a column has a type without canonical text.
    """
    digest = f"md5(to_utf8({_row(_ATHENA, columns, [_quoted(column.name) for column in columns])}))"
    halves = (f"from_big_endian_64(substr({digest}, {start}, 8))" for start in (1, 9))
    high, low = (f"coalesce(sum(CAST({half} AS decimal(38, 0))), CAST(0 AS decimal(38, 0)))" for half in halves)
    return high, low


def duckdb_fingerprint_columns(columns: Sequence[Column], values: Sequence[str]) -> tuple[str, str]:
    """The same in DuckDB's dialect. `values` are expressions, one for each column and of its type.

    Raises:
        ValueError: as `athena_fingerprint_columns`.
    """
    digest = f"md5({_row(_DUCKDB, columns, values)})"
    # The bits of 8 bytes, taken as a BIGINT, are what from_big_endian_64 makes of them.
    halves = (f"CAST(CAST(unhex({digest}[{start}:{start + 15}]) AS BIT) AS BIGINT)" for start in (1, 17))
    high, low = (f"coalesce(sum({half}), 0)" for half in halves)
    return high, low


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What the two engines call differently. Each template holds the value as {0}."""

    is_nan: str
    ieee754_hex: str
    timestamp_text: str


_ATHENA = _Dialect(
    is_nan="is_nan({0})",
    ieee754_hex="to_hex(to_ieee754_64({0}))",
    timestamp_text="date_format(CAST({0} AS timestamp(3)), '%Y-%m-%d %H:%i:%s.%f')",
)
_DUCKDB = _Dialect(
    is_nan="isnan({0})",
    ieee754_hex="hex(CAST(CAST({0} AS BIT) AS BLOB))",
    timestamp_text="strftime(CAST({0} AS TIMESTAMP_MS), '%Y-%m-%d %H:%M:%S.%f')",
)

_FLOATS = frozenset({"float", "double"})
_TEXTS = frozenset({"string", "varchar", "char"})
_CAST = frozenset({"tinyint", "smallint", "int", "integer", "bigint", "decimal", "boolean", "date"})


def _row(dialect: _Dialect, columns: Sequence[Column], values: Sequence[str]) -> str:
    parts: list[str] = []
    for column, value in zip(columns, values, strict=True):
        text = f"coalesce({_text(dialect, column, value)}, chr(30))"
        parts += [text] if not parts else ["chr(31)", text]
    while len(parts) > 1:
        chunks = [parts[start : start + _CONCAT_AT_ONCE] for start in range(0, len(parts), _CONCAT_AT_ONCE)]
        parts = [f"concat({', '.join(chunk)})" if len(chunk) > 1 else chunk[0] for chunk in chunks]
    return parts[0]


def _text(dialect: _Dialect, column: Column, value: str) -> str:
    kind, sizes = type_and_sizes(column.type)
    if kind in _TEXTS:
        return _escaped(f"rtrim(CAST({value} AS varchar))" if kind == "char" else value)
    if kind in _FLOATS:
        return _rounded(dialect, value if kind == "double" else f"CAST({value} AS double)")
    if kind == "timestamp":
        return dialect.timestamp_text.format(value)
    if kind == "decimal" and len(sizes) == 2 and sizes[0] == sizes[1]:
        # Without a digit before the point the engines differ: 0.5 and .5
        value = f"CAST({value} AS decimal({min(sizes[0] + 1, 38)}, {sizes[1]}))"
    if kind in _CAST:
        return f"CAST({value} AS varchar)"
    allowed = ", ".join(sorted(_CAST | _TEXTS | _FLOATS | {"timestamp"}))
    raise ValueError(f"column {column.name}: cells of type {column.type} cannot be compared; allowed: {allowed}")


def _escaped(value: str) -> str:
    return f"replace(replace({value}, chr(30), concat(chr(30), 'e')), chr(31), concat(chr(30), 's'))"


def _rounded(dialect: _Dialect, value: str) -> str:
    return (
        f"CASE WHEN {dialect.is_nan.format(value)} THEN 'NaN'"
        f" WHEN abs({value}) < {_EXACT_BELOW} THEN CAST(CAST(round({value} * 1e{DOUBLE_DIGITS}) AS bigint) AS varchar)"
        f" ELSE {dialect.ieee754_hex.format(value)} END"
    )


def type_and_sizes(type_: str) -> tuple[str, tuple[int, ...]]:
    """("decimal", (4, 1)) of "decimal(4,1)"; sizes are empty when the type has none, or is not a plain type."""
    found = re.fullmatch(r"([a-z]+)(?:\((\d+)(?:,(\d+))?\))?", type_)
    if not found:
        return type_, ()
    return found[1], tuple(int(size) for size in found.groups()[1:] if size is not None)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _integer(value: object) -> int:
    return 0 if value is None else int(Decimal(str(value)))
