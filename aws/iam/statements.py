"""Permissions become statements of an IAM policy: one per purpose, without what another one already grants."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import Any

from aws.iam.arns import Pattern

MOST_CHARACTERS = 6144
"""Limit of a managed policy without white space: docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

MOST_POLICIES = 10
"""Managed policies that a role takes, unless its account has a higher quota: the same page."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why a permission is needed. `lists`: it lists prefixes of buckets. `through`: services that use a key for us."""

    sid: str
    why: str
    actions: tuple[str, ...]
    lists: bool = False
    through: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Permission:
    """One resource for one purpose. `prefix` limits what a listing of the bucket may ask for; None is no limit."""

    purpose: Purpose
    resource: Pattern
    prefix: Pattern | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. `condition` is as in the document: {"StringLike": {"s3:prefix": [...]}}, or empty."""

    sid: str
    why: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return every (action, resource) that the statement allows; Aceite needs all of them."""
        return tuple(product(self.actions, self.resources))

    def to_dict(self) -> dict[str, Any]:
        allow = {"Sid": self.sid, "Effect": "Allow", "Action": list(self.actions), "Resource": list(self.resources)}
        return {**allow, "Condition": self.condition} if self.condition else allow


def document(granted: Iterable[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [statement.to_dict() for statement in granted]}


def characters(granted: Iterable[Statement]) -> int:
    """Return the number of characters of the policy as IAM counts them."""
    return len(json.dumps(document(granted), separators=(",", ":"), ensure_ascii=False))


def merge(permissions: Iterable[Permission], region: str, domain: str = "amazonaws.com") -> tuple[Statement, ...]:
    """Return one statement per purpose; for listings, one per bucket, as a condition holds for a whole statement.

    Services use keys for us under their names in `region` and `domain`.
    """
    groups: dict[tuple[Purpose, str], list[Permission]] = {}
    for permission in needed(tuple(dict.fromkeys(permissions))):
        bucket = permission.resource if permission.purpose.lists else ""
        groups.setdefault((permission.purpose, bucket), []).append(permission)
    numbers: dict[Purpose, int] = {}
    merged = []
    for (purpose, _), together in groups.items():
        number = numbers[purpose] = numbers.get(purpose, 0) + 1
        sid = purpose.sid if number == 1 else f"{purpose.sid}{number}"
        resources = tuple(dict.fromkeys(permission.resource for permission in together))
        condition = _condition(purpose, together, f"{region}.{domain}")
        merged.append(Statement(sid, purpose.why, purpose.actions, resources, condition))
    return tuple(merged)


def _condition(
    purpose: Purpose, permissions: Sequence[Permission], place: str
) -> Mapping[str, Mapping[str, Sequence[str]]]:
    if purpose.through:
        return {"StringEquals": {"kms:ViaService": [f"{service}.{place}" for service in purpose.through]}}
    prefixes = sorted({permission.prefix for permission in permissions if permission.prefix is not None})
    return {"StringLike": {"s3:prefix": prefixes}} if prefixes else {}


def needed(permissions: Sequence[Permission]) -> Iterator[Permission]:
    """Drop permissions that another one already covers; of two that cover each other, keep the first."""
    for place, permission in enumerate(permissions):
        others = ((at, other) for at, other in enumerate(permissions) if at != place and _grants(other, permission))
        if not any(at < place or not _grants(permission, other) for at, other in others):
            yield permission


def _grants(one: Permission, other: Permission) -> bool:
    """Return True if `one` covers `other`."""
    return (
        set(other.purpose.actions) <= set(one.purpose.actions)
        and one.purpose.through == other.purpose.through
        and _covers(one.resource, other.resource)
        and (one.prefix is None or (other.prefix is not None and _covers(one.prefix, other.prefix)))
    )


def _covers(pattern: str, other: str) -> bool:
    """Return True if `pattern` matches all that `other` matches. False may be wrong."""
    return pattern == other or _expression(pattern).fullmatch(other) is not None


@lru_cache(10_000)
def _expression(pattern: str) -> re.Pattern[str]:
    """Compile a pattern that matches patterns: their `*` and `?` are plain characters, and its `?` matches no `*`."""
    parts = re.split(r"(\$\{[*?$]\}|[*?])", pattern)
    return re.compile("".join({"*": ".*", "?": "[^*]"}.get(part, re.escape(part)) for part in parts), re.DOTALL)
