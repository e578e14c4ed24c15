"""Python's reader of a landed CSV: its header, its records, and the physical line of each fault.

It reads as RFC 4180 says and as Python's `csv` does with `strict`, knows a cell in which nothing stands (None) from an
empty text in quotes, and reads the signs that not every reader of CSV knows (`LandingFormat.signs`). Lines are those of
the file and count from 1, so a record with a newline in quotes takes several.
"""

import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from acceptance.contract.landing_format import LandingFormat
from acceptance.counted import counted
from landed.formats.csv_escapes import Escapes, MeaningUnknown
from landed.reading.bounds import MOST_COLUMNS
from landed.reading.cells import MAX_RECORD_BYTES
from landed.reading.faults import Faults, shorten
from landed.reading.rewritten import Cells

ENDS_WITH_DELIMITER = (
    "ends with a delimiter, behind which no cell stands; if every record does, say `trailingDelimiter: true` in the "
    "contract's landing server"
)
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
        elif landing.trailing_delimiter and not record.has_trailing_delimiter:
            faults.add(record.line, f"the record does not end with {landing.delimiter!r}, as `trailingDelimiter` says")
        elif len(record.cells) != fields:
            shown = f": {shorten(landing.delimiter.join(cell or '' for cell in record.cells))}" if show_cells else ""
            trailing = len(record.cells) == fields + 1 and record.cells[-1] is None
            hint = f"; the record {ENDS_WITH_DELIMITER}" if trailing and not landing.trailing_delimiter else ""
            faults.add(record.line, f"{counted(len(record.cells), 'cell')} found, {fields} expected{hint}{shown}")
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
    """`cells` is None if quotes are broken; `problem` says how. `line_end` is empty at the end of the file.

    `has_trailing_delimiter`: one stood behind the last of the cells, as the contract says.
    """

    line: int
    cells: Cells | None
    line_end: str
    problem: str = ""
    has_trailing_delimiter: bool = False


def _data_records(path: Path, landing: LandingFormat, fields: int) -> Iterator[_Record]:
    records = _records(path, landing)
    if landing.header:
        next(records, None)
    for record in records:
        if record.cells or record.cells is None:
            yield record
        elif fields == 1 and not landing.trailing_delimiter:
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
            if landing.comment and line.startswith(landing.comment):
                continue
            try:
                cells = cells_of.record(line, lines)
            except (_Broken, MeaningUnknown) as error:
                problem = _TOO_LONG.format(lines.too_long) if lines.too_long else str(error)
                yield _Record(number, None, lines.end, problem)
                if lines.too_long:
                    return
            else:
                has_trailing = landing.trailing_delimiter and len(cells) > 1 and cells[-1] is None
                cells = cells[:-1] if has_trailing else cells
                yield _Record(number, cells, lines.end, has_trailing_delimiter=has_trailing)


class _Broken(Exception):
    """A record with broken quotes."""


class _CellReader:
    """Separates the cells of a record. Almost all lines hold a whole record, whose cells one pattern finds."""

    def __init__(self, landing: LandingFormat) -> None:
        self._quote, self._delimiter, self._escape = landing.quote, landing.delimiter, landing.escape
        self._escapes = Escapes(landing) if landing.escape else None
        quote, delimiter, escape = map(re.escape, (landing.quote, landing.delimiter, landing.escape))
        escaped, other = (f"{escape}.|", f"[^{escape}]") if escape else ("", ".")
        is_sign = len(landing.delimiter) == 1 and not escape
        plain = f"[^{delimiter}]*+" if is_sign else f"(?:{escaped}(?!{delimiter}){other})*+"
        self._plain = re.compile(plain, re.DOTALL)
        self._cells = re.compile(f"({plain}){delimiter}", re.DOTALL)
        if quote:
            inside = f"[^{quote}{escape}]*+(?:(?:{escaped}{quote}{quote})[^{quote}{escape}]*+)*+"
            self._inside = re.compile(inside, re.DOTALL)
            self._quoted = re.compile(f"{quote}{inside}{quote}", re.DOTALL)
            self._cells = re.compile(f"({quote}{inside}{quote}|(?!{quote}){plain}){delimiter}", re.DOTALL)

    def record(self, line: str, lines: "_Lines") -> Cells:
        """Return the cells of the record that begins with this line, empty if the line is blank. Raise _Broken."""
        text = line.rstrip("\r\n")
        if not text:
            return []
        if not (self._quote and self._quote in text) and not (self._escape and self._escape in text):
            return [cell or None for cell in text.split(self._delimiter)]
        texts = self._cells.findall(text + self._delimiter)
        # The pattern skips what is no cell, and then some characters are not found again.
        if sum(map(len, texts)) + (len(texts) - 1) * len(self._delimiter) == len(text):
            return [self._cell(cell) for cell in texts]
        return self._one_by_one(text, lines)

    def _cell(self, text: str) -> str | None:
        if not self._quote or text[:1] != self._quote:
            return self._escapes.plain(text) if self._escapes and self._escape in text else text or None
        cell = text[1:-1]
        if self._escapes and self._escape in cell:
            return self._escapes.quoted(cell)
        return cell.replace(self._quote * 2, self._quote) if self._quote in cell else cell

    def _one_by_one(self, text: str, lines: "_Lines") -> Cells:
        """Do the same with quotes that are broken, or that several lines are in, and with escaped line ends."""
        cells: list[str | None] = []
        at = 0
        while True:
            if self._quote and text.startswith(self._quote, at):
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
                cell, text, at = self._plain_over_lines(text, at, lines)
            cells.append(self._cell(cell))
            if at == len(text):
                return cells
            at += len(self._delimiter)

    def _over_lines(self, text: str, lines: "_Lines") -> tuple[str, str]:
        """Return a cell with the line ends in its quotes, and the rest of the line on which it ends."""
        parts = [text + lines.end]
        for line in lines:
            if self._quote not in line and not (self._escape and self._escape in line):
                parts.append(line)
                continue
            inside = self._inside.match(line)
            end = inside.end() if inside else 0
            parts.append(line[: end + 1])
            if line.startswith(self._quote, end):
                return "".join(parts), line[end + 1 :].rstrip("\r\n")
        raise _Broken(f"this record opens a quote ({self._quote}) and never closes it")

    def _plain_over_lines(self, text: str, at: int, lines: "_Lines") -> tuple[str, str, int]:
        """Return a cell without quotes, with the line ends that are escaped, the line on which it ends, and its end."""
        parts: list[str] = []
        while True:
            plain = self._plain.match(text, at)
            end = plain.end() if plain else at
            if end == len(text) or text.startswith(self._delimiter, end):
                return "".join([*parts, text[at:end]]), text, end
            parts.append(text[at:] + lines.end)
            line = next(lines, "")
            if not line:
                raise _Broken(f"the escape '{self._escape}' stands at the end of the file; it escapes nothing")
            text, at = line.rstrip("\r\n"), 0


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
