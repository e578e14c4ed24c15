"""Writes Athena's regular expressions for DuckDB's engine (RE2), which lacks lookaheads and more."""

import re
from dataclasses import dataclass

from sandbox.athena.values import AthenaError

_BEGINNING = re.compile(r"(?:\(\?[a-z]+\))?(?:\^|\\A)")
_LOOKAHEAD = re.compile(r"\(\?([=!])")
_PIECE = re.compile(r"\\Q.*?(?:\\E|\Z)|\\.|\[\^?\]?|[()\]|]|.", re.DOTALL)


_SIGN = re.compile(
    r"(?P<quoted>\\Q.*?(?:\\E|\Z))|(?P<end>\$|\\Z)|\\u(?P<character>[0-9A-Fa-f]{4})|(?P<word>\\[bB])|\\."
    r"|(?P<posix>\[:\^?\w+:\])|(?P<opening>\[\^?\]?)|(?P<closing>\])|(?P<both>&&)|\(\?<(?P<name>[A-Za-z]\w*)>"
    r"|\(\?(?P<flags>[a-z]+)[-:)]|.",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Re2Pattern:
    """A pattern as RE2 reads it. `ascii_only`: Athena may answer otherwise for a text with other characters."""

    pattern: str
    ascii_only: bool


def for_re2(pattern: str) -> Re2Pattern:
    """Return the pattern as RE2 reads it.

    In Athena `$` matches before a last line feed too, \\b looks at all letters, and a class may hold classes.

    Raises:
        AthenaError: it holds a class in a class, or one without the members of another (NOT_SUPPORTED).
    """
    depth, ascii_only, lines, pieces = 0, False, False, list[str]()
    for sign in _SIGN.finditer(pattern):
        inside = depth > 0
        if (sign["both"] and inside) or (sign["opening"] and inside):
            raise AthenaError(
                "NOT_SUPPORTED: the sandbox matches by RE2, which lacks a part of this pattern that Athena has "
                "(a class in a class); try it in an account"
            )
        depth += 1 if sign["opening"] else -1 if sign["closing"] and inside else 0
        lines = lines or "m" in (sign["flags"] or "")
        ascii_only = ascii_only or bool(sign["posix"] or (sign["word"] and not inside))
        if sign["character"]:
            pieces.append(rf"\x{{{sign['character']}}}")
        elif sign["name"]:
            pieces.append(f"(?P<{sign['name']}>")
        elif sign["end"] and not inside and not (lines and sign["end"] == "$"):
            pieces.append(r"(?:\n?\z)")
        else:
            pieces.append(sign[0])
    return Re2Pattern("".join(pieces), ascii_only)


@dataclass(frozen=True, slots=True)
class LookingAhead:
    """Patterns that all must match, and patterns of which none may."""

    matching: tuple[str, ...]
    failing: tuple[str, ...]


def split_lookaheads(pattern: str) -> LookingAhead | None:
    """Return the patterns that together mean `^(?=a)(?!b)c`: `^(?:a)` and `^c` match, `^(?:b)` does not.

    Return None for a pattern that does not begin so.
    """
    beginning = _BEGINNING.match(pattern)
    if beginning is None:
        return None
    rest, bodies = pattern[beginning.end() :], dict[str, list[str]]({"=": [], "!": []})
    while sign := _LOOKAHEAD.match(rest):
        end = _end_of_alternative(rest[sign.end() :], closing=True) + sign.end()
        bodies[sign[1]].append(f"{beginning[0]}(?:{rest[sign.end() : end]})")
        rest = rest[end + 1 :]
    if not any(bodies.values()) or _end_of_alternative(rest, closing=False) < len(rest):
        return None
    return LookingAhead((*bodies["="], beginning[0] + rest), tuple(bodies["!"]))


def _end_of_alternative(text: str, *, closing: bool) -> int:
    """Return where the group ends that the text is in; if not `closing`, where its first alternative does."""
    depth = in_class = 0
    for piece in _PIECE.finditer(text):
        if piece[0].startswith("["):
            in_class += 1
        elif piece[0] == "]":
            in_class -= in_class > 0
        elif in_class:
            continue
        elif piece[0] == "(":
            depth += 1
        elif (piece[0] == ")" and not depth) or (piece[0] == "|" and not depth and not closing):
            return piece.start()
        elif piece[0] == ")":
            depth -= 1
    return len(text)
