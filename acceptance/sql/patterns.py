"""Check regular expressions when a contract is loaded. Athena matches them, by Java's grammar.

Python's `re` has nearly the same grammar. This module translates Java's own syntax, only for the check, and refuses
syntax that only Python has: it would fail the query that judges the delivery. Athena's engine (Joni) is no Java in all:
it has other names of properties, and takes `\\xe9` for a byte, which is no character.
"""

import re
from collections.abc import Iterator

from acceptance.sql.character_properties import is_property

_PIECE = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|\Z)"
    r"|\\[pP]\{(?P<property>[^}]*)\}"
    r"|\\x\{(?P<character>[0-9A-Fa-f]{1,6})\}"
    r"|(?P<byte>\\x[89A-Fa-f][0-9A-Fa-f])"
    r"|\{(?P<repeats>[0-9]+)(?:,(?P<most>[0-9]*))?\}"
    r"|(?P<opening>\[\^?\]?)"  # a bracket that closes nothing yet is a letter
    r"|\(\?<(?P<name>[A-Za-z][A-Za-z0-9]*)>"
    r"|\(\?(?P<flags>[A-Za-z]*(?:-[A-Za-z]+)?)(?P<flagged>[:)])"
    r"|(?P<strange>\(\?P|\(\?\(|\\[UN])"
    r"|\\.|.",
    re.DOTALL | re.ASCII,
)
_MOST_REPEATS = 100_000
_FLAGS = re.compile("[imsx]*(-[imsx]+)?")


def problem_of(pattern: str) -> str:
    """Return why Athena cannot compile the pattern, or ""."""
    try:
        re.compile("".join(_translated(pattern)))  # compiled but never matched: Athena does that
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        return str(error)
    return ""


def _translated(pattern: str) -> Iterator[str]:
    """Yield the pieces in the syntax of `re`. It lacks nested classes, so those are flattened to their members."""
    depth = 0
    for found in _PIECE.finditer(pattern):
        depth += (found["opening"] is not None) - (found[0] == "]" and depth > 0)
        if found["quoted"] is not None:
            yield re.escape(found["quoted"])
        elif found["property"] is not None:
            yield _property(found["property"])
        elif found["byte"]:
            raise ValueError(f"Athena takes {found[0]} for a byte, not a character; write the character itself")
        elif found["character"]:
            yield re.escape(chr(int(found["character"], 16)))
        elif found["strange"] and (not depth or found[0].startswith("\\")):
            raise ValueError(f"{found['strange']} is Python's, not Java's, where a group is named by (?<name>...)")
        elif depth and (depth > 1 or not found["opening"]):
            yield re.escape(found[0]) if found[0][0] in "[]&" else found[0]
        else:
            yield _outside(found)


def _property(name: str) -> str:
    if not is_property(name):
        advice = f"; write {name[2:]}" if name.lower().startswith("is") and is_property(name[2:]) else ""
        allowed = "categories (L, Lu, Nd), scripts (Latin, Han), blocks (InGreek), Alpha, Digit, Punct and the like"
        raise ValueError(f"Athena knows no property {name!r}{advice}; allowed: {allowed}")
    return r"\w"


def _outside(found: re.Match[str]) -> str:
    """Return a piece outside of character classes in the syntax of `re`."""
    if found["name"]:
        return f"(?P<{found['name']}>"
    if found["flagged"]:
        if not _FLAGS.fullmatch(found["flags"]):
            raise ValueError(f"the flags of {found[0]} are not known; allowed: i, m, s, x")
        return "(?:" if found["flagged"] == ":" else ""
    if found["repeats"] and max(int(found["repeats"]), int(found["most"] or 0)) > _MOST_REPEATS:
        raise ValueError(f"{found[0]} repeats more often than Athena allows, {_MOST_REPEATS:,} times")
    return found[0].replace(r"\z", r"\Z")
