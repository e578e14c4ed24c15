"""The types of Hive tables: which exist, and what their sizes mean."""

import re

from acceptance.contract.contract import Column

WHOLE_NUMBERS = ("tinyint", "smallint", "int", "integer", "bigint")


MOST_DIGITS = 38


_WHOLE_NUMBER = re.compile(rf"-?[0-9]{{1,{MOST_DIGITS}}}", re.ASCII)


def whole_number(text: str) -> int | None:
    """The number that a partition's value is; None if it is none, or is written as no engine reads it."""
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else None


def kind_of(column: Column) -> str:
    """The Hive type without its parameters."""
    return column.type.partition("(")[0]


def type_and_sizes(type_: str) -> tuple[str, tuple[int, ...]]:
    """("decimal", (4, 1)) of "decimal(4,1)"; sizes are empty when the type has none, or is not a plain type."""
    found = re.fullmatch(r"([a-z]+)(?:\((\d+)(?:,(\d+))?\))?", type_)
    if not found:
        return type_, ()
    return found[1], tuple(int(size) for size in found.groups()[1:] if size is not None)
