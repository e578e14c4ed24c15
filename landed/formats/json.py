"""Open a landed file of JSON lines: each line is an object, its members are the cells.

Python reads the lines, so that numbers keep every digit; DuckDB reads the cells, which Python writes to a file.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from acceptance.contract.contract import Column, Contract
from acceptance.contract.hive_types import HiveKind
from acceptance.contract.landing_format import LandingFormat
from acceptance.text_contrast import Others, in_brackets, unlike
from landed.reading.cells import MAX_RECORD_BYTES
from landed.reading.faults import Faults, shorten
from landed.reading.nested import NotOfItsType, json_text
from landed.reading.rewritten import Cells, RewrittenSql, write_records
from landed.reading.sql import Opened

_BLANKS = " \t\r\n"  # those of JSON; Python's own strip drops a no-break space too
_SURROGATE = re.compile("[\ud800-\udfff]")


class Number(str):
    """A number with all the digits of the file."""

    __slots__ = ()


def open_json(duck: duckdb.DuckDBPyConnection, text: Path, contract: Contract, scratch: Path, faults: Faults) -> Opened:
    columns = contract.landed_columns
    header = tuple(column.landed for column in columns)
    written = write_records(scratch / "written.json", _records(text, contract, faults), faults)
    sql = RewrittenSql(text, contract, contract.landing, tuple(range(len(columns))), written)
    return Opened(None if faults.count else sql, header, written.rows, partial(_lines_of, text))


def _records(text: Path, contract: Contract, faults: Faults) -> Iterator[Cells]:
    places = {column.landed.lower(): (number, column) for number, column in enumerate(contract.landed_columns)}
    ignored = {name.lower() for name in contract.landing.ignored}
    try:
        for line, record in json_lines(text):
            yield _cells(line, record.rstrip(_BLANKS), places, ignored, contract.landing, faults)
    except LineTooLong as error:
        faults.add(error.line, str(error))


def _cells(
    line: int,
    record: str,
    places: Mapping[str, tuple[int, Column]],
    ignored: Collection[str],
    landing: LandingFormat,
    faults: Faults,
) -> Cells:
    cells: list[str | None] = [None] * len(places)
    try:
        members: Any = json.loads(
            record, parse_int=Number, parse_float=Number, parse_constant=_refuse, object_pairs_hook=_Members
        )
    except (ValueError, RecursionError) as error:
        faults.add(line, f"the line is not JSON: {_why_no_json(error, record)}")
        return cells
    if not isinstance(members, _Members):
        listed = "; write each object of the list on a line of its own, without brackets and commas around it"
        faults.add(line, "the line is not a JSON object" + (listed if isinstance(members, list) else ""))
        return cells
    seen = set[str]()
    for name, value in members:
        if name.lower() in seen:
            faults.add(line, f"the object has the member {_shown(name, places)} twice")
        seen.add(name.lower())
        if name.lower() in places:
            place, column = places[name.lower()]
            cells[place] = _cell(column, value, line, landing, faults)
        elif name.lower() not in ignored:
            allowed = ", ".join(column.landed for _, column in places.values())
            faults.add(
                line, f"the object has a member {_shown(name, places)} that the contract lacks; allowed: {allowed}"
            )
    return cells


def _cell(column: Column, value: Any, line: int, landing: LandingFormat, faults: Faults) -> str | None:
    if value is None:
        return None
    if column.kind.is_nested:
        return _nested(column, value, line, faults)
    problem = _problem(column, value, landing)
    if problem:
        faults.add(line, problem, column.name)
        return None
    return _text(column, value, landing)


def _why_no_json(error: Exception, record: str) -> str:
    """Return what is wrong, and with which character of the line."""
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    where = f"{error.msg} (character {error.pos + 1:,})"
    if error.pos >= len(record) or error.msg.startswith("Unterminated"):
        return f"{where}; the line ends before its object does: write each object on one line"
    return f"{where}; write one object a line, and nothing behind it" if error.msg == "Extra data" else where


def _text(column: Column, value: Any, landing: LandingFormat) -> str:
    """Return the value as the contract says that texts are written: JSON's own numbers have a point, and no groups."""
    if isinstance(value, bool):
        true, false = column.truth(landing)
        return (true if value else false)[0]
    is_number = isinstance(value, Number) and column.kind.is_number
    return str(value).replace(".", landing.decimal_sign) if is_number else str(value)


def _nested(column: Column, value: Any, line: int, faults: Faults) -> str | None:
    try:
        return json_text(column.hive_type, value)
    except NotOfItsType as problem:
        faults.add(line, str(problem), column.name)
        return None


def _shown(name: str, places: Mapping[str, tuple[int, Column]]) -> str:
    """Return the name for a message. One that the contract lacks may be a cell, which may be classified."""
    if name.lower() in places:
        return repr(shorten(name))
    if any(column.sensitive for _, column in places.values()):
        return "(its name is hidden)"
    alike = unlike(name, (column.landed for _, column in places.values()), Others.THE_CONTRACTS)
    return repr(shorten(name)) + in_brackets(alike)


class _Members(list[tuple[str, Any]]):
    """The members of an object, duplicates included."""


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON number; write it as a text")


def _problem(column: Column, value: object, landing: LandingFormat) -> str:
    """Return why the value does not fit, or "". A text may hold a number, so that no writer rounds it."""
    if isinstance(value, bool):
        return "" if column.kind is HiveKind.BOOLEAN else f"a boolean is not {column.type}"
    written_otherwise = column.truth(landing) != (("true",), ("false",))
    if isinstance(value, Number):
        if column.kind is HiveKind.BOOLEAN and written_otherwise:
            return ""
        return "" if column.kind.is_number else f"a number is not {column.type}; write it as a text"
    if isinstance(value, str):
        is_null = landing.empty_as_null and not (value.strip(" \t") if landing.trim else value)
        if column.kind is HiveKind.BOOLEAN and not written_otherwise and not is_null:
            return "a text is not a boolean; write true or false, or name the texts in trueText and falseText"
        if "\0" in value:
            return "a NUL character (U+0000), which a text may not hold"
        return "half a character (a lone surrogate), which a text may not hold" if has_half_character(value) else ""
    return "a cell may not be an object or a list"


def _lines_of(path: Path, numbers: Collection[int]) -> dict[int, int]:
    last = max(numbers, default=0)
    records = enumerate(islice(json_lines(path), last), start=1)
    return {number: line for number, (line, _) in records if number in numbers}


class LineTooLong(Exception):
    """A line above the limit; reading stopped there. `line` is its number."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(
            f"the line is longer than {MAX_RECORD_BYTES:,} characters, so Aceite stopped reading there; write one "
            "object per line"
        )


def has_half_character(text: str) -> bool:
    r"""Return True if the text has a lone surrogate, which JSON may write as \ud800."""
    return _SURROGATE.search(text) is not None


def json_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that is not blank. Raise LineTooLong."""
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        number = 0
        while line := file.readline(MAX_RECORD_BYTES):
            number += 1
            if len(line) == MAX_RECORD_BYTES and not line.endswith("\n"):
                raise LineTooLong(number)
            if line.strip(_BLANKS):
                yield number, line
