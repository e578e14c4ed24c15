"""The records of a landed CSV: its header, and the physical line of everything that is wrong with them.

Lines count from 1 and are the file's own, so a record with a newline in quotes takes several.
"""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from acceptance.contract.landing_format import LandingFormat
from landed.reading.bounds import MOST_COLUMNS, refuse_full_disk
from landed.reading.cells import MAX_RECORD_BYTES
from landed.reading.faults import Faults, cut

_LINE_ENDS = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}
_LOOK_EVERY_ROWS = 10_000


def read_header(path: Path, landing: LandingFormat, faults: Faults) -> tuple[str, ...]:
    """The cells of the first record; empty if there is none, the first line is blank, or after a fault."""
    record = next(_records(path, landing), None)
    if record is None:
        return ()
    if record.cells is None:
        faults.add(record.line, f"the header: {record.problem}")
    elif len(record.cells) > MOST_COLUMNS:
        faults.add(record.line, f"the header has {len(record.cells):,} columns; at most {MOST_COLUMNS:,} are read")
    else:
        return tuple(record.cells)
    return ()


def check_structure(
    path: Path, landing: LandingFormat, fields: int, faults: Faults, *, show_cells: bool = False
) -> int:
    """Adds a fault for each record without exactly `fields` cells, with broken quotes, or with another line end than
    those before it; returns the number of records.

    A blank line is no record, except in a file of one column, where it is an empty cell.
    """
    return sum(1 for _ in checked_records(path, landing, fields, faults, show_cells=show_cells))


def checked_records(
    path: Path, landing: LandingFormat, fields: int, faults: Faults, *, show_cells: bool = False
) -> Iterator[Sequence[str]]:
    """The cells of each record that `check_structure` counts, its faults added; none where quotes are broken."""
    header = next(_records(path, landing), None) if landing.header else None
    line_end = header.line_end if header else ""
    for record in _data_records(path, landing, fields):
        line_end = line_end or record.line_end
        if record.cells is None:
            faults.add(record.line, record.problem)
        elif len(record.cells) != fields:
            shown = f": {cut(landing.delimiter.join(record.cells))}" if show_cells else ""
            faults.add(record.line, f"{len(record.cells)} cells found, {fields} expected{shown}")
        elif record.line_end and record.line_end != line_end:
            ends = f"{_LINE_ENDS[record.line_end]}, the lines before it in {_LINE_ENDS[line_end]}"
            faults.add(record.line, f"it ends in {ends}; write one kind of line end, or quote the cell that holds it")
        yield record.cells or ()


def first_holds_line_end(path: Path, landing: LandingFormat) -> bool:
    """Whether the first record has a line end in quotes, which DuckDB would take for that of the whole file."""
    first = next(_records(path, landing), None)
    return first is not None and (first.cells is None or any("\n" in cell or "\r" in cell for cell in first.cells))


def write_records(path: Path, records: Iterable[Sequence[str]], faults: Faults) -> int:
    """Writes a CSV with commas, all in quotes, its lines ended by LF; returns how many records there are.

    After a fault they are only counted.
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
    """The line on which each of these data records begins. Records count from 1, the header not among them."""
    lines: dict[int, int] = {}
    for number, record in enumerate(_data_records(path, landing, fields), start=1):
        if len(lines) == len(numbers):
            break
        if number in numbers:
            lines[number] = record.line
    return lines


_TOO_LONG = (
    f"the {{}} is longer than {MAX_RECORD_BYTES:,} characters, and nothing behind that was read; does the file end its "
    "lines, are its quotes closed, and is it a text file?"
)


@dataclass(frozen=True, slots=True)
class _Record:
    """`cells` is None where quotes are broken; then `problem` says how. `line_end` is empty at the end of the file."""

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
    # The limit belongs to the module; it is only ever raised.
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
    """Physical lines for a csv reader, remembering the number and the end of the last one.

    `taken` are the characters of the record, for who begins one to set back.
    """

    def __init__(self, file: io.TextIOBase) -> None:
        self._file = file
        self.number = 0
        self.taken = 0
        self.end = ""
        self.ended = False
        self.too_long = ""  # or what is: the line, or the record of several

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_RECORD_BYTES)
        self.taken += len(line)
        endless = len(line) == MAX_RECORD_BYTES and not line.endswith(("\r", "\n"))
        # Quotes join lines to one record, and its cells are all in memory.
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
        return f"a quote ({landing.quote}) is opened in this record and never closed"
    if "limit" in str(error):
        return f"a cell is longer than {MAX_RECORD_BYTES} characters; a quote ({landing.quote}) may not be closed"
    return f"after a closing quote ({landing.quote}) comes neither {landing.delimiter!r} nor the end of the line"
