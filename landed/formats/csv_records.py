"""Python's reader of a landed CSV: its header, its records, and the physical line of each fault.

Lines are those of the file and count from 1, so a record with a newline in quotes takes several.
"""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from acceptance.contract.landing_format import LandingFormat
from landed.reading.bounds import MOST_COLUMNS, refuse_full_disk
from landed.reading.cells import MAX_RECORD_BYTES
from landed.reading.faults import Faults, shorten

_LINE_ENDS = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}
_LOOK_EVERY_ROWS = 10_000


def read_header(path: Path, landing: LandingFormat, faults: Faults) -> tuple[str, ...]:
    """Return the cells of the first record; empty if there is none, its line is blank, or it has a fault."""
    record = next(_records(path, landing), None)
    if record is None:
        return ()
    if record.cells is None:
        faults.add(record.line, f"the header: {record.problem}")
    elif len(record.cells) > MOST_COLUMNS:
        faults.add(record.line, f"the header has {len(record.cells):,} columns; Aceite reads at most {MOST_COLUMNS:,}")
    else:
        return tuple(record.cells)
    return ()


def check_structure(
    path: Path, landing: LandingFormat, fields: int, faults: Faults, *, show_cells: bool = False
) -> int:
    """Add a fault for each record with broken quotes, other than `fields` cells, or another line end than those before
    it. Return the number of records.

    A blank line is not a record, except in a file of one column, where it is an empty cell.
    """
    return sum(1 for _ in checked_records(path, landing, fields, faults, show_cells=show_cells))


def checked_records(
    path: Path, landing: LandingFormat, fields: int, faults: Faults, *, show_cells: bool = False
) -> Iterator[Sequence[str]]:
    """Yield the cells of each record that `check_structure` counts and add its faults; none if quotes are broken."""
    header = next(_records(path, landing), None) if landing.header else None
    line_end = header.line_end if header else ""
    for record in _data_records(path, landing, fields):
        line_end = line_end or record.line_end
        if record.cells is None:
            faults.add(record.line, record.problem)
        elif len(record.cells) != fields:
            shown = f": {shorten(landing.delimiter.join(record.cells))}" if show_cells else ""
            faults.add(record.line, f"{len(record.cells)} cells found, {fields} expected{shown}")
        elif record.line_end and record.line_end != line_end:
            ends = f"{_LINE_ENDS[record.line_end]}, the lines before it in {_LINE_ENDS[line_end]}"
            faults.add(record.line, f"it ends in {ends}; use one kind of line end, or quote the cell that holds it")
        yield record.cells or ()


def first_holds_line_end(path: Path, landing: LandingFormat) -> bool:
    """Return True if the first record has a line end in quotes: DuckDB would take it for the line end of the file."""
    first = next(_records(path, landing), None)
    return first is not None and (first.cells is None or any("\n" in cell or "\r" in cell for cell in first.cells))


def write_records(path: Path, records: Iterable[Sequence[str]], faults: Faults) -> int:
    """Write a CSV with commas, all cells in quotes, lines ended by LF. Return the number of records.

    After a fault the records are only counted.
    """
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for cells in records:
            rows += 1
            if not faults.count:
                writer.writerow(cells)
            if rows % _LOOK_EVERY_ROWS == 0:
                refuse_full_disk(path.parent)
    return rows


def lines_of(path: Path, landing: LandingFormat, fields: int, numbers: Collection[int]) -> dict[int, int]:
    """Return the line on which each of these data records begins. Records count from 1, without the header."""
    lines: dict[int, int] = {}
    for number, record in enumerate(_data_records(path, landing, fields), start=1):
        if len(lines) == len(numbers):
            break
        if number in numbers:
            lines[number] = record.line
    return lines


_TOO_LONG = (
    f"the {{}} is longer than {MAX_RECORD_BYTES:,} characters, so Aceite stopped reading there; check that the file is "
    "text, ends its lines and closes its quotes"
)


@dataclass(frozen=True, slots=True)
class _Record:
    """`cells` is None if quotes are broken; `problem` says how. `line_end` is empty at the end of the file."""

    line: int
    cells: Sequence[str] | None
    line_end: str
    problem: str = ""


def _data_records(path: Path, landing: LandingFormat, fields: int) -> Iterator[_Record]:
    records = _records(path, landing)
    if landing.header:
        next(records, None)
    for record in records:
        if record.cells or record.cells is None:
            yield record
        elif fields == 1:
            yield _Record(record.line, [""], record.line_end)


def _records(path: Path, landing: LandingFormat) -> Iterator[_Record]:
    # The limit is global to the csv module, so it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD_BYTES))
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = _Lines(file)
        reader = csv.reader(
            lines,
            delimiter=landing.delimiter,
            quotechar=landing.quote or None,
            quoting=csv.QUOTE_MINIMAL if landing.quote else csv.QUOTE_NONE,
            strict=True,
        )
        while True:
            line = lines.number + 1
            lines.taken = 0
            try:
                cells = next(reader)
            except StopIteration:
                if lines.too_long:
                    yield _Record(line, None, "", _TOO_LONG.format(lines.too_long))
                return
            except csv.Error as error:
                yield _Record(line, None, lines.end, _broken(error, lines, landing))
                if lines.too_long:
                    return
            else:
                yield _Record(line, cells, lines.end)


class _Lines:
    """Physical lines for a csv reader, with the number and the line end of the last one.

    `taken` counts the characters of the current record; the caller resets it before each record.
    """

    def __init__(self, file: io.TextIOBase) -> None:
        self._file = file
        self.number = 0
        self.taken = 0
        self.end = ""
        self.ended = False
        self.too_long = ""  # "line" or "record", once one is too long

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_RECORD_BYTES)
        self.taken += len(line)
        endless = len(line) == MAX_RECORD_BYTES and not line.endswith(("\r", "\n"))
        # Quotes join lines to one record, whose cells are all in memory.
        self.too_long = "line" if endless else "record" if self.taken > MAX_RECORD_BYTES else ""
        if not line or self.too_long:
            self.ended = True
            raise StopIteration
        self.number += 1
        self.end = line[len(line.rstrip("\r\n")) :]
        return line


def _broken(error: csv.Error, lines: _Lines, landing: LandingFormat) -> str:
    if lines.too_long:
        return _TOO_LONG.format(lines.too_long)
    if lines.ended:
        return f"this record opens a quote ({landing.quote}) and never closes it"
    if "limit" in str(error):
        return f"a cell is longer than {MAX_RECORD_BYTES} characters; perhaps a quote ({landing.quote}) is not closed"
    return f"neither {landing.delimiter!r} nor the end of the line follows a closing quote ({landing.quote})"
