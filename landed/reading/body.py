"""The data of a text file, without what stands around it: header and trailer records, and the sign that ends it.

MS-DOS and CP/M end a text with Ctrl-Z (U+001A), and some programs still do. Nothing behind it belongs to the file.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from acceptance.contract.contract import Contract
from acceptance.contract.landing_format import LandingFormat
from landed.reading.bounds import refuse_full_disk
from landed.reading.cells import MAX_RECORD_BYTES
from landed.reading.faults import Faults, shorten

_CTRL_Z = re.compile(rb"\x1a[\x1a\r\n]*\Z")
_MOST_PADDING_BYTES = 4096
_BOM = b"\xef\xbb\xbf"
_LINE = re.compile(rb"([^\r\n]*)(?:\r\n|\r|\n|\Z)")
_COUNT = re.compile("[0-9]{1,18}", re.ASCII)
_CHUNK_BYTES = 1024 * 1024
_LOOK_EVERY_BYTES = 64 * _CHUNK_BYTES


@dataclass(frozen=True, slots=True)
class EdgeRecord:
    """A record that is no data. `name` is its kind, `begins` how the contract says that it begins; it may be empty."""

    name: str
    line: int
    text: str
    begins: str


@dataclass(frozen=True, slots=True)
class Body:
    """The data. `lines_before` stand before it in the file; `declared` is the number of rows that the trailer says."""

    path: Path
    lines_before: int = 0
    edges: tuple[EdgeRecord, ...] = ()
    declared: int | None = None

    @property
    def trailer_line(self) -> int:
        return next((edge.line for edge in self.edges if edge.name == _TRAILER), 1)

    def with_only(self, edge: EdgeRecord, copy: Path, landing: LandingFormat) -> "Body":
        """Return a file that has this record as its only data, below the names of the columns; `copy` is written."""
        names = ""
        if landing.header:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                lines = (line.rstrip("\r\n") for line in file)
                names = next((f"{line}\n" for line in lines if _is_record(line.encode(), landing)), "")
        copy.write_text(f"{names}{edge.text}\n", encoding="utf-8", newline="")
        return Body(copy)


_HEADER, _TRAILER = "header record", "trailer record"


def body_of(text: Path, contract: Contract, copy: Path, faults: Faults) -> Body:
    """Return the data of a file of UTF-8: `text` itself if it holds nothing else, else `copy`, which this writes.

    A record that is missing, or does not begin as the contract says, is a fault. So is a trailer without its count.
    """
    landing, end = contract.landing, _end(text)
    headers, trailers = landing.header_records, landing.trailer_records
    if end == text.stat().st_size and not headers and not trailers:
        return Body(text)
    start, first, lines_before = _first_records(text, end, landing)
    stop, last = _last_records(text, start, end, landing)
    _copy(text, start, stop, copy)
    if len(first) < len(headers) or len(last) < len(trailers):
        faults.add(1, _too_few(len(first) + len(last), landing))
        return Body(copy, lines_before)
    if end == 0:
        faults.add(1, "the file is empty: it has nothing but the sign that ends a text, Ctrl-Z (U+001A)")
    edges = [EdgeRecord(_HEADER, *record, begins) for record, begins in zip(first, headers, strict=True)]
    edges += [EdgeRecord(_TRAILER, *record, begins) for record, begins in zip(last, trailers, strict=True)]
    for edge in edges:
        if not edge.text.startswith(edge.begins):
            faults.add(edge.line, _other_beginning(edge, contract))
    declared = None if faults.count or not trailers else _declared(edges[len(headers)], landing, faults)
    return Body(copy, lines_before, tuple(edges), declared)


def _end(text: Path) -> int:
    """Return the number of bytes before the sign that ends a text."""
    size = text.stat().st_size
    with text.open("rb") as file:
        file.seek(max(0, size - _MOST_PADDING_BYTES))
        sign = _CTRL_Z.search(file.read())
    return size - len(sign[0]) if sign else size


def data_taken_for(edge: EdgeRecord) -> str:
    """Return the message for a record that can be read as data."""
    option = "headerRecords" if edge.name == _HEADER else "trailerRecords"
    return (
        f"the record where the {edge.name} should be can be read as data, so perhaps the {edge.name} is missing; if "
        f"this is the {edge.name}, say in the contract how it begins, such as {option}: ['{edge.name[0].upper()}|']"
    )


def other_count(declared: int | None, rows: int) -> str:
    return f"the trailer record counts {declared:,} rows, and the file has {rows:,}; rows were lost or added on the way"


def _too_few(found: int, landing: LandingFormat) -> str:
    headers, trailers = len(landing.header_records), len(landing.trailer_records)
    return (
        f"the file has {found} record{'s' * (found != 1)}, and the contract says that {headers} at its beginning and "
        f"{trailers} at its end are no data; it was cut short"
    )


def _other_beginning(edge: EdgeRecord, contract: Contract) -> str:
    found = "otherwise" if contract.classified else f"with {shorten(edge.text)!r}"
    return (
        f"the {edge.name} must begin with {edge.begins!r}, and this record begins {found}; "
        f"the {edge.name} is missing, or the file was cut short"
    )


def _declared(trailer: EdgeRecord, landing: LandingFormat, faults: Faults) -> int | None:
    where = landing.trailer_count
    if not where:
        return None
    if isinstance(where, int):
        cells = trailer.text.split(landing.delimiter)
        place, text = f"cell {where}", cells[where - 1] if where <= len(cells) else ""
        text = text.strip(" \t").strip(landing.quote or None)
    else:
        place, text = f"characters {where[0]} to {where[1]}", trailer.text[where[0] - 1 : where[1]]
    if not _COUNT.fullmatch(text.strip(" \t")):
        faults.add(trailer.line, f"the trailer record has no number in {place}, where its count of rows should be")
        return None
    return int(text)


def _first_records(text: Path, end: int, landing: LandingFormat) -> tuple[int, list[tuple[int, str]], int]:
    """Return where the header records end, these records with their lines, and the number of lines up to there."""
    found: list[tuple[int, str]] = []
    stop = line = 0
    if landing.header_records:
        with text.open("rb") as file:
            block = file.read(min(end, MAX_RECORD_BYTES))
        for line, match in enumerate(_LINE.finditer(block), start=1):
            if _is_record(match[1], landing):
                found.append((line, match[1].removeprefix(_BOM).decode("utf-8", "replace")))
            stop = match.end()
            if len(found) == len(landing.header_records) or stop == len(block):
                break
    return stop, found, line


def _last_records(text: Path, start: int, end: int, landing: LandingFormat) -> tuple[int, list[tuple[int, str]]]:
    """Return where the trailer records begin, and these records with their lines."""
    if not landing.trailer_records:
        return end, []
    begin = max(start, end - MAX_RECORD_BYTES)
    with text.open("rb") as file:
        file.seek(begin)
        block = file.read(end - begin)
    places: list[int] = []
    for place, line in _lines_backwards(block):
        is_whole = place > 0 or begin == start
        places += [place] if is_whole and _is_record(line, landing) else []
        if len(places) == len(landing.trailer_records):
            break
    if not places:
        return end, []
    stop = begin + places[-1]
    number, records = _line_ends(_chunks(text, 0, stop)), []
    for match in _LINE.finditer(block, places[-1]):
        number += 1
        if _is_record(match[1], landing):
            records.append((number, match[1].decode("utf-8", "replace")))
    return stop, records


def _lines_backwards(block: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield beginning and text of each line, the last one first."""
    at = len(block)
    while at > 0:
        end = at - 2 if block.endswith(b"\r\n", 0, at) else at - 1 if block.endswith((b"\r", b"\n"), 0, at) else at
        at = max(block.rfind(b"\n", 0, end), block.rfind(b"\r", 0, end)) + 1
        yield at, block[at:end]


def _is_record(line: bytes, landing: LandingFormat) -> bool:
    """Return True unless the line is blank or a comment."""
    comment = landing.comment.encode()
    return bool(line.removeprefix(_BOM)) and not (comment and line.startswith(comment))


def _line_ends(chunks: Iterable[bytes]) -> int:
    """Return how many line ends are in the bytes. CRLF is one."""
    count, before = 0, b""
    for chunk in chunks:
        count += chunk.count(b"\n") + chunk.count(b"\r") - (before + chunk).count(b"\r\n")
        before = chunk[-1:] if chunk.endswith(b"\r") else b""
    return count


def _copy(text: Path, start: int, stop: int, copy: Path) -> None:
    written = 0
    with copy.open("wb") as out:
        for chunk in _chunks(text, start, stop):
            out.write(chunk)
            written += len(chunk)
            if written % _LOOK_EVERY_BYTES == 0:
                refuse_full_disk(copy.parent)


def _chunks(text: Path, start: int, stop: int) -> Iterator[bytes]:
    with text.open("rb") as file:
        file.seek(start)
        while start < stop and (chunk := file.read(min(_CHUNK_BYTES, stop - start))):
            start += len(chunk)
            yield chunk
