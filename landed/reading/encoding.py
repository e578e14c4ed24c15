"""Transcode a landed file to UTF-8, and find the line of the first byte or NUL that is not text."""

import codecs
import io
import re
from contextlib import suppress
from pathlib import Path

from landed.reading.faults import Faults, Unreadable
from landed.reading.likely_encoding import Utf8Instead, narrow_encoding, other_mark, wide_encoding

_CHUNK_BYTES = 1024 * 1024
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_ASCII = re.compile("[^\x00-\x7f]")
_NUL = "a NUL character (U+0000), which a text may not hold"
_HALF = "half a character (a lone surrogate), which a text may not hold"


def as_utf8(path: Path, encoding: str, copy: Path, faults: Faults, *, certain: bool = False) -> Path:
    """Return the path of the file as clean UTF-8: `path` itself if it already is, else `copy`, which this writes.

    The first undecodable byte and the first NUL are faults; the copy has U+FFFD in place of undecodable bytes. So is
    the first character of UTF-8, if all bytes are UTF-8 and the contract says otherwise, without saying that it is
    certain.

    Raises:
        LookupError: Python does not know the encoding, or it is none of text.
        Unreadable: the file is in another encoding, and nothing of it can be read.
    """
    with suppress(UnicodeError):
        b"a".decode(encoding)
    mark = other_mark(path, encoding)
    if mark:
        raise Unreadable(mark)
    if codecs.lookup(encoding).name == "utf-8" and _is_clean_utf8(path):
        return path
    if not codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")) and (wide := wide_encoding(path)):
        raise Unreadable(
            f"the file looks like {wide}: every second byte is zero; the contract says {encoding}; write "
            f"`encoding: {wide}` for the landing server, or land the file in {encoding}"
        )
    instead = None if certain else _FirstOfUtf8(encoding)
    _transcode(path, encoding, copy, faults, instead)
    if instead:
        instead.add_fault(encoding, faults)
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


def _transcode(path: Path, encoding: str, copy: Path, faults: Faults, instead: "_FirstOfUtf8 | None") -> None:
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
            except UnicodeError as error:
                decoder.setstate(state)
                try:
                    _add_undecodable(error, decoder, chunk, position, encoding, faults)
                    decoder = codecs.getincrementaldecoder(encoding)("replace")
                    decoder.setstate(state)
                    text = decoder.decode(chunk, final)
                except UnicodeError:  # the codec reads nothing: UTF-16 and UTF-32 ask for a byte order mark
                    raise Unreadable(_unreadable(encoding), position.line_after("")) from None
            position.find_no_text(text, faults)
            position.advance(chunk, text)
            if instead:
                instead.look(chunk)
            out.write(_SURROGATE.sub("\ufffd", text))


def _add_undecodable(
    error: UnicodeError,
    decoder: codecs.IncrementalDecoder,
    chunk: bytes,
    position: "_Position",
    encoding: str,
    faults: Faults,
) -> None:
    """Add the first undecodable byte with its line. Raise the error if the codec says no place."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    pending = len(error.object) - len(chunk)
    before = decoder.decode(chunk[: max(0, error.start - pending)])
    likely = narrow_encoding(error.object, error.start) if codecs.lookup(encoding).name.startswith("utf-8") else ""
    hint = f"; the bytes there look like {likely}" if likely else ""
    faults.add(position.line_after(before), _undecodable(error, position.bytes_read - pending, encoding) + hint)


class _Position:
    def __init__(self) -> None:
        self.bytes_read = 0
        self._found: set[str] = set()
        self._lines = 0
        self._newlines = io.IncrementalNewlineDecoder(None, translate=True)

    def line_after(self, text: str) -> int:
        """Return the line number of the character after `text`."""
        probe = io.IncrementalNewlineDecoder(None, translate=True)
        probe.setstate(self._newlines.getstate())
        return 1 + self._lines + probe.decode(text, final=True).count("\n")

    def find_no_text(self, text: str, faults: Faults) -> None:
        """Add the first NUL, and the first half of a character, which some codecs let through."""
        for found, problem in ((text.find("\0"), _NUL), (_first_half(text), _HALF)):
            if found >= 0 and problem not in self._found:
                self._found.add(problem)
                faults.add(self.line_after(text[:found]), problem)

    def advance(self, chunk: bytes, text: str) -> None:
        self.bytes_read += len(chunk)
        self._lines += self._newlines.decode(text).count("\n")


class _FirstOfUtf8:
    """The line of the first character that is not ASCII, for a file that may be UTF-8 instead."""

    def __init__(self, encoding: str) -> None:
        self._instead = Utf8Instead(encoding)
        self._position = _Position()
        self._line = 0

    def look(self, chunk: bytes) -> None:
        text = self._instead.feed(chunk)
        if text is not None and not self._line:
            other = _NOT_ASCII.search(text)
            self._line = self._position.line_after(text[: other.start()]) if other else 0
            self._position.advance(chunk, text)

    def add_fault(self, encoding: str, faults: Faults) -> None:
        if not self._instead.is_likely:
            return
        faults.replace(
            self._line,
            f"the file looks like UTF-8, and the contract says {encoding}: each of its {self._instead.characters} "
            "characters that are not ASCII is one of UTF-8, and would become two or more strange ones; write "
            "`encoding: UTF-8` for the landing server. If the strange ones are meant, say "
            "`certainEncoding: true` beside the encoding",
        )


def _undecodable(error: UnicodeDecodeError, object_at: int, encoding: str) -> str:
    bad = error.object[error.start : max(error.end, error.start + 1)][:4].hex(" ").upper()
    return (
        f"byte {object_at + error.start} ({bad}) is not valid in the contract's encoding {encoding}; "
        "write the file in that encoding, or correct the landing server's `encoding`"
    )


def _unreadable(encoding: str) -> str:
    if codecs.lookup(encoding).name not in ("utf-16", "utf-32"):
        return f"the bytes from here on are no text in the contract's encoding {encoding}"
    return (
        f"the file does not begin with the byte order mark that {encoding} asks for; write the file with it, or name "
        f"the order in the landing server's `encoding`: {encoding}-le or {encoding}-be"
    )


def _first_half(text: str) -> int:
    found = _SURROGATE.search(text)
    return found.start() if found else -1
