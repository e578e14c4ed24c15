"""Recognise a text that is in another encoding than its contract says, by its first bytes and by all of them."""

import codecs
import re
from pathlib import Path

_LOOKED_AT_BYTES = 65_536
_MARKS = {
    codecs.BOM_UTF8: "UTF-8",
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""Byte order marks. That of UTF-32 begins as that of UTF-16 does, and stands before it."""
_ALLOWED = {
    codecs.BOM_UTF8: ("utf-8", "utf-8-sig"),
    codecs.BOM_UTF32_LE: ("utf-32", "utf-32-le"),
    codecs.BOM_UTF32_BE: ("utf-32", "utf-32-be"),
    codecs.BOM_UTF16_LE: ("utf-16", "utf-16-le"),
    codecs.BOM_UTF16_BE: ("utf-16", "utf-16-be"),
}
_USUAL = re.compile("[\u0080-\u017f\u0370-\u04ff\u0800-\U0010ffff]")
"""Characters that a text has often. Others of two bytes are an É before a dash or a closing quote in cp1252."""
_ENOUGH_UNUSUAL = 3
_AROUND = 40


def other_mark(path: Path, encoding: str) -> str:
    """Return what is wrong if the file begins with the byte order mark of another encoding; or ""."""
    with path.open("rb") as file:
        first = file.read(4)
    name = codecs.lookup(encoding).name
    for mark, of in _MARKS.items():
        if first.startswith(mark):
            if name in _ALLOWED[mark]:
                return ""
            return (
                f"the file begins with the byte order mark of {of}, and the contract says {encoding}; write "
                f"`encoding: {of}` for the landing server, or land the file in {encoding}"
            )
    return ""


def wide_encoding(path: Path) -> str:
    """Return UTF-16-LE or UTF-16-BE if almost every second of the first bytes is zero; or ""."""
    with path.open("rb") as file:
        first = file.read(_LOOKED_AT_BYTES)
    zeros = [first[start::2].count(0) / max(1, len(first[start::2])) for start in (0, 1)]
    if zeros[1] > 0.5 and zeros[0] < 0.1:
        return "UTF-16-LE"
    return "UTF-16-BE" if zeros[0] > 0.5 and zeros[1] < 0.1 else ""


def narrow_encoding(content: bytes, place: int) -> str:
    """Return the encoding of one byte a character in which the bytes around this place make most letters; or ""."""
    around = content[max(0, place - _AROUND) : place + _AROUND]
    high = around.translate(None, bytes(range(128)))
    letters = {name: sum(map(str.isalpha, high.decode(name, "replace"))) for name in ("cp1252", "cp850")}
    best = max(letters, key=lambda name: letters[name])
    return best if 2 * letters[best] > len(high) else ""


class Utf8Instead:
    """Tell whether bytes that the contract declares in an encoding of its own are all UTF-8. Feed it every chunk."""

    def __init__(self, encoding: str) -> None:
        plain = bytes(range(32, 127))
        name = codecs.lookup(encoding).name
        self._possible = not name.startswith("utf") and plain.decode(encoding, "replace") == plain.decode("ascii")
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._usual = False
        self.characters = 0

    def feed(self, chunk: bytes) -> str | None:
        """Return the chunk as UTF-8; None from the first byte on that is none."""
        if not self._possible:
            return None
        try:
            text = self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError:
            self._possible = False
            return None
        if not text.isascii():
            self.characters += len(text) - len(text.encode("ascii", "ignore"))
            self._usual = self._usual or _USUAL.search(text) is not None
        return text

    @property
    def is_likely(self) -> bool:
        """All bytes were UTF-8, and so many or such characters are no chance."""
        return self._possible and (self._usual or self.characters >= _ENOUGH_UNUSUAL)
