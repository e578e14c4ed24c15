"""A landed file as text: its encoding, its header, and the physical line of everything that is wrong with it.

Lines count from 1 and are the file's own, so a record with a newline in quotes takes several.
"""

import codecs
import csv
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from acceptance.landing import LandingFormat
from aws.landed_cells import MAX_RECORD_BYTES

KEPT_FAULTS = 20

_SHOWN_CHARACTERS = 60
_CHUNK_BYTES = 1024 * 1024
_LINE_ENDS = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}


@dataclass(frozen=True, slots=True)
class LandedFault:
    """A fault. `column` is the contract's name, None if it is not of one cell; `file` is said if there are several."""

    line: int
    column: str | None
    message: str
    file: str = ""

    def __str__(self) -> str:
        file, column = f"{self.file} " if self.file else "", f", column {self.column}" if self.column else ""
        return f"{file}line {self.line}{column}: {self.message}"


@dataclass(slots=True)
class Faults:
    """Counts every fault and keeps the first ones."""

    kept: list[LandedFault] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, message: str, column: str | None = None) -> None:
        self.count += 1
        if len(self.kept) < KEPT_FAULTS:
            self.kept.append(LandedFault(line, column, message))


def as_utf8(path: Path, encoding: str, copy: Path, faults: Faults) -> Path:
    """The file as UTF-8 without undecodable bytes: `path` itself if it is that already, else `copy`, written here.

    The first undecodable byte and the first NUL are faults; the copy has U+FFFD for what cannot be decoded.

    Raises:
        LookupError: Python does not know the encoding.
    """
    if codecs.lookup(encoding).name == "utf-8" and _is_clean_utf8(path):
        return path
    _transcode(path, encoding, copy, faults)
    return copy


def read_header(path: Path, landing: LandingFormat) -> tuple[str, ...]:
    """The cells of the first record; empty if there is none, or the first line is blank."""
    for record in _records(path, landing):
        return tuple(record.cells or ())
    return ()


def check_structure(
    path: Path, landing: LandingFormat, fields: int, faults: Faults, *, show_cells: bool = False
) -> int:
    """Adds a fault for each record without exactly `fields` cells or with broken quotes; returns the number of records.

    A blank line is no record, except in a file of one column, where it is an empty cell.
    """
    rows, line_end = 0, None
    for record in _data_records(path, landing, fields):
        rows += 1
        line_end = line_end or record.line_end
        if record.cells is None:
            faults.add(record.line, record.problem)
        elif len(record.cells) != fields:
            shown = f": {cut(landing.delimiter.join(record.cells))}" if show_cells else ""
            faults.add(record.line, f"{len(record.cells)} cells found, {fields} expected{shown}")
        elif record.line_end and record.line_end != line_end:
            ends = f"{_LINE_ENDS[record.line_end]}, the lines before it in {_LINE_ENDS[line_end or '']}"
            faults.add(record.line, f"it ends in {ends}; write one kind of line end, or quote the cell that holds it")
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
    f"the line is longer than {MAX_RECORD_BYTES:,} characters, and nothing behind that was read; does the file end its "
    "lines, and is it a text file?"
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
            try:
                cells = next(reader)
            except StopIteration:
                if lines.too_long:
                    yield _Record(line, None, "", _TOO_LONG)
                return
            except csv.Error as error:
                yield _Record(line, None, lines.end, _broken(error, lines, landing))
                if lines.too_long:
                    return
            else:
                yield _Record(line, cells, lines.end)


class _Lines:
    """Physical lines for a csv reader, remembering the number and the end of the last one."""

    def __init__(self, file: io.TextIOBase) -> None:
        self._file = file
        self.number = 0
        self.end = ""
        self.ended = False
        self.too_long = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_RECORD_BYTES)
        self.too_long = len(line) == MAX_RECORD_BYTES and not line.endswith(("\r", "\n"))
        if not line or self.too_long:
            self.ended = True
            raise StopIteration
        self.number += 1
        self.end = line[len(line.rstrip("\r\n")) :]
        return line


def _broken(error: csv.Error, lines: _Lines, landing: LandingFormat) -> str:
    if lines.too_long:
        return _TOO_LONG
    if lines.ended:
        return f"a quote ({landing.quote}) is opened in this record and never closed"
    if "limit" in str(error):
        return f"a cell is longer than {MAX_RECORD_BYTES} characters; a quote ({landing.quote}) may not be closed"
    return f"after a closing quote ({landing.quote}) comes neither {landing.delimiter!r} nor the end of the line"


def cut(text: str) -> str:
    """A text as it is shown in a message."""
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def _is_clean_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                if b"\0" in chunk:
                    return False
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _transcode(path: Path, encoding: str, copy: Path, faults: Faults) -> None:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    position = _Position()
    with path.open("rb") as file, copy.open("w", encoding="utf-8", newline="") as out:
        final = False
        while not final:
            chunk = file.read(_CHUNK_BYTES)
            final = not chunk
            state = decoder.getstate()
            try:
                text = decoder.decode(chunk, final)
            except UnicodeDecodeError as error:
                held = len(error.object) - len(chunk)
                decoder.setstate(state)
                before = decoder.decode(chunk[: max(0, error.start - held)])
                line = position.line_after(before)
                faults.add(line, _undecodable(error, position.bytes_read - held, encoding))
                decoder = codecs.getincrementaldecoder(encoding)("replace")
                decoder.setstate(state)
                text = decoder.decode(chunk, final)
            if "\0" in text and not position.nul_seen:
                position.nul_seen = True
                faults.add(
                    position.line_after(text[: text.index("\0")]), "a NUL character (U+0000), which text does not hold"
                )
            position.advance(chunk, text)
            out.write(text)


class _Position:
    def __init__(self) -> None:
        self.bytes_read = 0
        self.nul_seen = False
        self._lines = 0
        self._newlines = io.IncrementalNewlineDecoder(None, translate=True)

    def line_after(self, text: str) -> int:
        """The number of the line on which the next character after `text` is."""
        probe = io.IncrementalNewlineDecoder(None, translate=True)
        probe.setstate(self._newlines.getstate())
        return 1 + self._lines + probe.decode(text, final=True).count("\n")

    def advance(self, chunk: bytes, text: str) -> None:
        self.bytes_read += len(chunk)
        self._lines += self._newlines.decode(text).count("\n")


def _undecodable(error: UnicodeDecodeError, object_at: int, encoding: str) -> str:
    bad = error.object[error.start : max(error.end, error.start + 1)][:4].hex(" ").upper()
    return (
        f"byte {object_at + error.start} ({bad}) is not {encoding}, which the contract says; "
        "write the file in that encoding, or correct the landing server's `encoding`"
    )
