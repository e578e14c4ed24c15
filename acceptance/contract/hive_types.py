"""The types of a table's columns: which exist, what they hold, and what their sizes mean.

A new type is added to `HiveKind`. mypy, and the tests of this module, then name every place that must know it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

MOST_DIGITS = 38
"""Digits of the largest decimal."""

_WHOLE_NUMBER = re.compile(rf"-?[0-9]{{1,{MOST_DIGITS}}}", re.ASCII)
_SIZED = re.compile(r"[a-z]+(?:\(([0-9]+)(?:,([0-9]+))?\))?", re.ASCII)
_ALIASES = {"integer": "int"}


def whole_number(text: str) -> int | None:
    """Return the number that a partition's value is; None if it is none, or is written as no engine reads it."""
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else None


def catalog_type(text: str) -> str:
    """Return a type of the Glue catalog as a contract writes it: `DECIMAL` and `decimal(10)` are decimal(10,0).

    Hive gives a decimal without sizes 10 digits, and one without a scale none after the point. Types that no contract
    can have, such as nested ones, are only put into lower case without spaces.
    """
    plain = "".join(text.lower().split())
    try:
        return str(HiveType.parse("decimal(10,0)" if plain in ("decimal", "numeric", "dec") else plain))
    except ValueError:
        return plain


class HiveKind(StrEnum):
    """The name of a type without its sizes. Nested types are not among them.

    Source: https://docs.aws.amazon.com/athena/latest/ug/data-types.html
    """

    TINYINT = "tinyint"
    SMALLINT = "smallint"
    INT = "int"
    BIGINT = "bigint"
    DECIMAL = "decimal"
    FLOAT = "float"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    STRING = "string"
    VARCHAR = "varchar"
    CHAR = "char"

    @classmethod
    def named(cls, type_: str) -> "HiveKind | None":
        """Return the kind that a type's text names, None for a nested or unknown one."""
        name = type_.partition("(")[0]
        name = _ALIASES.get(name, name)
        return next((kind for kind in cls if kind == name), None)

    @property
    def is_text(self) -> bool:
        return self in TEXTS

    @property
    def is_padded(self) -> bool:
        """Texts are filled up with blanks, of which engines make less or more."""
        return self is HiveKind.CHAR

    @property
    def is_whole(self) -> bool:
        return self in WHOLE_NUMBERS

    @property
    def is_float(self) -> bool:
        return self in FLOATS

    @property
    def is_number(self) -> bool:
        return self in NUMBERS

    @property
    def can_partition(self) -> bool:
        """Each value has one text that all engines write."""
        return self in PARTITION_KINDS


WHOLE_NUMBERS = (HiveKind.TINYINT, HiveKind.SMALLINT, HiveKind.INT, HiveKind.BIGINT)
FLOATS = (HiveKind.FLOAT, HiveKind.DOUBLE)
NUMBERS = (*WHOLE_NUMBERS, *FLOATS, HiveKind.DECIMAL)
TEXTS = (HiveKind.STRING, HiveKind.VARCHAR, HiveKind.CHAR)
PARTITION_KINDS = (HiveKind.STRING, HiveKind.VARCHAR, *WHOLE_NUMBERS, HiveKind.DATE)

_BITS = {HiveKind.TINYINT: 8, HiveKind.SMALLINT: 16, HiveKind.INT: 32, HiveKind.BIGINT: 64}
_LONGEST = {HiveKind.VARCHAR: 65535, HiveKind.CHAR: 255}


@dataclass(frozen=True, slots=True)
class HiveType:
    """A type with its sizes. `length` is that of a varchar or char, in characters; the others are a decimal's."""

    kind: HiveKind
    length: int | None = None
    precision: int = 0
    scale: int = 0

    @classmethod
    @cache
    def parse(cls, text: str) -> "HiveType":
        """Read a type in lower case without spaces: "bigint", "decimal(4,1)", "varchar(20)".

        Raises:
            ValueError: the kind is not known, or its sizes are missing or out of range.
        """
        kind, match = HiveKind.named(text), _SIZED.fullmatch(text)
        if kind is None:
            raise ValueError(f"cells of type {text} cannot be compared; allowed: {', '.join(sorted(HiveKind))}")
        first, second = (int(number) if number else None for number in match.groups()) if match else (None, 0)
        if kind is HiveKind.DECIMAL:
            if first is None or not 1 <= first <= MOST_DIGITS or (second or 0) > first:
                raise ValueError(
                    f"write decimal(precision,scale) with a precision from 1 to {MOST_DIGITS} and a scale up to it"
                )
            return cls(kind, precision=first, scale=second or 0)
        if kind in _LONGEST:
            if first is None or not 1 <= first <= _LONGEST[kind] or second is not None:
                raise ValueError(f"write {kind}(length) with a length from 1 to {_LONGEST[kind]}")
            return cls(kind, length=first)
        if match is None or first is not None:
            raise ValueError(f"{kind} has no parameters")
        return cls(kind)

    def __str__(self) -> str:
        if self.kind is HiveKind.DECIMAL:
            return f"{self.kind}({self.precision},{self.scale})"
        return self.kind if self.length is None else f"{self.kind}({self.length})"

    @property
    def integer_bounds(self) -> tuple[int, int] | None:
        """The least and the greatest whole number of the type; None for others."""
        bits = _BITS.get(self.kind)
        return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if bits else None
