"""What a landed sample holds, column by column, found by DuckDB with the strict rules by which files are judged."""

import csv
import io
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import duckdb

from acceptance.contract import Column
from acceptance.errors import StepFailed
from acceptance.landing import LandingFormat
from acceptance.odcs.draft import ColumnProfile, Profile
from aws.landed_cells import cell_rule, literal
from aws.landed_encoding import as_utf8
from aws.landed_faults import Faults
from aws.landed_records import read_header

_ENCODINGS = ("UTF-8", "cp1252", "ISO-8859-1")
_DELIMITERS = ",;\t|"
_LOOKED_AT = 1000  # records, to tell the delimiter
_KEY_COLUMNS, _KEY_SIZE = 12, 3

_FORMATS = {
    "dd/MM/yyyy": "%d/%m/%Y",
    "MM/dd/yyyy": "%m/%d/%Y",
    "dd-MM-yyyy": "%d-%m-%Y",
    "yyyy/MM/dd": "%Y/%m/%d",
    "dd.MM.yyyy": "%d.%m.%Y",
}
_MOMENTS = {f"{day} HH:mm:ss": f"{pattern} %H:%M:%S" for day, pattern in _FORMATS.items()}
_CANDIDATES: tuple[tuple[str, str | None, str | None], ...] = (
    ("boolean", None, None),
    ("int", None, None),
    ("bigint", None, None),
    ("decimal(38,9)", None, None),
    ("double", None, None),
    ("date", None, None),
    ("timestamp", None, None),
    *(("date", jdk, pattern) for jdk, pattern in _FORMATS.items()),
    *(("timestamp", jdk, pattern) for jdk, pattern in _MOMENTS.items()),
)
"""Hive type, Java's and strptime's format: the first that all cells of a column have is its type, else it is a text."""


def profile_file(path: Path) -> Profile:
    """Reads a CSV file with a header.

    Raises:
        StepFailed: it is empty, or its records do not all have the header's columns.
    """
    with tempfile.TemporaryDirectory(prefix="aceite-") as scratch:
        text, encoding = _decoded(path, Path(scratch))
        delimiter = _delimiter(text)
        landing = LandingFormat(encoding=encoding, delimiter=delimiter)
        header = read_header(text, landing)
        if not header or not _names_columns(header):
            raise StepFailed(
                f"{path.name}: its first line must name the columns, each once; found {', '.join(header)!r}"
            )
        try:
            with closing(duckdb.connect(config={"memory_limit": "512MB", "temp_directory": scratch})) as duck:
                duck.execute("SET TimeZone = 'UTC'")
                return _profile(duck, _records(text, landing, len(header)), landing, header)
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise StepFailed(
                f"{path.name} cannot be read as CSV with {delimiter!r} between its cells: {reason}"
            ) from error


def _decoded(path: Path, scratch: Path) -> tuple[Path, str]:
    for encoding in _ENCODINGS:
        faults = Faults()
        text = as_utf8(path, encoding, scratch / f"{encoding}.csv", faults)
        if not faults.count:
            return text, encoding
    raise StepFailed(f"{path.name} is no text in any of {', '.join(_ENCODINGS)}")


def _delimiter(text: Path) -> str:
    """The sign that gives the header most columns, first of those that give every record as many as the header.

    A sign that leaves a column of the header without a name, or two with the same, is part of a name.
    """
    with text.open(encoding="utf-8", newline="") as file:
        start = "".join(islice(file, _LOOKED_AT))
    found = {}
    for delimiter in _DELIMITERS:
        records = [record for record in csv.reader(io.StringIO(start), delimiter=delimiter) if record] or [[]]
        lengths = [len(record) for record in records]
        found[delimiter] = (_names_columns(records[0]) and lengths[0] > 1, len(set(lengths)) == 1, lengths[0])
    return max(found, key=lambda each: found[each])


def _names_columns(header: Sequence[str]) -> bool:
    return all(header) and len(set(map(str.casefold, header))) == len(header)


def _records(text: Path, landing: LandingFormat, width: int) -> str:
    columns = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(width))
    signs = {"delim": landing.delimiter, "quote": landing.quote, "escape": landing.quote, "nullstr": landing.null_text}
    options = ", ".join(f"{name} = {literal(value)}" for name, value in signs.items())
    return (
        f"read_csv({literal(text.as_posix())}, columns = {{{columns}}}, auto_detect = false, header = true, "
        f"strict_mode = true, {options})"
    )


def _profile(duck: duckdb.DuckDBPyConnection, records: str, landing: LandingFormat, header: Sequence[str]) -> Profile:
    duck.execute(f"CREATE TEMP TABLE sample AS SELECT * FROM {records}")
    (rows,) = _one(duck, "count(*)")
    types = [_type(duck, f"c{number}") for number in range(len(header))]
    columns = tuple(
        _column(duck, landed, f"c{number}", *found)
        for number, (landed, found) in enumerate(zip(header, types, strict=True))
    )
    return Profile(rows, landing, columns, _key(duck, columns, rows))


def _type(duck: duckdb.DuckDBPyConnection, cell: str) -> tuple[str, str | None, str | None]:
    """The narrowest type that every cell has; a text if there is no cell, or if zeros lead numbers, as in codes."""
    readable = [
        f"count({cell_rule(Column(cell, type_, cell, landed_format=pattern), cell, LandingFormat()).typed})"
        for type_, _, pattern in _CANDIDATES
    ]
    codes = f"count(*) FILTER (WHERE regexp_full_match({cell}, '0[0-9]+'))"
    point = f"coalesce(max(length(split_part({cell}, '.', 2))), 0)"
    cells, leading_zeros, digits, *counts = _one(duck, f"count({cell})", codes, point, *readable)
    fitting = [each for each, count in zip(_CANDIDATES, counts, strict=True) if count == cells]
    if not cells or leading_zeros or not fitting:
        return "string", None, None
    type_, jdk, pattern = fitting[0]
    return (f"decimal(18,{digits})" if type_.startswith("decimal") and digits <= 9 else type_), jdk, pattern


def _column(
    duck: duckdb.DuckDBPyConnection, landed: str, cell: str, type_: str, jdk: str | None, pattern: str | None
) -> ColumnProfile:
    if type_.startswith("decimal"):
        fits = cell_rule(Column(cell, type_, cell), cell, LandingFormat()).typed
        (over,) = _one(duck, f"count({cell}) - count({fits})")
        type_ = type_.replace("(18,", "(38,") if over else type_
    typed = cell_rule(Column(cell, type_, cell, landed_format=pattern), cell, LandingFormat()).typed
    shown = (
        (f"min(length({cell}))", f"max(length({cell}))") if type_ == "string" else (f"min({typed})", f"max({typed})")
    )
    filled, rows, distinct, low, high = _one(duck, f"count({cell})", "count(*)", f"count(DISTINCT {typed})", *shown)
    values = f"{distinct} value" + ("" if distinct == 1 else "s")
    between = f"always {low}" if low == high else f"{low} to {high}"
    between += " characters" if type_ == "string" else ""
    note = f"{between}, {values}" if filled else "no value in the sample"
    return ColumnProfile(landed, type_, rows - filled, distinct, note, jdk)


def _key(duck: duckdb.DuckDBPyConnection, columns: Sequence[ColumnProfile], rows: int) -> tuple[str, ...]:
    """The first columns, as few as can be, that are never null and never twice the same together."""
    if rows < 2:
        return ()
    for numbers in _possible_keys(columns):
        chosen = ", ".join(f"c{number}" for number in numbers)
        (distinct,) = _one(duck, f"count(DISTINCT ROW({chosen}))")
        if distinct == rows:
            return tuple(columns[number].landed for number in numbers)
    return ()


def _possible_keys(columns: Sequence[ColumnProfile]) -> Iterator[tuple[int, ...]]:
    usable = [
        number
        for number, column in enumerate(columns)
        if not column.nulls and column.distinct > 1 and not column.type.startswith(("double", "decimal", "boolean"))
    ]
    for size in range(1, _KEY_SIZE + 1):
        yield from combinations(usable[: None if size == 1 else _KEY_COLUMNS], size)


def _one(duck: duckdb.DuckDBPyConnection, *measures: str) -> tuple[Any, ...]:
    row = duck.execute(f"SELECT {', '.join(measures)} FROM sample").fetchone()
    assert row is not None
    return tuple(row)
