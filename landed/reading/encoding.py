"""Transcode a landed file to UTF-8, and find the line of the first byte or NUL that is not text."""

import codecs
import io
from pathlib import Path

from landed.reading.faults import Faults

_CHUNK_BYTES = 1024 * 1024


def as_utf8(path: Path, encoding: str, copy: Path, faults: Faults) -> Path:
    """Return the path of the file as clean UTF-8: `path` itself if it already is, else `copy`, which this writes.

    The first undecodable byte and the first NUL are faults; the copy has U+FFFD in place of undecodable bytes.

    Raises:
        LookupError: Python does not know the encoding.
    """
    if codecs.lookup(encoding).name == "utf-8" and _is_clean_utf8(path):
        return path
    _transcode(path, encoding, copy, faults)
    return copy


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
                pending = len(error.object) - len(chunk)
                decoder.setstate(state)
                before = decoder.decode(chunk[: max(0, error.start - pending)])
                line = position.line_after(before)
                faults.add(line, _undecodable(error, position.bytes_read - pending, encoding))
                decoder = codecs.getincrementaldecoder(encoding)("replace")
                decoder.setstate(state)
                text = decoder.decode(chunk, final)
            if "\0" in text and not position.nul_seen:
                position.nul_seen = True
                faults.add(
                    position.line_after(text[: text.index("\0")]), "a NUL character (U+0000), which a text may not hold"
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
        """Return the line number of the character after `text`."""
        probe = io.IncrementalNewlineDecoder(None, translate=True)
        probe.setstate(self._newlines.getstate())
        return 1 + self._lines + probe.decode(text, final=True).count("\n")

    def advance(self, chunk: bytes, text: str) -> None:
        self.bytes_read += len(chunk)
        self._lines += self._newlines.decode(text).count("\n")


def _undecodable(error: UnicodeDecodeError, object_at: int, encoding: str) -> str:
    bad = error.object[error.start : max(error.end, error.start + 1)][:4].hex(" ").upper()
    return (
        f"byte {object_at + error.start} ({bad}) is not valid in the contract's encoding {encoding}; "
        "write the file in that encoding, or correct the landing server's `encoding`"
    )
