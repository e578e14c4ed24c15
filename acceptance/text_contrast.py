"""Show how texts differ, and name the characters that make one text look like another.

Two texts may look the same and differ: in normal form (a letter with its accent, or letter and accent), in blanks and
invisible characters, in letters of another alphabet. And of two long texts the first characters say nothing. Whoever
prints a landed value beside the table's, or a value beside what is allowed, prints it through this module.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

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


def contrast(
    one: str | None, other: str | None, sides: tuple[str, str] = ("landed", "in the table"), at_most: int = AT_MOST
) -> TextContrast:
    """Return the texts, cut to what stands about their first difference. `sides` say whose they are."""
    if one is None or other is None or one == other:
        return TextContrast(_whole(one, at_most), _whole(other, at_most))
    at = _first_difference(one, other)
    where, longest = [], max(len(one), len(other))
    if longest > at_most:
        where.append(
            f"they differ from character {at + 1:,} on, of {len(one):,} {sides[0]} and {len(other):,} {sides[1]}"
        )
    if _hard_to_see(one, other, at):
        where.append(f"character {at + 1:,} is {_named(one, at)} {sides[0]}, {_named(other, at)} {sides[1]}")
    if unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other):
        where.append(f"normal form {_form(one)} {sides[0]}, {_form(other)} {sides[1]}")
    start = 0 if longest <= at_most or at < at_most // 2 else at - at_most // 3
    return TextContrast(_from(one, start, at_most), _from(other, start, at_most), "; ".join(where), at - start)


def quoted(text: str | None) -> str:
    """Return a text in quotes, invisible characters escaped; null for None."""
    return "null" if text is None else repr(text)


def spelled(text: str, at_most: int = AT_MOST) -> str:
    """Return a text in quotes, shortened, and the characters in it that one could take for others."""
    return quoted(shortened(text, at_most)) + in_brackets(oddities(text))


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
    named = [f"character {at + 1:,} is {_named(text, at)}" for at in odd[:_NAMED]]
    if len(odd) > _NAMED:
        named.append(f"{len(odd) - _NAMED:,} more such")
    return ", ".join(named + ([] if unicodedata.is_normalized("NFC", text) else [f"normal form {_form(text)}"]))


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


def unlike(text: str, among: Iterable[str], what: str) -> str:
    """Return how the text differs from the one among these that looks the same, as a phrase; "" if none does.

    `what` names the others: "the contract's".
    """
    other = lookalike(text, among)
    if other is None:
        return ""
    told = contrast(text, other, ("here", f"in {what}"))
    return f"it looks like {what} {quoted(told.other)}, but {told.where or 'is not written so'}"


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
        return "the end of the text"
    end = at + 1
    while _is_mark(text[end : end + 1]) and end - at <= _MARKS_AT_MOST:
        end += 1
    return " with ".join(f"U+{ord(char):04X} {_name(char)}".strip() for char in text[at:end])


def _name(char: str) -> str:
    return _CONTROLS.get(char, unicodedata.name(char, ""))


def _form(text: str) -> str:
    forms = [form for form in ("NFC", "NFD") if unicodedata.is_normalized(form, text)]
    return forms[0] if forms else "neither NFC nor NFD"


def _is_mark(char: str) -> bool:
    return bool(char) and unicodedata.combining(char) > 0


def _from(text: str, start: int, at_most: int) -> str:
    """Return what stands from an index on, an ellipsis in the place of the first and last character where it is cut."""
    piece = text[start : start + at_most]
    if start + len(piece) < len(text):
        piece = piece[: at_most - 1] + "…"
    return "…" + piece[1:] if start else piece
