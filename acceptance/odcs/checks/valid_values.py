"""Values, bounds and patterns of a column, typed as the column is."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from acceptance.contract.checks import Number, exact
from acceptance.contract.contract import Column
from acceptance.contract.hive_types import HiveKind
from acceptance.odcs.document.node import Node, shown
from acceptance.sql.patterns import problem_of

Value = Number | str | bool

MOST_PATTERN = 1000
"""The most characters of a pattern. No person can check a longer one."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,38}([.][0-9]{1,38})?", re.ASCII)


def read_values(nodes: Sequence[Node], column: Column) -> tuple[Value, ...]:
    """Read the listed values, each once. Refuses one that the column cannot hold."""
    values = [read_value(node, column) for node in nodes]
    return tuple(dict.fromkeys(value for value in values if value is not None))


def read_value(node: Node, column: Column) -> Value | None:
    """Read a value of the column's type, dates and timestamps as ISO text; None after a refusal."""
    value, kind = node.value, column.kind
    if kind.is_text and isinstance(value, str):
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and kind.is_number and (not kind.is_whole or value == int(value)):
        return exact(value)
    if kind is HiveKind.BOOLEAN and isinstance(value, bool):
        return value
    if kind in (HiveKind.DATE, HiveKind.TIMESTAMP) and isinstance(value, str):
        moment = _moment(value, column)
        if moment is not None:
            return moment
    advice = "; quote it to make it a text" if kind.is_text else _LIKE.get(kind, "")
    node.refuse(f"{shown(value)} is not a value of the column {column.name}, which is {column.type}{advice}")
    return None


_LIKE = {
    HiveKind.DATE: "; write it like 2025-01-31",
    HiveKind.TIMESTAMP: "; write it like 2025-01-31T23:59:59, or with an offset as 2025-01-31T23:59:59-03:00",
}


def read_missing(node: Node, column: Column) -> tuple[Value, ...]:
    """Read the values that count as missing beside null, each once, with the column's type: -999 is -999.00 too."""
    if not node.sequence():
        node.refuse("missingValues needs the list of values that count as missing beside null")
    items = (item for item in node.sequence() if item.value is not None)  # null is always missing
    values = [_text_of(item) if column.kind.is_text else read_value(_unquoted(item, column), column) for item in items]
    return tuple(dict.fromkeys(value for value in values if value is not None))


def _text_of(node: Node) -> str:
    if not isinstance(node.value, str | int) or isinstance(node.value, bool):
        node.refuse(f"found {shown(node.value)}; write the text that the cell holds, in quotes")
    return str(node.value)


def _unquoted(node: Node, column: Column) -> Node:
    """Return the number or boolean that a text holds, as missing values are often quoted; any other node as it is."""
    text = node.value
    if not isinstance(text, str):
        return node
    if column.kind.is_number and _NUMBER.fullmatch(text):
        return replace(node, value=float(text) if "." in text else int(text))
    if column.kind is HiveKind.BOOLEAN and text.lower() in ("true", "false"):
        return replace(node, value=text.lower() == "true")
    return node


def read_bound(node: Node, column: Column) -> Number | str | None:
    """Read the limit of a range, None if there is none."""
    if node.value is None:
        return None
    if column.kind.is_number and isinstance(node.value, int | float):
        return exact(node.value)  # 0.5 is a fine limit for whole numbers
    value = read_value(node, column)
    return None if isinstance(value, bool) else value


def read_pattern(node: Node) -> str | None:
    """Read a regular expression that Athena can compile, None if there is none."""
    pattern = node.text() or None
    if pattern is None:
        return None
    if len(pattern) > MOST_PATTERN:
        node.refuse(f"the pattern has {len(pattern):,} characters; at most {MOST_PATTERN:,} are allowed")
        return None
    problem = problem_of(pattern)
    if problem:
        node.refuse(f"{shown(pattern)} is not a regular expression as Athena, that is Java, reads it: {problem}")
    return pattern


def _moment(text: str, column: Column) -> str | None:
    """Return the ISO text of a date or timestamp that is written as ISO, or as the column lands."""
    parse = date.fromisoformat if column.kind is HiveKind.DATE else datetime.fromisoformat
    try:
        moment: date = parse(text)
    except ValueError:
        try:
            moment = datetime.strptime(text, column.landed_format or "%Y-%m-%d")  # noqa: DTZ007 (Athena's have no zone)
        except ValueError:
            return None
    if isinstance(moment, datetime):
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)  # Athena's have no zone; the table's times are in UTC
        return moment.date().isoformat() if column.kind is HiveKind.DATE else moment.isoformat(sep=" ")
    return moment.isoformat()
