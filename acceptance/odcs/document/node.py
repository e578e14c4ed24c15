"""A value of a document with its line, and the list of problems that readers find."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from itertools import chain, count
from typing import Any, TypeVar

from acceptance.errors import Problem, nearest

At = tuple[str | int, ...]
"""The path from the root to a value: keys and indices."""

Choice = TypeVar("Choice", bound=StrEnum)

_LONGEST = timedelta(hours=48)  # a Glue job's own default timeout
_DURATION = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,4})m)?(?:(\d{1,6})s)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Source:
    """A document's path, the line of each of its values, and the problems so far.

    `notes` are about valid parts that Aceite does not check.
    """

    path: str
    lines: dict[At, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    def refuse(self, at: At, message: str) -> None:
        """Record a problem at a value; for an absent value, at the line of its parent."""
        self.problems.append(self._at(at, message))

    def note(self, at: At, message: str) -> None:
        self.notes.append(self._at(at, message))

    def _at(self, at: At, message: str) -> Problem:
        while at not in self.lines and at:
            at = at[:-1]
        return Problem(self.path, self.lines.get(at, 0), message)


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place. An absent child is a node whose value is None."""

    value: Any
    source: Source
    at: At = ()

    def __getitem__(self, key: str) -> "Node":
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return Node(value, self.source, (*self.at, key))

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, dict) and key in self.value

    def __iter__(self) -> Iterator["Node"]:
        """Return the items of a list or the values of a mapping; nothing for other values."""
        pairs: Iterable[tuple[str | int, Any]] = ()
        if isinstance(self.value, dict):
            pairs = self.value.items()
        elif isinstance(self.value, list):
            pairs = enumerate(self.value)
        yield from (Node(value, self.source, (*self.at, key)) for key, value in pairs)

    @property
    def key(self) -> str:
        """Return the key or index of the value."""
        return str(self.at[-1])

    @property
    def where(self) -> str:
        """Return the path as people write it: servers[0].location."""
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.at)
        return text.removeprefix(".") or "the document"

    @property
    def line(self) -> int:
        return self.source.lines.get(self.at, 0)

    def refuse(self, message: str) -> None:
        self.source.refuse(self.at, f"{self.where}: {message}")

    def note(self, message: str) -> None:
        self.source.note(self.at, f"{self.where}: {message}")

    def refuse_unknown_keys(self, allowed: Collection[str]) -> None:
        for child in self:
            if child.key not in allowed:
                child.refuse(f"unknown key; {hint(child.key, allowed)}")

    def text(self, default: str = "") -> str:
        """Return the value if it is a text that is not blank, the default if it is absent; refuse anything else."""
        if self.value is None:
            return default
        if not isinstance(self.value, str) or not self.value:
            self.refuse(f"found {shown(self.value)}, a text is needed; quote it if it is one")
            return default
        return self.value

    def choice(self, default: Choice) -> Choice:
        """Return the member that the value names, of the enum of the default; the default for an absent value."""
        members = tuple(type(default))
        if self.value is None:
            return default
        if self.value not in members:
            self.refuse(f"found {shown(self.value)}; {hint(str(self.value), members)}")
            return default
        return type(default)(self.value)

    def flag(self, default: bool = False) -> bool:
        if not isinstance(self.value, bool | None):
            self.refuse(f"found {shown(self.value)}; allowed: true, false")
        return self.value if isinstance(self.value, bool) else default

    def duration(self, default: str) -> timedelta:
        """Return the duration, such as 30s, 5m or 1h30m. For a refused value the result has no meaning."""
        match = _DURATION.fullmatch(default if self.value is None else str(self.value))
        hours, minutes, seconds = (int(number or 0) for number in (match.groups() if match else (0, 0, 0)))
        duration = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if not timedelta() < duration <= _LONGEST:
            self.refuse(f"found {shown(self.value)}; a duration is such as 30s, 5m, 2h or 1h30m, at most 48h")
        return duration

    def mapping(self) -> "Node":
        """Return the node if it holds a mapping, else one without keys; refuse any other value that is not absent."""
        if not isinstance(self.value, dict | None):
            self.refuse(f"found {shown(self.value)}, a mapping is needed")
        return self if isinstance(self.value, dict) else replace(self, value={})

    def sequence(self) -> tuple["Node", ...]:
        if not isinstance(self.value, list | None):
            self.refuse(f"found {shown(self.value)}, a list is needed")
        return tuple(self) if isinstance(self.value, list) else ()


def free_name(stem: str, taken: Collection[str]) -> str:
    """Return the stem, or the stem with the first number from 2 that makes it a free name."""
    return next(name for name in chain((stem,), (f"{stem}_{number}" for number in count(2))) if name not in taken)


def hint(found: str, allowed: Collection[str]) -> str:
    """Return the allowed words and the one that was probably meant; for a long list only the latter."""
    near = nearest(found, allowed)
    meant = [] if near is None else [f"did you mean '{near}'?"]
    listed = [] if meant and len(allowed) > 12 else [f"allowed: {_listed(tuple(allowed))}"]
    return "; ".join(listed + meant)


def _listed(words: Sequence[str]) -> str:
    more = len(words) - _MOST_LISTED
    return ", ".join(words[:_MOST_LISTED]) + (f" and {more:,} more" if more > 0 else "")


_MOST_LISTED = 60


def shown(value: Any) -> str:
    """Return a value as messages show it: in YAML's words, and short."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str() if len(value) > 60:
            return repr(value[:57] + "...")
        case _:
            return repr(value)
