"""Read a sample of JSON lines: the JSON types of a member's values limit its Hive type."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from acceptance.contract.landing_format import Compression, LandingFormat
from acceptance.errors import StepFailed
from landed.formats.json import LineTooLong, Number, has_half_character, json_lines
from landed.reading.bounds import MOST_COLUMNS
from landed.reading.cells import MAX_RECORD_BYTES
from landed.reading.sql import file_literal
from landed.sampling.candidates import BOOLEANS, NUMBERS, TEXT, TIMES, SampleColumn, SampleTable, narrowest

_SHOWN = 60
_SUFFIXES = (".json", ".jsonl", ".ndjson")


def is_json_lines(text: Path, name: str) -> bool:
    """Return True if the first line is a JSON object. Raise StepFailed if only the file's name says that it is JSON."""
    try:
        first = next(json_lines(text), (1, ""))[1]
        is_object = isinstance(json.loads(first), dict)
    except (ValueError, RecursionError, LineTooLong):
        first, is_object = _beginning(text), False
    packed = Compression.by_ending(name) or Compression.NONE
    if not is_object and name.lower().removesuffix(packed.ending).endswith(_SUFFIXES):
        raise StepFailed(
            f"{name} is not JSON lines: each line must be an object; the first is {first[:_SHOWN].strip()!r}"
        )
    return is_object


def json_sample(
    duck: duckdb.DuckDBPyConnection, text: Path, landing: LandingFormat, scratch: Path, name: str
) -> SampleTable:
    """Read the sample. Members that are objects or lists become ignored columns."""
    kinds = _kinds(text, name)
    cells = {member.lower(): f"c{number}" for number, member in enumerate(kinds)}
    rows = scratch / "rows.json"
    with rows.open("w", encoding="utf-8", newline="\n") as file:
        for _, record in _records(text, name):
            values = {member: value for member, value in record.items() if not isinstance(value, dict | list)}
            file.write(json.dumps({cells[member.lower()]: _text(value) for member, value in values.items()}) + "\n")
    texts = ", ".join(f"'{cell}': 'VARCHAR'" for cell in cells.values())
    read = f"read_json({file_literal(rows)}, columns = {{{texts}}}, format = 'newline_delimited'"
    size = f"maximum_object_size = {2 * MAX_RECORD_BYTES}"
    duck.execute(f"CREATE TEMP TABLE sample AS SELECT * FROM {read}, {size})")
    nested = tuple(member for member, lines in kinds.items() if "an object or a list" in lines)
    columns = [_column(duck, member, cells[member.lower()], kinds[member]) for member in kinds if member not in nested]
    return SampleTable(replace(landing, ignored=nested), tuple(columns))


def _column(duck: duckdb.DuckDBPyConnection, member: str, cell: str, kinds: dict[str, int]) -> SampleColumn:
    candidates = {"true or false": BOOLEANS, "a number": NUMBERS}.get(next(iter(kinds), ""), TIMES)
    if "a number" in kinds:
        candidates = NUMBERS
    fit = narrowest(duck, cell, candidates)
    if len(kinds) > 1 and (fit is TEXT or "true or false" in kinds):
        lines = ", ".join(f"{kind} on line {line}" for kind, line in kinds.items())
        raise StepFailed(f"the member {member!r} is {lines}: no type holds both; write one kind, or leave it out")
    return SampleColumn(member, fit.type, cell, fit.value(cell), fit.java, fit.rounded)


def _kinds(text: Path, name: str) -> dict[str, dict[str, int]]:
    """Return the members in order of appearance, each with the kinds of its values and the first line of each kind.

    Names that differ only in case are one member, as they are one column.
    """
    members: dict[str, dict[str, int]] = defaultdict(dict)
    first_written: dict[str, str] = {}
    for line, record in _records(text, name):
        for member, value in record.items():
            if len(members) > MOST_COLUMNS:
                raise StepFailed(f"{name}, line {line}: it has more than {MOST_COLUMNS:,} members, Aceite's limit")
            kinds = members[first_written.setdefault(member.lower(), member)]
            if value is not None:
                kinds.setdefault(_kind(value), line)
    return members


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, Number):
        return "a number"
    return "a text" if isinstance(value, str) else "an object or a list"


def _text(value: Any) -> str | None:
    return str(value).lower() if isinstance(value, bool) else value


def _records(text: Path, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        for number, line in json_lines(text):
            try:
                record = json.loads(line, parse_int=Number, parse_float=Number)
            except (ValueError, RecursionError) as error:
                raise StepFailed(f"{name}, line {number}: the line is not JSON: {error}") from error
            if not isinstance(record, dict):
                raise StepFailed(f"{name}, line {number}: the line is not a JSON object")
            if any(isinstance(text, str) and has_half_character(text) for text in (*record, *record.values())):
                raise StepFailed(
                    f"{name}, line {number}: half a character (a lone surrogate), which a text may not hold"
                )
            yield number, record
    except LineTooLong as error:
        raise StepFailed(f"{name}, line {error.line}: {error}") from error


def _beginning(text: Path) -> str:
    with text.open(encoding="utf-8-sig") as file:
        return file.read(_SHOWN)
