"""Check regular expressions when a contract is loaded. Athena matches them, by Java's grammar.

Python's `re` has nearly the same grammar. This module translates Java's own syntax, only for the check, and refuses
syntax that only Python has: it would fail the query that judges the delivery.
"""

import re
from collections.abc import Iterator

_PIECE = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|\Z)"
    r"|(?P<property>\\[pP]\{\^?\w+(?:=\w+)?\})"
    r"|(?P<opening>\[\^?\]?)"  # a bracket that closes nothing yet is a letter
    r"|\(\?<(?P<name>[A-Za-z][A-Za-z0-9]*)>"
    r"|\(\?(?P<flags>[A-Za-z]*(?:-[A-Za-z]+)?)(?P<flagged>[:)])"
    r"|(?P<strange>\(\?P|\(\?\(|\\[UN])"
    r"|\\.|.",
    re.DOTALL | re.ASCII,
)
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
        elif found["property"]:
            yield r"\w"
        elif found["strange"] and (not depth or found[0].startswith("\\")):
            raise ValueError(f"{found['strange']} is Python's, not Java's, where a group is named by (?<name>...)")
        elif depth and (depth > 1 or not found["opening"]):
            yield re.escape(found[0]) if found[0][0] in "[]&" else found[0]
        else:
            yield _outside(found)


def _outside(found: re.Match[str]) -> str:
    """Return a piece outside of character classes in the syntax of `re`."""
    if found["name"]:
        return f"(?P<{found['name']}>"
    if found["flagged"]:
        if not _FLAGS.fullmatch(found["flags"]):
            raise ValueError(f"the flags of {found[0]} are not known; allowed: i, m, s, x")
        return "(?:" if found["flagged"] == ":" else ""
    return found[0].replace(r"\z", r"\Z")
