"""Positions of a cell in a record of fixed width: its first and its last character, from 1."""

import re

Positions = tuple[int, int]

_POSITIONS = re.compile(r"([1-9][0-9]{0,5})(?:-([1-9][0-9]{0,5}))?", re.ASCII)


def positions_in(text: str) -> Positions | None:
    """Return the positions that a text such as 1-10 or 7 names; None if it names none."""
    match = _POSITIONS.fullmatch(text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    return (first, last) if first <= last else None


def positions_text(positions: Positions) -> str:
    first, last = positions
    return str(first) if first == last else f"{first}-{last}"
