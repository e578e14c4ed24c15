"""The types of an ORC file: its columns, their types in ORC's own words, and which Hive types they convert to."""

from collections.abc import Sequence
from dataclasses import dataclass

from acceptance.contract.contract import Column
from acceptance.contract.hive_types import TEXTS, WHOLE_NUMBERS, HiveKind
from landed.formats.orc.messages import Damaged, ProtobufMessage, read_message
from landed.formats.typed_texts import TEXT_OF_TIME
from landed.reading.bounds import MOST_COLUMNS
from landed.reading.faults import Unreadable

_MOST_DIGITS = 38
_KIND, _SUBTYPES, _NAMES, _PRECISION, _SCALE = 1, 2, 3, 5, 6
"""The numbers of the fields in ORC's specification; a length of char and varchar limits nothing that is read."""

BOOLEAN, BYTE, SHORT, INT, LONG, FLOAT, DOUBLE, STRING, BINARY, TIMESTAMP = range(10)
_STRUCT, DECIMAL, DATE, VARCHAR, CHAR, INSTANT = 12, 14, 15, 16, 17, 18
_DESCRIBED = {
    BOOLEAN: "boolean", BYTE: "tinyint", SHORT: "smallint", INT: "int", LONG: "bigint", FLOAT: "float",
    DOUBLE: "double", STRING: "string", BINARY: "binary", TIMESTAMP: "timestamp", 10: "a list", 11: "a map",
    _STRUCT: "a struct", 13: "a union", DECIMAL: "decimal", DATE: "date", VARCHAR: "varchar", CHAR: "char",
    INSTANT: "timestamp with local time zone", 19: "geometry", 20: "geography",
}  # fmt: skip
_HELD_AS = {
    BOOLEAN: "BOOLEAN", BYTE: "TINYINT", SHORT: "SMALLINT", INT: "INTEGER", LONG: "BIGINT", FLOAT: "FLOAT",
    DOUBLE: "DOUBLE", STRING: "VARCHAR", TIMESTAMP: TEXT_OF_TIME, DATE: "DATE", VARCHAR: "VARCHAR", CHAR: "VARCHAR",
    INSTANT: TEXT_OF_TIME,
}  # fmt: skip
_ALLOWED = {
    **dict.fromkeys(
        (*WHOLE_NUMBERS, HiveKind.DECIMAL), "tinyint, smallint, int, bigint, or decimal of at most 38 digits"
    ),
    HiveKind.FLOAT: "float",
    HiveKind.DOUBLE: "float or double",
    HiveKind.BOOLEAN: "boolean",
    HiveKind.DATE: "date",
    HiveKind.TIMESTAMP: "timestamp, or timestamp with local time zone",
    **dict.fromkeys(TEXTS, "string, varchar, or char"),
}
"""By Hive type, the types of ORC that may hold its values, for people."""


@dataclass(frozen=True, slots=True)
class OrcColumn:
    """A field of the struct that the file's rows are. `number` is that of its type, by which streams name it.

    `scale` is that of a decimal. `kind` is ORC's number of the type.
    """

    written: str
    number: int
    kind: int
    precision: int = 0
    scale: int = 0

    @property
    def described(self) -> str:
        name = _DESCRIBED.get(self.kind, f"the type {self.kind}")
        if self.kind != DECIMAL:
            return name
        return f"decimal({self.precision},{self.scale})" if self.precision else "decimal without a precision"

    @property
    def type_(self) -> str:
        """The type that holds its values, "" if there is none."""
        if self.kind != DECIMAL:
            return _HELD_AS.get(self.kind, "")
        fits = 1 <= self.precision <= _MOST_DIGITS and 0 <= self.scale <= self.precision
        return f"DECIMAL({self.precision}, {self.scale})" if fits else ""


def allowed(column: Column) -> str:
    """Return which types hold the values of the contract's column, for people."""
    return _ALLOWED[column.kind]


def read_columns(types: Sequence[bytes]) -> tuple[OrcColumn, ...]:
    """Read the fields of the first type, which the rows are. Raise Damaged or Unreadable."""
    if not types:
        raise Damaged("it has no types")
    root = read_message(types[0])
    if root.number(_KIND) != _STRUCT:
        kind = _DESCRIBED.get(root.number(_KIND), "of another type")
        raise Unreadable(f"the rows of the file are {kind} and no struct, so they have no columns")
    subtypes, names = list(root.numbers(_SUBTYPES)), root.bytes_of(_NAMES)
    if not subtypes:
        raise Unreadable("the struct of the file's rows has no fields, so the file has no columns")
    if len(subtypes) != len(names):
        raise Damaged(f"its rows have {len(subtypes):,} types and {len(names):,} names")
    if len(names) > MOST_COLUMNS:
        raise Unreadable(f"the file has {len(names):,} columns; Aceite reads at most {MOST_COLUMNS:,}")
    if not all(0 < subtype < len(types) for subtype in subtypes):
        raise Damaged("a column has a type that the file has not")
    return tuple(
        _column(_name(name), number, read_message(types[number])) for name, number in zip(names, subtypes, strict=True)
    )


def _name(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise Damaged(f"the name {name.decode('utf-8', 'replace')!r} has bytes that are not valid UTF-8") from None


def _column(name: str, number: int, type_: ProtobufMessage) -> OrcColumn:
    return OrcColumn(name, number, type_.number(_KIND), type_.number(_PRECISION), type_.number(_SCALE))
