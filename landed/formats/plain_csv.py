"""Decide from its bytes, at a gigabyte a second, whether DuckDB reads a CSV as RFC 4180 says.

DuckDB drops blanks beside quotes, takes the first line end that it finds for that of the file, and its threads begin in
the midst of the file, perhaps in a cell with line ends. A file without all of this is read by DuckDB; others by Python.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from acceptance.contract.landing_format import LandingFormat

_BLOCK_BYTES = 1024 * 1024
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class PlainLines:
    """A file whose lines are its records. `has_as_many_cells`: it has just the delimiters that separate its cells, so
    that none is in quotes, and no record can have a cell too many if none lacks one.
    """

    count: int
    has_as_many_cells: bool


def plain_lines(path: Path, landing: LandingFormat, width: int) -> PlainLines | None:
    """Return the lines of a file that DuckDB reads exactly, and None for a file of which this is not sure."""
    delimiter, quote = landing.delimiter.encode(), landing.quote.encode()
    lines = delimiters = 0
    has_quotes = False
    with path.open("rb") as file:
        end = _first_line_end(file)
        for block in _whole_lines(file, end):
            if not block or not _ends_alike(block, end) or block.startswith(end) or end + end in block:
                return None
            if quote and quote in block:
                has_quotes = True
                if _has_odd_quotes(block, quote) or _has_blank_beside_quote(block, quote, delimiter, end):
                    return None
            lines += block.count(end) + (not block.endswith(end))
            delimiters += block.count(delimiter)
    has_as_many_cells = delimiters == lines * (width - 1)
    if not lines or (has_quotes and width == 1) or not (has_quotes or has_as_many_cells):
        return None
    return PlainLines(lines, has_as_many_cells)


def _first_line_end(file: BinaryIO) -> bytes:
    """Return the first line end; LF if there is none in the first block."""
    block = file.read(_BLOCK_BYTES)
    file.seek(len(_BOM) if block.startswith(_BOM) else 0)
    lf, cr = block.find(b"\n"), block.find(b"\r")
    if cr < 0 or 0 <= lf < cr:
        return b"\n"
    return b"\r\n" if lf == cr + 1 else b"\r"


def _whole_lines(file: BinaryIO, end: bytes) -> Iterator[bytes]:
    """Yield the file in blocks of whole lines, of which only the last may lack its end; an empty one instead of a line
    that is longer than a block.
    """
    rest = b""
    while read := file.read(_BLOCK_BYTES):
        block = rest + read
        cut = block.rfind(end) + len(end)
        if cut < len(end) and len(block) >= _BLOCK_BYTES:
            yield b""
        rest = block[cut:] if cut >= len(end) else block
        if cut >= len(end):
            yield block[:cut]
    if rest:
        yield rest


def _ends_alike(block: bytes, end: bytes) -> bool:
    if end == b"\r\n":
        return block.count(b"\r") == block.count(b"\n") == block.count(end)
    return (b"\r" if end == b"\n" else b"\n") not in block


def _has_odd_quotes(block: bytes, quote: bytes) -> bool:
    """Return True if a line has an odd number of quotes, so that a line end is in quotes or a quote is in a cell."""
    others = bytes(range(256)).translate(None, quote + b"\r\n")
    return quote in block.translate(None, others).replace(quote + quote, b"")


def _has_blank_beside_quote(block: bytes, quote: bytes, delimiter: bytes, end: bytes) -> bool:
    """Return True unless each blank beside a quote is surely inside of a quoted cell."""
    before, after = b" " + quote, quote + b" "
    if block.startswith(before) or block.endswith(after):
        return True
    if after in block and any(after + sign in block for sign in (delimiter, end[:1], b" ", quote)):
        return True
    signs = (delimiter, end[-1:], b" ") if before in block else ()
    return any(_opens_cell(block, sign + before, quote, delimiter) for sign in signs)


def _opens_cell(block: bytes, signs: bytes, quote: bytes, delimiter: bytes) -> bool:
    """Return True if a cell may begin with these signs. DuckDB refuses a cell that would begin with ' ""x'."""
    no_text = (quote, delimiter, b" ", b"\r", b"\n")
    at = block.find(signs)
    while at >= 0:
        at += len(signs)
        if not block.startswith(quote, at) or block.startswith(no_text, at + 1) or at + 1 >= len(block):
            return True
        at = block.find(signs, at)
    return False
