"""The columns of a Parquet file: their names and types as the file has them, and which Hive types they convert to."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from acceptance.contract.contract import Column
from acceptance.contract.hive_types import NESTED, TEXTS, WHOLE_NUMBERS, HiveKind
from landed.reading.nested import duckdb_type
from landed.reading.sql import file_literal

NULLS_ONLY = '"NULL"'
NS_IN_UTC = "TIMESTAMPTZ_NS"
INT96 = "INT96"

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_TIMES = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE", NS_IN_UTC)
HELD_BY = {
    **dict.fromkeys(WHOLE_NUMBERS, (*_WHOLE, "DECIMAL")),
    HiveKind.DECIMAL: (*_WHOLE, "DECIMAL"),
    HiveKind.FLOAT: ("FLOAT",),
    HiveKind.DOUBLE: ("FLOAT", "DOUBLE"),
    HiveKind.BOOLEAN: ("BOOLEAN",),
    HiveKind.DATE: ("DATE",),
    HiveKind.TIMESTAMP: _TIMES,
    **dict.fromkeys(TEXTS, ("VARCHAR", "ENUM", "JSON", "UUID")),
    **dict.fromkeys(NESTED, ("the very type",)),
}
"""By Hive type, the DuckDB types of a Parquet column that may hold its values; a value that does not fit is a fault."""

_NUMBERS = "INT32 or INT64 (plain or INT), or DECIMAL of at most 38 digits"
_ALLOWED = {
    **dict.fromkeys((*WHOLE_NUMBERS, HiveKind.DECIMAL), _NUMBERS),
    HiveKind.FLOAT: "FLOAT",
    HiveKind.DOUBLE: "FLOAT or DOUBLE",
    HiveKind.BOOLEAN: "BOOLEAN",
    HiveKind.DATE: "INT32 (DATE)",
    HiveKind.TIMESTAMP: "INT64 (TIMESTAMP), or INT96",
    **dict.fromkeys(TEXTS, "BYTE_ARRAY (plain, STRING, ENUM or JSON), or UUID"),
    **dict.fromkeys(NESTED, "the same type, with the same types within it"),
}
"""The same in Parquet's own words, for people."""

_NAME = re.compile(r"(\w+)Type\(")
_UNIT = re.compile(r"(MILLIS|MICROS|NANOS)=[^<]")
_NAMES = {"Int": "INT", "Null": "nulls only"}


@dataclass(frozen=True, slots=True)
class ParquetColumn:
    """A column at the top of a file's schema.

    `written` is its name in the file, `name` the one by which DuckDB reads it, which differs if two columns have the
    same. `type_` is DuckDB's type. `physical` and `logical` are Parquet's; "" for a nested column and for none.
    """

    written: str
    name: str
    type_: str
    physical: str
    logical: str

    @property
    def described(self) -> str:
        """The type in Parquet's own words."""
        if not self.physical or self.type_.endswith("]"):
            return f"{self.logical or self.physical or 'a group'}, a nested type"
        return f"{self.physical} ({self.logical})" if self.logical else self.physical

    def problem(self, column: Column) -> str:
        """Return why it does not convert to the type of the contract's column, or ""."""
        if column.kind.is_nested:
            wanted = duckdb_type(column.hive_type)
            found = self.type_
            if _plainly(found) == _plainly(wanted):
                return ""
            return (
                f"the column {column.landed!r} is {found}, and not {wanted}, which is {column.type} in DuckDB's words"
            )
        if self._converts(column.kind):
            return ""
        return (
            f"the column {column.landed!r} is {self.described}, which does not convert to {column.type}; "
            f"allowed: {_ALLOWED[column.kind]}"
        )

    def _converts(self, kind: HiveKind) -> bool:
        if not self.physical or self.type_.endswith("]"):
            return False
        if self.type_ == NULLS_ONLY:
            return True
        if kind.is_text and (self.logical == "BSON" or (self.physical.startswith("FIXED") and self.logical != "UUID")):
            return False  # bytes that are no text, even where they look like one
        if kind.is_float and self.logical.startswith("DECIMAL"):
            return False  # DuckDB reads one of more than 38 digits as a double
        return self.type_.partition("(")[0] in HELD_BY[kind]


def _plainly(type_: str) -> str:
    """Return a type of DuckDB without what does not matter: quotes, blanks and capitals."""
    return re.sub(r"[\" ]", "", type_).lower()


def reading(path: Path, *options: str) -> str:
    """Return the call of DuckDB's reader. Bytes without a logical type are texts, as Impala and Hive write them."""
    always = ("hive_partitioning = false", "binary_as_string = true")
    return f"read_parquet({', '.join((file_literal(path), *always, *options))})"


def parquet_columns(duck: duckdb.DuckDBPyConnection, path: Path) -> tuple[ParquetColumn, ...]:
    described = duck.execute(f"DESCRIBE SELECT * FROM {reading(path)}").fetchall()
    fields = "name, type, type_length, num_children, converted_type, scale, precision, logical_type"
    schema = duck.execute(f"SELECT {fields} FROM parquet_schema({file_literal(path)})").fetchall()
    top = list(_top_level(schema))
    if len(top) != len(described):  # DuckDB would not open such a file
        raise duckdb.InvalidInputException("the columns of the schema and those that can be read differ in number")
    return tuple(
        ParquetColumn(written, name, type_, _physical(physical, length), _logical(converted, scale, precision, logical))
        for (name, type_, *_), (written, physical, length, _, converted, scale, precision, logical) in zip(
            described, top, strict=True
        )
    )


def _top_level(schema: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Yield the elements just below the root. The schema lists each element before those that it holds."""
    below = 0
    for element in schema[1:]:
        if not below:
            yield element
        below += (element[3] or 0) - (1 if below else 0)


def _physical(type_: str | None, length: str | None) -> str:
    return f"{type_}({length})" if type_ and length else type_ or ""


def _logical(converted: str | None, scale: int | None, precision: int | None, logical: str | None) -> str:
    """Return the logical type as Parquet's specification writes it. Older writers have only a converted type."""
    match = _NAME.match(logical or "")
    if logical is None or match is None:
        return f"DECIMAL({precision}, {scale or 0})" if converted == "DECIMAL" else converted or ""
    name = match[1]
    if name == "Decimal":
        return f"DECIMAL({precision}, {scale or 0})"
    if name in ("Time", "Timestamp"):
        unit, in_utc = _UNIT.search(logical), "isAdjustedToUTC=1" in logical
        return f"{name.upper()}({unit[1] if unit else '?'}, {'in UTC' if in_utc else 'local'})"
    if name == "Int":
        return f"INT({(converted or '').rpartition('_')[2]}, {'signed' if 'isSigned=1' in logical else 'unsigned'})"
    return _NAMES.get(name, name.upper())
