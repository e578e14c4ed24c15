"""The canonical text of a cell, which Athena's and DuckDB's SQL and anyone who follows this table compute alike.

By Hive type; null is the single character U+001E:

    tinyint .. bigint    decimal digits                        007 -> 7
    decimal(p,s)         with exactly s digits after the point -0.5
    float, double        round(x * 10^d) below 9 * 10^(15-d), else "x" and the 16 hexadecimal digits of the IEEE 754
                         double; NaN is "NaN". d is 6 or what the contract says; if it says `exact`, always hexadecimal
    boolean              true, false
    date                 2013-01-31
    timestamp            2013-01-31 05:15:00.123000, rounded half up to milliseconds, as Athena reads those of Hive;
                         to the microsecond, if the contract says `digits: 6`
    string, varchar      itself, with U+001E written as U+001E "e" and U+001F as U+001E "s"
    char                 the same, without the padding: trailing U+0020, and no other space
    array, map, struct   JSON, as `nested_text` says, escaped as a string

The text of a row joins those of its cells by U+001F. Because of the escapes no cell looks like a null or two cells.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import assert_never

from acceptance.contract.contract import Column
from acceptance.contract.hive_types import HiveKind, HiveType
from acceptance.proof.nested_text import ATHENA_NESTED, DUCKDB_NESTED, NestedSql, as_people_write
from acceptance.sql.text import UNPADDED

_EXACT_DIGITS = 15  # 9 * 10^15 is less than 2^53: the rounded product is exact in a double and in a bigint
_CONCAT_AT_ONCE = 100  # Trino limits the number of arguments of one concat


@dataclass(frozen=True, slots=True)
class Dialect:
    """The SQL in which the two engines differ. Each template has {0} for the value."""

    is_nan: str
    ieee754_hex: str
    timestamp_text: str
    micros_text: str
    md5_hex: str
    escaped: str
    unpadded: str
    nested: NestedSql


_ESCAPED = "replace(replace({0}, chr(30), concat(chr(30), 'e')), chr(31), concat(chr(30), 's'))"

# By name the blank: without it, both engines' rtrim also drops no-break spaces, and Athena's drops tabs.
ATHENA = Dialect(
    is_nan="is_nan({0})",
    ieee754_hex="to_hex(to_ieee754_64({0}))",
    timestamp_text="date_format(CAST({0} AS timestamp(3)), '%Y-%m-%d %H:%i:%s.%f')",
    micros_text="CAST(CAST({0} AS timestamp(6)) AS varchar)",  # date_format tells milliseconds at most
    md5_hex="lower(to_hex(md5(to_utf8({0}))))",
    escaped=_ESCAPED,
    unpadded=UNPADDED,
    nested=ATHENA_NESTED,
)
DUCKDB = Dialect(
    is_nan="isnan({0})",
    ieee754_hex="hex(CAST(CAST({0} AS BIT) AS BLOB))",
    # Half a millisecond is rounded up, as Trino's readers do. DuckDB's cast rounds it away from 1970.
    timestamp_text=(
        "strftime(date_trunc('millisecond', CAST({0} AS TIMESTAMP) + INTERVAL 500 MICROSECOND), '%Y-%m-%d %H:%M:%S.%f')"
    ),
    micros_text="strftime(CAST({0} AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%f')",
    md5_hex="md5({0})",
    # DuckDB searches for the two, which cells hardly ever hold, in a third of the time that it needs to replace them.
    escaped=f"CASE WHEN contains({{0}}, chr(30)) OR contains({{0}}, chr(31)) THEN {_ESCAPED} ELSE {{0}} END",
    unpadded="rtrim(CAST({0} AS varchar), ' ')",
    nested=DUCKDB_NESTED,
)


def row_text(dialect: Dialect, columns: Sequence[Column], values: Sequence[str]) -> str:
    """Return the expression of a row's text. `values` are expressions, one for each column and of its type.

    Raises:
        ValueError: as `canonical_cell_text`.
    """
    return joined([canonical_cell_text(dialect, column, value) for column, value in zip(columns, values, strict=True)])


def joined(texts: Sequence[str]) -> str:
    """Return the SQL of a row's text, from the SQL of its cells' texts."""
    parts: list[str] = []
    for text in texts:
        parts += ["chr(31)", f"coalesce({text}, chr(30))"] if parts else [f"coalesce({text}, chr(30))"]
    while len(parts) > 1:
        chunks = [parts[start : start + _CONCAT_AT_ONCE] for start in range(0, len(parts), _CONCAT_AT_ONCE)]
        parts = [f"concat({', '.join(chunk)})" if len(chunk) > 1 else chunk[0] for chunk in chunks]
    return parts[0]


def canonical_cell_text(dialect: Dialect, column: Column, value: str) -> str:
    """Return the expression of a cell's text; it is null for null.

    Raises:
        ValueError: the column has a type without canonical text.
    """
    type_ = column.hive_type
    match type_.kind:
        case HiveKind.STRING | HiveKind.VARCHAR:
            return dialect.escaped.format(value)
        case HiveKind.CHAR:
            return dialect.escaped.format(dialect.unpadded.format(value))
        case HiveKind.DOUBLE:
            return _rounded(dialect, column.digits, value)
        case HiveKind.FLOAT:
            return _rounded(dialect, column.digits, f"CAST({value} AS double)")
        case HiveKind.TIMESTAMP:
            return (dialect.micros_text if column.micros else dialect.timestamp_text).format(value)
        case HiveKind.DECIMAL:
            text = f"CAST({value} AS varchar)"
            if type_.precision > type_.scale:
                return text
            # Without a digit before the point the engines differ: 0.5 and .5
            return f"CASE WHEN {value} < 0 THEN '-0.' ELSE '0.' END || split_part({text}, '.', 2)"
        case HiveKind.TINYINT | HiveKind.SMALLINT | HiveKind.INT | HiveKind.BIGINT | HiveKind.BOOLEAN | HiveKind.DATE:
            return f"CAST({value} AS varchar)"
        case HiveKind.ARRAY | HiveKind.MAP | HiveKind.STRUCT:
            # Where a file is read, the value is this text already: see landed.reading.nested.
            text = value if dialect is DUCKDB else nested_text(dialect, column, value)
            return dialect.escaped.format(text)
        case _:
            assert_never(type_.kind)


def nested_text(dialect: Dialect, column: Column, value: str) -> str:
    """Return the expression of a nested cell's text before it is escaped; null for null. `value` is an identifier."""

    def text_of(type_: HiveType, within: str) -> str:
        if type_.kind.is_padded:
            return dialect.unpadded.format(within)
        return within if type_.kind.is_text else canonical_cell_text(dialect, replace(column, type=str(type_)), within)

    return dialect.nested.text(column.hive_type, value, text_of)


def as_written(column: Column, text: str | None) -> str | None:
    """Return a canonical text as people write the value: 93100000 of a double is 93.1."""
    kind = column.kind
    if text is None:
        return None
    if kind.is_nested:
        text = text.replace("\x1es", "\x1f").replace("\x1ee", "\x1e")
        return as_people_write(
            column.hive_type, text, lambda of, within: as_written(replace(column, type=str(of)), within)
        )
    if kind is HiveKind.TIMESTAMP:
        return text.removesuffix("000").removesuffix(".000")
    if kind.is_text:
        return text.replace("\x1es", "\x1f").replace("\x1ee", "\x1e")
    if not kind.is_float:
        return text
    if text.startswith("x"):
        return repr(struct.unpack(">d", bytes.fromhex(text[1:]))[0])
    return text if text == "NaN" else f"{Decimal(text).scaleb(-(column.digits or 0)).normalize():f}"


def _rounded(dialect: Dialect, digits: int | None, value: str) -> str:
    nan = f"CASE WHEN {dialect.is_nan.format(value)} THEN 'NaN'"
    # Not concat, which in DuckDB makes a text of null; and + 0e0, so that -0.0 is 0.0.
    bits = f"'x' || {dialect.ieee754_hex.format(f'({value} + 0e0)')}"
    if digits is None:
        return f"{nan} ELSE {bits} END"
    return (
        f"{nan} WHEN abs({value}) < 9e{_EXACT_DIGITS - digits}"
        f" THEN CAST(CAST(round({value} * 1e{digits}) AS bigint) AS varchar) ELSE {bits} END"
    )
