"""Read a CSV sample: guess its delimiter; its first line names the columns unless the user does."""

import csv
import io
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import duckdb

from acceptance.contract.landing_format import LandingFormat
from acceptance.errors import StepFailed
from landed.formats.csv_records import checked_records, read_header
from landed.reading.cells import MAX_RECORD_BYTES, quoted
from landed.reading.faults import Faults
from landed.reading.rewritten import write_records
from landed.sampling.candidates import (
    BOOLEANS,
    NUMBERS,
    TEXT,
    TIMES,
    Candidate,
    SampleColumn,
    SampleTable,
    measure,
    narrowest,
)
from landed.sampling.number_style import NumberStyle, number_style

_DELIMITERS = ",;\t|"
_LOOKED_AT = 1000  # records, to tell the delimiter
_LOOKED_AT_CHARACTERS = 4_000_000


def csv_sample(
    duck: duckdb.DuckDBPyConnection, text: Path, landing: LandingFormat, names: Sequence[str], scratch: Path, name: str
) -> SampleTable:
    """Read the sample. Without `names` its first record names the columns, unless it reads like the others."""
    landing = replace(landing, delimiter=_delimiter(text, len(names)), header=not names)
    faults = Faults()
    first = tuple(names) or read_header(text, landing, faults)
    if faults.count:
        raise StepFailed(f"{name}: {faults.kept[0].message}")
    if first and not names and not _names_columns(first):
        numbered = _headless(duck, text, landing, len(first), scratch, name)
        if any(column.type != "string" for column in numbered.columns):
            return numbered
    if not first or not _names_columns(first):
        raise StepFailed(
            f"{name}: the first line must name each column once; it is {', '.join(first)!r}. "
            "If the file has no header, name the columns: --columns id,title,price"
        )
    sample = _read(duck, text, landing, first, scratch, name)
    typed = _typed(sample)
    if typed and not names and all(column.doubt == _LIKE_A_VALUE for column in typed):
        return _headless(duck, text, landing, len(first), scratch, name)
    return sample


def _headless(
    duck: duckdb.DuckDBPyConnection, text: Path, landing: LandingFormat, width: int, scratch: Path, name: str
) -> SampleTable:
    numbered = [f"column_{number}" for number in range(1, width + 1)]
    sample = _read(duck, text, replace(landing, header=False), numbered, scratch, name)
    return replace(sample, remarks=(*sample.remarks, _NO_HEADER))


_NO_HEADER = (
    "header: false is a guess, as the first record reads like the others. Name the columns (--columns id,title,price), "
    "or, if it is a header after all, remove the line and write these names as `landed`"
)


def _read(
    duck: duckdb.DuckDBPyConnection,
    text: Path,
    landing: LandingFormat,
    header: Sequence[str],
    scratch: Path,
    name: str,
) -> SampleTable:
    refused = f"{name} is not CSV with {len(header)} columns and {landing.delimiter!r} between its cells"
    faults = Faults()
    written = write_records(scratch / "written.json", checked_records(text, landing, len(header), faults), faults)
    if faults.count and _is_of_the_last_record(text, landing, len(header)) and not landing.trailer_records:
        without = scratch / "without_trailer.txt"
        landing = _with_trailer(text, landing, without, written.rows)
        if landing.trailer_records:
            sample = _read(duck, without, landing, header, scratch, name)
            return replace(sample, remarks=(*sample.remarks, _TRAILER))
        raise StepFailed(f"{refused}: {faults.kept[0]}. It is the last record: was the file cut short?")
    if faults.count:
        raise StepFailed(f"{refused}: {faults.kept[0]}")
    cells = ", ".join(f"nullif(cells[{place}], '') AS c{place - 1}" for place in range(1, len(header) + 1))
    duck.execute(f"CREATE OR REPLACE TEMP TABLE sample AS SELECT {cells} FROM {written.source}")
    style = number_style(duck, [f"c{number}" for number in range(len(header))])
    landing = replace(landing, decimal_comma=style.decimal_comma)
    columns = [_column(duck, f"c{number}", landed, landing, style) for number, landed in enumerate(header)]
    return SampleTable(landing, tuple(columns))


_CANDIDATES = (*BOOLEANS, *NUMBERS, *TIMES)


def _column(
    duck: duckdb.DuckDBPyConnection, cell: str, landed: str, landing: LandingFormat, style: NumberStyle
) -> SampleColumn:
    fit = narrowest(duck, cell, _CANDIDATES, landing)
    doubt = style.doubts.get(cell, "")
    if landing.header and fit is not TEXT and _could_be_a_value(duck, fit, landed, landing):
        doubt = _LIKE_A_VALUE
    elif not doubt and fit is TEXT:
        doubt = _but_for_the_last(duck, cell, landing)
    return SampleColumn(landed, fit.type, cell, fit.value(cell, landing), fit.java, fit.rounded, doubt)


_LIKE_A_VALUE = "its name could be a value: if the file has no header, give --columns"


def _but_for_the_last(duck: duckdb.DuckDBPyConnection, cell: str, landing: LandingFormat) -> str:
    """Return a question if all cells but the last one have a narrower type."""
    before = f"(SELECT {cell} FROM sample WHERE rowid < (SELECT max(rowid) FROM sample))"
    fit = narrowest(duck, cell, _CANDIDATES, landing, among=before)
    (filled,) = measure(duck, f"count({cell})", among=before)
    if fit is TEXT or filled < _ENOUGH_CELLS:
        return ""
    return f"without the last record it would be {fit.type}: is that one a trailer record?"


_ENOUGH_CELLS = 3


_TRAILER = (
    "trailerRecords is a guess: the last record alone has other cells than the rest. If the file was cut short, take "
    "another sample"
)


def _is_of_the_last_record(text: Path, landing: LandingFormat, width: int) -> bool:
    """Return True if the only fault of the records is that of the last one."""
    faults, before, last = Faults(), 0, False
    for _ in checked_records(text, landing, width, faults):
        last, before = faults.count > before, faults.count
    return last and faults.count == 1


def _with_trailer(text: Path, landing: LandingFormat, copy: Path, records: int) -> LandingFormat:
    """Return the format with the last line as a trailer record, and write the file without it as `copy`.

    A line that begins with no word is no trailer: a record may have been cut short. The format is then unchanged.
    """
    shutil.copyfile(text, copy)
    with copy.open("rb+") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - MAX_RECORD_BYTES))
        tail = file.read().rstrip(b"\r\n")
        start = max(tail.rfind(b"\n"), tail.rfind(b"\r")) + 1
        file.truncate(max(0, size - MAX_RECORD_BYTES) + start)
    line = tail[start:].decode()
    cells = line.split(landing.delimiter)
    if landing.quote in line or not re.match(r"[^\W\d_]", cells[0]):
        return landing
    counts = [place for place, cell in enumerate(cells, 1) if re.fullmatch("0*" + str(records - 1), cell)]
    begins = cells[0] + (landing.delimiter if len(cells) > 1 else "")
    return replace(landing, trailer_records=(begins,), trailer_count=counts[0] if len(counts) == 1 else 0)


def _typed(sample: SampleTable) -> list[SampleColumn]:
    return [column for column in sample.columns if column.type != "string"]


def _could_be_a_value(duck: duckdb.DuckDBPyConnection, fit: Candidate, name: str, landing: LandingFormat) -> bool:
    """Return True if a column's name is a value of its type, other than a year, which often heads a column."""
    (value,) = measure(duck, f"any_value({fit.value(quoted(name), landing)})")
    return value is not None and not _YEAR.fullmatch(name)


_YEAR = re.compile(r"(?:19|20)\d\d", re.ASCII)


def _delimiter(text: Path, width: int) -> str:
    """Return the delimiter that gives every record as many cells, most of them numbers and dates, and most columns.

    A delimiter that leaves a column of the header without a name, or two with the same, is part of a name. With a
    `width` there is no header, and the delimiter is one that gives that many columns.
    """
    with text.open(encoding="utf-8-sig", newline="") as file:
        start = file.read(_LOOKED_AT_CHARACTERS)
    if len(start) == _LOOKED_AT_CHARACTERS:
        start = start[: start.rfind("\n") + 1] or start  # without the truncated record
    start = "".join(islice(io.StringIO(start, newline=""), _LOOKED_AT))
    ranks = {}
    for delimiter in _DELIMITERS:
        try:
            records = [record for record in csv.reader(io.StringIO(start), delimiter=delimiter) if record] or [[]]
        except csv.Error:  # a cell is longer than the lines
            records = [[]]
        lengths = [len(record) for record in records]
        fits = lengths[0] == width if width else _names_columns(records[0]) and lengths[0] > 1
        same = len(set(lengths)) == 1
        repeated = same and lengths[0] > 1 and len(records) > 1
        cells = [cell for record in records for cell in record]
        values = sum(_VALUE.fullmatch(cell) is not None for cell in cells) / max(len(cells), 1)
        ranks[delimiter] = (repeated or bool(width), fits, same, values if repeated else 0, lengths[0])
    return max(ranks, key=lambda delimiter: ranks[delimiter])


_VALUE = re.compile(r"[+-]?[0-9][0-9.,/: -]*", re.ASCII)
"""A number, a date or a time: text beside the right delimiter is cut out whole, beside a wrong one it is not."""


def _names_columns(header: Sequence[str]) -> bool:
    return all(header) and len(set(map(str.lower, header))) == len(header)
