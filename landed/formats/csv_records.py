"""Python's reader of a landed CSV: its header, its records, and the physical line of each fault.

It reads as RFC 4180 says and as Python's `csv` does with `strict`, and knows a cell in which nothing stands (None) from
an empty text in quotes. Lines are those of the file and count from 1, so a record with a newline in quotes takes
several.
"""

import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from acceptance.contract.landing_format import LandingFormat
from landed.reading.bounds import MOST_COLUMNS
from landed.reading.cells import MAX_RECORD_BYTES
from landed.reading.faults import Faults, shorten
from landed.reading.written import Cells

_LINE_ENDS = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}


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
        return tuple(cell or "" for cell in record.cells)
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
) -> Iterator[Cells]:
    """Yield the cells of each record that `check_structure` counts and add its faults; none if quotes are broken."""
    header = next(_records(path, landing), None) if landing.header else None
    line_end = header.line_end if header else ""
    for record in _data_records(path, landing, fields):
        line_end = line_end or record.line_end
        if record.cells is None:
            faults.add(record.line, record.problem)
        elif len(record.cells) != fields:
            shown = f": {shorten(landing.delimiter.join(cell or '' for cell in record.cells))}" if show_cells else ""
            faults.add(record.line, f"{len(record.cells)} cells found, {fields} expected{shown}")
        elif record.line_end and record.line_end != line_end:
            ends = f"{_LINE_ENDS[record.line_end]}, the lines before it in {_LINE_ENDS[line_end]}"
            faults.add(record.line, f"it ends in {ends}; use one kind of line end, or quote the cell that holds it")
        yield record.cells or ()


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


@dataclass(slots=True)
class _Record:
    """`cells` is None if quotes are broken; `problem` says how. `line_end` is empty at the end of the file."""

    line: int
    cells: Cells | None
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
            yield _Record(record.line, [None], record.line_end)


def _records(path: Path, landing: LandingFormat) -> Iterator[_Record]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines, cells_of = _Lines(file), _CellReader(landing)
        while True:
            number, lines.taken = lines.number + 1, 0
            line = next(lines, "")
            if not line:
                if lines.too_long:
                    yield _Record(number, None, "", _TOO_LONG.format(lines.too_long))
                return
            try:
                cells = cells_of.record(line, lines)
            except _Broken as error:
                problem = _TOO_LONG.format(lines.too_long) if lines.too_long else str(error)
                yield _Record(number, None, lines.end, problem)
                if lines.too_long:
                    return
            else:
                yield _Record(number, cells, lines.end)


class _Broken(Exception):
    """A record with broken quotes."""


class _CellReader:
    """Separates the cells of a record. Almost all lines hold a whole record, whose cells one pattern finds."""

    def __init__(self, landing: LandingFormat) -> None:
        self._quote, self._delimiter = landing.quote, landing.delimiter
        quote, delimiter = re.escape(landing.quote), re.escape(landing.delimiter)
        if quote:
            inside = f"[^{quote}]*+(?:{quote}{quote}[^{quote}]*+)*+"
            self._inside = re.compile(inside)
            self._quoted = re.compile(f"{quote}{inside}{quote}")
            no_delimiter = f"(?:(?!{delimiter}).)*+" if len(landing.delimiter) > 1 else f"[^{delimiter}]*+"
            plain = f"(?!{quote}){no_delimiter}"
            self._cells = re.compile(f"({quote}{inside}{quote}|{plain}){delimiter}", re.DOTALL)

    def record(self, line: str, lines: "_Lines") -> Cells:
        """Return the cells of the record that begins with this line, empty if the line is blank. Raise _Broken."""
        text = line.rstrip("\r\n")
        if not text:
            return []
        if not self._quote or self._quote not in text:
            return [cell or None for cell in text.split(self._delimiter)]
        texts = self._cells.findall(text + self._delimiter)
        # The pattern skips what is no cell, and then some characters are not found again.
        if sum(map(len, texts)) + (len(texts) - 1) * len(self._delimiter) == len(text):
            return [self._cell(cell) for cell in texts]
        return self._one_by_one(text, lines)

    def _cell(self, text: str) -> str | None:
        if text[:1] != self._quote:
            return text or None
        cell = text[1:-1]
        return cell.replace(self._quote * 2, self._quote) if self._quote in cell else cell

    def _one_by_one(self, text: str, lines: "_Lines") -> Cells:
        """Do the same with quotes that are broken, or that several lines are in."""
        cells: list[str | None] = []
        at = 0
        while True:
            if text.startswith(self._quote, at):
                if quoted := self._quoted.match(text, at):
                    cell, at = quoted[0], quoted.end()
                else:
                    cell, text = self._over_lines(text[at:], lines)
                    at = 0
                if at < len(text) and not text.startswith(self._delimiter, at):
                    raise _Broken(
                        f"neither {self._delimiter!r} nor the end of the line follows a closing quote ({self._quote})"
                    )
            else:
                end = text.find(self._delimiter, at)
                end = len(text) if end < 0 else end
                cell, at = text[at:end], end
            cells.append(self._cell(cell))
            if at == len(text):
                return cells
            at += len(self._delimiter)

    def _over_lines(self, text: str, lines: "_Lines") -> tuple[str, str]:
        """Return a cell with the line ends in its quotes, and the rest of the line on which it ends."""
        parts = [text + lines.end]
        for line in lines:
            inside = self._inside.match(line)
            end = inside.end() if inside else 0
            parts.append(line[: end + 1])
            if end < len(line):
                return "".join(parts), line[end + 1 :].rstrip("\r\n")
        raise _Broken(f"this record opens a quote ({self._quote}) and never closes it")


class _Lines:
    """The physical lines of a file, with the number and the line end of the last one.

    `taken` counts the characters of the current record; the caller resets it before each record.
    """

    def __init__(self, file: io.TextIOBase) -> None:
        self._file = file
        self.number = 0
        self.taken = 0
        self.end = ""
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
            raise StopIteration
        self.number += 1
        self.end = line[len(line.rstrip("\r\n")) :]
        return line
