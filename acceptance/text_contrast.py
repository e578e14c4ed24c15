"""Show how texts differ, and name the characters that make one text look like another.

Two texts may look the same and differ: in normal form (a letter with its accent, or letter and accent), in blanks and
invisible characters, in letters of another alphabet. And of two long texts the first characters say nothing. Whoever
prints a landed value beside the table's, or a value beside what is allowed, prints it through this module.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from acceptance.messages.message import Grouped, Message
from acceptance.messages.phrases import listed, with_remark
from acceptance.untrusted_text import is_visible

AT_MOST = 60
"""The most characters of a text in a message."""

_NAMED = 3
_MARKS_AT_MOST = 3

_LIKE_LATIN = str.maketrans(
    "АВЕЅІЈКМНОРСТУХԌԚԜаеѕіјорсухһԁԛԝӏ"  # Cyrillic
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοα"  # Greek
    "‐‑‒–—―−’‘ʼ“”ı",
    "ABESIJKMHOPCTYXGQWaesijopcyxhdqwlABEZHIKMNOPTYXoa-------'''\"\"i",
)
"""Letters and signs that look as one of ASCII does."""

_LIKE_EACH_OTHER = str.maketrans("0Il|", "O1" + "11")
"""Signs of ASCII that look alike in many fonts, made equal."""

_CONTROLS = {"\0": "NUL", "\t": "TAB", "\n": "LINE FEED", "\r": "CARRIAGE RETURN", "\x1b": "ESCAPE", "\x7f": "DELETE"}


@dataclass(frozen=True, slots=True)
class TextContrast:
    """Two texts about where they begin to differ, and where that is: empty if one sees it.

    `at` is the index, in both as they are here, of the first character that differs; None if one of them is null.
    """

    one: str | None
    other: str | None
    where: str = ""
    at: int | None = None


class Others(StrEnum):
    """The texts of which one may look like a text that is none of them."""

    THE_CONTRACTS = "the contract's"
    ALLOWED = "the allowed"


def contrast(
    one: str | None, other: str | None, sides: tuple[str, str] | None = None, at_most: int = AT_MOST
) -> TextContrast:
    """Return the texts, cut to what stands about their first difference.

    `sides` say whose they are: if none are given, that they landed and are in the table.
    """
    if one is None or other is None or one == other:
        return TextContrast(_whole(one, at_most), _whole(other, at_most))
    at, longest = _first_difference(one, other), max(len(one), len(other))
    where = listed(_where(one, other, at, sides or (Message("landed"), Message("in the table")), longest > at_most))
    start = 0 if longest <= at_most or at < at_most // 2 else at - at_most // 3
    return TextContrast(_from(one, start, at_most), _from(other, start, at_most), where, at - start)


def _where(one: str, other: str, at: int, sides: tuple[str, str], is_cut: bool) -> Iterator[Message]:
    here, there = sides
    if is_cut:
        yield Message(
            "they differ from character {number} on, of {one} {here} and {other} {there}",
            number=Grouped(at + 1),
            one=Grouped(len(one)),
            here=here,
            other=Grouped(len(other)),
            there=there,
        )
    if _hard_to_see(one, other, at):
        yield Message(
            "character {number} is {one} {here}, {other} {there}",
            number=Grouped(at + 1),
            one=_named(one, at),
            here=here,
            other=_named(other, at),
            there=there,
        )
    if unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other):
        forms = {"one": _form(one), "other": _form(other)}
        yield Message("normal form {one} {here}, {other} {there}", here=here, there=there, **forms)


def quoted(text: str | None) -> str:
    """Return a text in quotes, invisible characters escaped; null for None."""
    return "null" if text is None else repr(text)


def spelled(text: str, at_most: int = AT_MOST) -> str:
    """Return a text in quotes, shortened, and the characters in it that one could take for others."""
    return with_remark(quoted(shortened(text, at_most)), oddities(text))


def plainly(text: str | None, at_most: int = AT_MOST) -> str:
    """Return a text without quotes if it reads as it is, else as `spelled`; null for None."""
    if text is None:
        return "null"
    plain = text and text == text.strip() and text.isprintable() and not oddities(text)
    return shortened(text, at_most) if plain else spelled(text, at_most)


def oddities(text: str, *, blanks_at_the_ends: bool = False) -> str:
    """Return the characters of a text that one could take for others, or not see, and its normal form if not NFC."""
    if text.isascii() and text.isprintable() and not (blanks_at_the_ends and text != text.strip()):
        return ""
    mixed = any(char.isascii() and char.isalpha() for char in text)
    odd = [at for at, char in enumerate(text) if _is_odd(char, mixed=mixed)]
    if blanks_at_the_ends:
        odd += [at for at in (0, len(text) - 1) if text[at : at + 1] == " " and at not in odd]
    named = [
        Message("character {number} is {name}", number=Grouped(at + 1), name=_named(text, at)) for at in odd[:_NAMED]
    ]
    if len(odd) > _NAMED:
        named.append(Message("{number} more such", number=Grouped(len(odd) - _NAMED)))
    if not unicodedata.is_normalized("NFC", text):
        named.append(Message("normal form {form}", form=_form(text)))
    return listed(named, ", ")


def looks(text: str) -> str:
    """Return what a reader sees of a text, in small letters: the same for texts that look alike."""
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFKC", text).translate(_LIKE_LATIN)
        text = "".join(char for char in text if char.isspace() or is_visible(char))
    return " ".join(text.casefold().split())


def lookalike(text: str, among: Iterable[str]) -> str | None:
    """Return the first text that looks the same but is another; None if there is none."""
    seen = looks(text)
    return next((other for other in among if other != text and looks(other) == seen), None)


def unlike(text: str, among: Iterable[str], what: Others) -> str:
    """Return how the text differs from the one among these that looks the same, as a phrase; "" if none does."""
    other = lookalike(text, among)
    if other is None:
        return ""
    is_contracts = what is Others.THE_CONTRACTS
    there = Message("in the contract's") if is_contracts else Message("in the allowed")
    told = contrast(text, other, (Message("here"), there))
    shown, why = quoted(told.other), told.where or Message("is not written so")
    match what:
        case Others.THE_CONTRACTS:
            return Message("it looks like the contract's {other}, but {why}", other=shown, why=why)
        case Others.ALLOWED:
            return Message("it looks like the allowed {other}, but {why}", other=shown, why=why)
        case _:
            assert_never(what)


def shortened(text: str, at_most: int = AT_MOST) -> str:
    return text if len(text) <= at_most else text[: at_most - 1] + "…"


def in_brackets(phrase: str) -> str:
    """Return the phrase as it follows what it is about; "" for none."""
    return f" ({phrase})" if phrase else ""


def _whole(text: str | None, at_most: int) -> str | None:
    return None if text is None else shortened(text, at_most)


def _first_difference(one: str, other: str) -> int:
    """Return the index of the first character that differs; of a letter with a mark, that of the letter."""
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    while at and (_is_mark(one[at : at + 1]) or _is_mark(other[at : at + 1])):
        at -= 1
    return at


def _hard_to_see(one: str, other: str, at: int) -> bool:
    """Return True if a reader may not see the difference: not both characters are plain signs of ASCII, or alike."""
    signs = one[at : at + 1], other[at : at + 1]
    if all(sign.isascii() and sign.isprintable() and sign != " " for sign in signs):
        return signs[0].translate(_LIKE_EACH_OTHER) == signs[1].translate(_LIKE_EACH_OTHER)
    return True


def _is_odd(char: str, *, mixed: bool) -> bool:
    """`mixed`: the text has Latin letters, so that a letter of another alphabet may stand for one."""
    if char.isascii():  # quotes show those that are invisible as escapes
        return False
    if not is_visible(char):
        return True
    if char.translate(_LIKE_LATIN) != char:
        return mixed or not char.isalpha()
    return ord(char) > 0xFF and (char.isdecimal() or unicodedata.normalize("NFKC", char).isascii())


def _named(text: str, at: int) -> str:
    """Return the character with the marks that follow it: code points and names."""
    if at >= len(text):
        return Message("the end of the text")
    end = at + 1
    while _is_mark(text[end : end + 1]) and end - at <= _MARKS_AT_MOST:
        end += 1
    name, *marks = (f"U+{ord(char):04X} {_name(char)}".strip() for char in text[at:end])
    for mark in marks:
        name = Message("{sign} with {mark}", sign=name, mark=mark)
    return name


def _name(char: str) -> str:
    return _CONTROLS.get(char, unicodedata.name(char, ""))


def _form(text: str) -> str:
    forms = [form for form in ("NFC", "NFD") if unicodedata.is_normalized(form, text)]
    return forms[0] if forms else Message("neither NFC nor NFD")


def _is_mark(char: str) -> bool:
    return bool(char) and unicodedata.combining(char) > 0


def _from(text: str, start: int, at_most: int) -> str:
    """Return what stands from an index on, an ellipsis in the place of the first and last character where it is cut."""
    piece = text[start : start + at_most]
    if start + len(piece) < len(text):
        piece = piece[: at_most - 1] + "…"
    return "…" + piece[1:] if start else piece
