"""Read a CSV sample: guess its delimiter; its first line names the columns unless the user does."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import duckdb

from acceptance.contract.landing_format import LandingFormat
from acceptance.errors import StepFailed
from landed.formats.csv_records import checked_records, read_header
from landed.reading.cells import quoted
from landed.reading.faults import Faults
from landed.reading.written import write_records
from landed.sampling.candidates import BOOLEANS, NUMBERS, TIMES, SampleColumn, SampleTable, measure, narrowest

_DELIMITERS = ",;\t|"
_LOOKED_AT = 1000  # records, to tell the delimiter
_LOOKED_AT_CHARACTERS = 4_000_000


def csv_sample(
    duck: duckdb.DuckDBPyConnection, text: Path, landing: LandingFormat, names: Sequence[str], scratch: Path, name: str
) -> SampleTable:
    landing = replace(landing, delimiter=_delimiter(text, len(names)), header=not names)
    faults = Faults()
    header = tuple(names) or read_header(text, landing, faults)
    if faults.count:
        raise StepFailed(f"{name}: {faults.kept[0].message}")
    if not header or not _names_columns(header):
        raise StepFailed(
            f"{name}: the first line must name each column once; it is {', '.join(header)!r}. "
            "If the file has no header, name the columns: --columns id,title,price"
        )
    refused = f"{name} is not CSV with {len(header)} columns and {landing.delimiter!r} between its cells"
    written = write_records(scratch / "written.json", checked_records(text, landing, len(header), faults), faults)
    if faults.count:
        raise StepFailed(f"{refused}: {faults.kept[0]}")
    cells = ", ".join(f"nullif(cells[{place}], '') AS c{place - 1}" for place in range(1, len(header) + 1))
    duck.execute(f"CREATE TEMP TABLE sample AS SELECT {cells} FROM {written.source}")
    columns = [_column(duck, f"c{number}", landed, landing) for number, landed in enumerate(header)]
    return SampleTable(landing, tuple(columns))


def _column(duck: duckdb.DuckDBPyConnection, cell: str, landed: str, landing: LandingFormat) -> SampleColumn:
    fit = narrowest(duck, cell, (*BOOLEANS, *NUMBERS, *TIMES))
    doubt = ""
    if landing.header and fit.type != "string":
        (value,) = measure(duck, f"any_value({fit.value(quoted(landed))})")
        doubt = "" if value is None else "its name could be a value: if the file has no header, give --columns"
    return SampleColumn(landed, fit.type, cell, fit.value(cell), fit.java, fit.rounded, doubt)


def _delimiter(text: Path, width: int) -> str:
    """Return the delimiter that gives the header most columns, preferring one that gives every record as many.

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
        ranks[delimiter] = (fits, len(set(lengths)) == 1, lengths[0])
    return max(ranks, key=lambda delimiter: ranks[delimiter])


def _names_columns(header: Sequence[str]) -> bool:
    return all(header) and len(set(map(str.casefold, header))) == len(header)
