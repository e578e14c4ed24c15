"""The types of a table's columns: which exist, what they hold, and what their sizes mean.

A new type is added to `HiveKind`. mypy, and the tests of this module, then name every place that must know it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

MOST_DIGITS = 38
"""Digits of the largest decimal."""

MOST_DEPTH = 5
"""How many nested types may be within each other."""

_WHOLE_NUMBER = re.compile(rf"-?[0-9]{{1,{MOST_DIGITS}}}", re.ASCII)
_SIZED = re.compile(r"[a-z]+(?:\(([0-9]+)(?:,([0-9]+))?\))?", re.ASCII)
_NESTED = re.compile(r"(array|map|struct)<(.*)>", re.ASCII)
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
    """The name of a type without its sizes, and without what is nested in it.

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
    ARRAY = "array"
    MAP = "map"
    STRUCT = "struct"

    @classmethod
    def named(cls, type_: str) -> "HiveKind | None":
        """Return the kind that a type's text names, None for an unknown one."""
        name = re.split("[(<]", type_, maxsplit=1)[0]
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
    def is_nested(self) -> bool:
        return self in NESTED

    @property
    def can_partition(self) -> bool:
        """Each value has one text that all engines write."""
        return self in PARTITION_KINDS


WHOLE_NUMBERS = (HiveKind.TINYINT, HiveKind.SMALLINT, HiveKind.INT, HiveKind.BIGINT)
FLOATS = (HiveKind.FLOAT, HiveKind.DOUBLE)
NUMBERS = (*WHOLE_NUMBERS, *FLOATS, HiveKind.DECIMAL)
TEXTS = (HiveKind.STRING, HiveKind.VARCHAR, HiveKind.CHAR)
NESTED = (HiveKind.ARRAY, HiveKind.MAP, HiveKind.STRUCT)
PARTITION_KINDS = (HiveKind.STRING, HiveKind.VARCHAR, *WHOLE_NUMBERS, HiveKind.DATE)

_BITS = {HiveKind.TINYINT: 8, HiveKind.SMALLINT: 16, HiveKind.INT: 32, HiveKind.BIGINT: 64}
_LONGEST = {HiveKind.VARCHAR: 65535, HiveKind.CHAR: 255}


@dataclass(frozen=True, slots=True)
class HiveType:
    """A type with its sizes. `length` is that of a varchar or char, in characters; the others are a decimal's.

    `of` are the types within a nested one: of the items, of keys and values, or of the `fields`, which are names.
    """

    kind: HiveKind
    length: int | None = None
    precision: int = 0
    scale: int = 0
    of: tuple["HiveType", ...] = ()
    fields: tuple[str, ...] = ()

    @classmethod
    @cache
    def parse(cls, text: str) -> "HiveType":
        """Read a type in lower case without spaces: "bigint", "decimal(4,1)", "varchar(20)", "array<struct<id:int>>".

        Raises:
            ValueError: the kind is not known, or its sizes are missing or out of range.
        """
        kind, match = HiveKind.named(text), _SIZED.fullmatch(text)
        if kind is None:
            raise ValueError(f"cells of type {text} cannot be compared; allowed: {', '.join(sorted(HiveKind))}")
        if kind.is_nested:
            return _nested(kind, text)
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
        if self.kind is HiveKind.STRUCT:
            return f"struct<{','.join(f'{name}:{of}' for name, of in zip(self.fields, self.of, strict=True))}>"
        if self.kind.is_nested:
            return f"{self.kind}<{','.join(map(str, self.of))}>"
        if self.kind is HiveKind.DECIMAL:
            return f"{self.kind}({self.precision},{self.scale})"
        return self.kind if self.length is None else f"{self.kind}({self.length})"

    @property
    def integer_bounds(self) -> tuple[int, int] | None:
        """The least and the greatest whole number of the type; None for others."""
        bits = _BITS.get(self.kind)
        return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if bits else None

    @property
    def depth(self) -> int:
        """How many nested types are within each other; 0 for a plain one."""
        return 1 + max(of.depth for of in self.of) if self.of else 0


_EXAMPLES = {
    HiveKind.ARRAY: "array<string>",
    HiveKind.MAP: "map<string,int>",
    HiveKind.STRUCT: "struct<id:int,name:string>",
}


def _nested(kind: HiveKind, text: str) -> HiveType:
    match = _NESTED.fullmatch(text)
    parts = _at_top(match[2], ",") if match else []
    if not all(parts) or len(parts) != {HiveKind.ARRAY: 1, HiveKind.MAP: 2}.get(kind, len(parts) or -1):
        raise ValueError(f"write {kind} with the types within it, such as {_EXAMPLES[kind]}")
    fields: tuple[str, ...] = ()
    if kind is HiveKind.STRUCT:
        named = [part.partition(":") for part in parts]
        fields, parts = tuple(name for name, _, _ in named), [of for _, _, of in named]
        if not all(fields) or not all(parts) or len(set(fields)) < len(fields) or '"' in text:
            raise ValueError("write each field of a struct as name:type, and each name once")
    type_ = HiveType(kind, of=tuple(map(HiveType.parse, parts)), fields=fields)
    if kind is HiveKind.MAP and type_.of[0].kind not in PARTITION_KINDS:
        raise ValueError(f"a key of a map cannot be {type_.of[0]}; allowed: {', '.join(PARTITION_KINDS)}")
    if type_.depth > MOST_DEPTH:
        raise ValueError(f"at most {MOST_DEPTH} nested types may be within each other; found {type_.depth}")
    return type_


def _at_top(text: str, separator: str) -> list[str]:
    """Split at the separators that are in no brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "<(") - (character in ">)")
        if character == separator and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts
