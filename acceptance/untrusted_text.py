"""Untrusted texts as people see them: one line or several, of bounded length, in which nothing is invisible.

Keys, file names, cells and the words of AWS, functions and jobs are written by somebody else. Whatever shows them (a
terminal, a log, a page, a message, an event) shows them through this module. Data stays as it is: a key in
`evidence.json` is the key.
"""

import re
from collections.abc import Container

LONGEST_LINE = 2_000
LONGEST_TEXT = 20_000
"""The most characters of one line, and of several. A key has 1,024 bytes, the end of a function's log 4 KB."""

_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Letters and marks that show nothing. Python counts them as printable, unlike all other invisible characters."""

GROUP = "\u202f"
"""The narrow space that groups the digits of our own numbers. It stays as it is."""


def one_line(text: str, at_most: int = LONGEST_LINE) -> str:
    """Return the text on one line: a sign stands for each line feed, control, direction and invisible character."""
    return _shown(text, (), at_most)


def several_lines(text: str, at_most: int = LONGEST_TEXT) -> str:
    """Do as `one_line`, and keep tabs and line feeds. CRLF becomes one line feed."""
    return _shown(text.replace("\r\n", "\n") if "\r" in text else text, "\t\n", at_most)


def json_escaped(json: str) -> str:
    """Return the same JSON document with invisible characters of its strings as \\u escapes."""
    if _BLANK.search(json) is None and json.replace("\n", "").isprintable():
        return json
    return "".join(char if char == "\n" or is_visible(char) else _json_escape(char) for char in json)


def _shown(text: str, kept: Container[str], at_most: int) -> str:
    """Replace what is not visible. The whole result is legal in XML 1.0, and its order is that of the text."""
    if len(text) <= at_most and text.isprintable() and (text.isascii() or _BLANK.search(text) is None):
        return text
    signs, length = [], 0
    for char in text[: at_most + 1]:
        sign = char if char in kept or is_visible(char) else _sign(ord(char))
        length += len(sign)
        signs.append(sign)
        if length > at_most:
            return "".join(signs)[: at_most - 1] + "…"
    return "".join(signs)


def is_visible(char: str) -> bool:
    """Return True for a character that a reader sees, or that is a plain space."""
    return (char.isprintable() or char == GROUP) and _BLANK.match(char) is None


def _sign(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
