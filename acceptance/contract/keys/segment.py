"""One segment of a key template, between two "/", and how it reads a key."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import pairwise

from acceptance.contract.keys.tokens import BUSINESS_DATE, DIGITS, Placeholder, Token
from acceptance.errors import UnroutableKey

Values = Mapping[Placeholder, str]


@dataclass(frozen=True)  # without slots, for a cached property needs a place
class Segment:
    """Literal texts and placeholders. Of several named fields, each takes as few characters as it can, but one.

    A wildcard takes as few as it can, or none.
    """

    tokens: tuple[Token, ...]
    regex: re.Pattern[str] = field(repr=False, compare=False)

    @classmethod
    def of(cls, tokens: tuple[Token, ...]) -> "Segment":
        """Raises ValueError if two fields stand side by side: nothing would say where the first one ends."""
        for left, right in pairwise(tokens):
            if _is_field(left) and _is_field(right):
                raise ValueError(f"{left} and {right} stand side by side; put a text between them")
        return cls(tokens, re.compile(_regex(tokens)))

    @cached_property
    def placeholders(self) -> tuple[Placeholder, ...]:
        return tuple(token for token in self.tokens if isinstance(token, Placeholder))

    def fits(self, text: str) -> bool:
        return self.regex.fullmatch(text) is not None

    def read(self, text: str, known: Values) -> Values:
        """Return the known values with those that the text adds. Raises UnroutableKey if the two disagree."""
        match = self.regex.fullmatch(text)
        values = dict(known)
        for placeholder, value in zip(self.placeholders, match.groups() if match else (), strict=True):
            if values.setdefault(placeholder, value) != value:
                raise UnroutableKey(f"{placeholder} is both {values[placeholder]!r} and {value!r}")
        return values

    def __str__(self) -> str:
        return re.sub(rf"(%\w)\}}\{{{BUSINESS_DATE}:", r"\1", "".join(map(str, self.tokens)))


def split(tokens: Sequence[Token]) -> tuple[Segment, ...]:
    """Split a whole pattern into segments. Raises ValueError as `Segment.of` does."""
    segments: list[list[Token]] = [[]]
    for token in tokens:
        first, *others = token.split("/") if isinstance(token, str) else [token]
        segments[-1].append(first)
        segments.extend([other] for other in others)
    return tuple(Segment.of(tuple(token for token in segment if token)) for segment in segments)


def date_of(values: Values) -> date | None:
    """Return the business date, None while a part of it is unknown. Raise UnroutableKey for an impossible date."""
    parts = [values.get(Placeholder(BUSINESS_DATE, directive), "") for directive in DIGITS]
    if not all(parts):
        return None
    try:
        return date(*map(int, parts))
    except ValueError as error:
        raise UnroutableKey(f"the business date {'-'.join(parts)} does not exist: {error}") from error


def _is_field(token: Token) -> bool:
    return isinstance(token, Placeholder) and token.is_field


def _regex(tokens: tuple[Token, ...]) -> str:
    """Reads in time linear in the text: a field ends for good where what follows it first fits (an atomic group).

    That loses no text: what was given up for one field, the next field takes.
    """
    fields, regex = sum(map(_is_field, tokens)), ""
    for token in tokens:
        if isinstance(token, str):
            regex += re.escape(token)
        elif token.directive:
            regex += f"([0-9]{{{DIGITS[token.directive]}}})"
        else:
            regex += (")" if "?:" in regex or "?>" in regex else "") + ("(?>" if fields > 1 else "(?:")
            regex += "([^/]*?)" if token.is_wildcard else "([^/]+?)"
            fields -= 1
    return regex + (")" if any(map(_is_field, tokens)) else "")
