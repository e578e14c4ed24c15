"""Regular expressions as Athena reads them, which is as Java does: checked when the contract is loaded, matched there.

Python's `re` knows nearly the same grammar. What is written otherwise in Java is translated before it looks, only for
looking; what Python alone knows is refused, as it would fail the query that judges the delivery.
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
    """Why Athena could not compile the pattern; empty if it can."""
    try:
        re.compile("".join(_translated(pattern)))  # and never matched: the engine of the table does that
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        return str(error)
    return ""


def _translated(pattern: str) -> Iterator[str]:
    """The pieces as `re` writes them. Of a class within a class, which it does not know, the members are enough."""
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
    """A piece that is of no class of letters."""
    if found["name"]:
        return f"(?P<{found['name']}>"
    if found["flagged"]:
        if not _FLAGS.fullmatch(found["flags"]):
            raise ValueError(f"the flags of {found[0]} are not known; allowed: i, m, s, x")
        return "(?:" if found["flagged"] == ":" else ""
    return found[0].replace(r"\z", r"\Z")
