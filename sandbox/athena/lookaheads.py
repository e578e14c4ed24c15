"""Splits a regular expression at its leading lookaheads, which DuckDB's engine (RE2) lacks and Athena's has."""

import re
from dataclasses import dataclass

_BEGINNING = re.compile(r"(?:\(\?[a-z]+\))?(?:\^|\\A)")
_LOOKAHEAD = re.compile(r"\(\?([=!])")
_PIECE = re.compile(r"\\Q.*?(?:\\E|\Z)|\\.|\[\^?\]?|[()\]|]|.", re.DOTALL)


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
