"""Rights become the statements of an IAM policy: one for each purpose, and none that another one makes needless."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from itertools import product
from typing import Any

MOST_CHARACTERS = 6144
"""Of a managed policy, white space not counted: docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


class Duty(StrEnum):
    """Whose policy: that of the host that watches, that of those that judge, or that of one which does both.

    DOCTOR is what `aceite doctor` needs beside ALL.
    """

    WATCHER = "watcher"
    VALIDATOR = "validator"
    ALL = "all"
    DOCTOR = "doctor"


@dataclass(frozen=True, slots=True)
class Purpose:
    """`lists`: its resources are buckets, of which prefixes are listed. `through`: services that use a key for us."""

    sid: str
    why: str
    actions: tuple[str, ...]
    lists: bool = False
    through: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Right:
    """One resource for one purpose. A `prefix` is what a listing of the bucket may ask for, None for anything."""

    purpose: Purpose
    resource: str
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """`condition` is as in the document: {"StringLike": {"s3:prefix": [...]}}, or empty."""

    sid: str
    why: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """(action, resource): all of them are needed."""
        return tuple(product(self.actions, self.resources))

    def to_dict(self) -> dict[str, Any]:
        said = {"Sid": self.sid, "Effect": "Allow", "Action": list(self.actions), "Resource": list(self.resources)}
        return {**said, "Condition": self.condition} if self.condition else said


def document(granted: Iterable[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [statement.to_dict() for statement in granted]}


def characters(granted: Iterable[Statement]) -> int:
    """As IAM counts them."""
    return len(json.dumps(document(granted), separators=(",", ":"), ensure_ascii=False))


def merged(rights: Iterable[Right], region: str) -> tuple[Statement, ...]:
    """One statement for each purpose; where prefixes are listed, for each bucket: a condition is for all of it."""
    groups: dict[tuple[Purpose, str], list[Right]] = {}
    for right in _needed(tuple(dict.fromkeys(rights))):
        groups.setdefault((right.purpose, right.resource if right.purpose.lists else ""), []).append(right)
    numbers: dict[Purpose, int] = {}
    found = []
    for (purpose, _), together in groups.items():
        number = numbers[purpose] = numbers.get(purpose, 0) + 1
        sid = purpose.sid if number == 1 else f"{purpose.sid}{number}"
        resources = tuple(dict.fromkeys(right.resource for right in together))
        found.append(Statement(sid, purpose.why, purpose.actions, resources, _condition(purpose, together, region)))
    return tuple(found)


def _condition(purpose: Purpose, rights: Sequence[Right], region: str) -> Mapping[str, Mapping[str, Sequence[str]]]:
    if purpose.through:
        return {
            "StringEquals": {"kms:ViaService": [f"{service}.{region}.amazonaws.com" for service in purpose.through]}
        }
    prefixes = sorted({right.prefix for right in rights if right.prefix is not None})
    return {"StringLike": {"s3:prefix": prefixes}} if prefixes else {}


def _needed(rights: Sequence[Right]) -> Iterator[Right]:
    """Without those that another one grants as well; of two that grant the same, the first is kept."""
    for place, right in enumerate(rights):
        others = ((at, other) for at, other in enumerate(rights) if at != place and _grants(other, right))
        if not any(at < place or not _grants(right, other) for at, other in others):
            yield right


def _grants(one: Right, other: Right) -> bool:
    """Whether who has the one has the other as well."""
    return (
        set(other.purpose.actions) <= set(one.purpose.actions)
        and one.purpose.through == other.purpose.through
        and _covers(one.resource, other.resource)
        and (one.prefix is None or (other.prefix is not None and _covers(one.prefix, other.prefix)))
    )


def _covers(pattern: str, other: str) -> bool:
    """Whether all that the other pattern stands for, this one does; a "no" may be wrong."""
    return pattern == other or _expression(pattern).fullmatch(other) is not None


@lru_cache(10_000)
def _expression(pattern: str) -> re.Pattern[str]:
    """`*` and `?` of the other pattern are characters here, and a `?` of this one is no `*` of the other."""
    parts = re.split(r"(\$\{[*?$]\}|[*?])", pattern)
    return re.compile("".join({"*": ".*", "?": "[^*]"}.get(part, re.escape(part)) for part in parts), re.DOTALL)
