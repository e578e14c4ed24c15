"""Permissions of many contracts become fewer and wider, so that the policies of fifty contracts fit IAM's limits.

Only three things become wider: keys in a bucket, prefixes of its listings, and tables of a database. Functions, jobs,
parameters and whatever else a contract names stay exact, because their names have no folders that tell whose they are.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from aws.iam.arns import Pattern, pattern
from aws.iam.statements import Permission, Purpose, needed

MOST_BESIDE = 4
"""How many patterns one purpose has in one bucket or database. More of them become a wildcard for their folders."""

_KEYS = re.compile(r"(?P<place>arn:[^:]+:s3:::[^/]+/)(?P<inside>.+)", re.DOTALL)
_TABLES = re.compile(r"(?P<place>arn:[^:]+:glue:[^:]*:[^:]*:table/(?:.+/)?)(?P<inside>[^/]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Widening:
    """A wildcard that stands for so many patterns of the contracts. A listing has a place, the bucket, of its own."""

    purpose: Purpose
    wildcard: str
    stands_for: int
    place: str = ""


def compact(permissions: Iterable[Permission]) -> tuple[list[Permission], tuple[Widening, ...]]:
    """Return permissions that cover the given ones, and what is wider in them."""
    groups: dict[tuple[Purpose, str, bool], list[Permission]] = {}
    for permission in needed(tuple(dict.fromkeys(permissions))):
        groups.setdefault((permission.purpose, *_place(permission)), []).append(permission)
    kept: list[Permission] = []
    widened: list[Widening] = []
    for (purpose, place, lists), group in groups.items():
        inside = [_inside(permission, place) for permission in group]
        wildcards = _wildcards(inside) if place else inside
        if wildcards == inside:
            kept += group
            continue
        for wildcard in dict.fromkeys(wildcards):
            covered = wildcards.count(wildcard)
            if lists:
                kept.append(replace(group[0], prefix=wildcard))
            else:
                kept.append(replace(group[0], resource=pattern(Pattern(place), wildcard)))
            if covered > 1:
                said = wildcard if lists else f"{place}{wildcard}"
                widened.append(Widening(purpose, said, covered, place if lists else ""))
    return kept, tuple(widened)


def _place(permission: Permission) -> tuple[str, bool]:
    """Return the bucket or database that the permission is for, and True for a listing; "" for what stays exact."""
    if permission.purpose.lists:
        return ("" if permission.prefix is None else permission.resource), True
    named = _KEYS.fullmatch(permission.resource) or _TABLES.fullmatch(permission.resource)
    return (named["place"] if named else ""), False


def _inside(permission: Permission, place: str) -> Pattern:
    if permission.purpose.lists:
        return permission.prefix or Pattern("")
    return Pattern(permission.resource.removeprefix(place))


def _wildcards(inside: Sequence[Pattern]) -> list[Pattern]:
    """Return for each pattern itself, or the wildcard of its folders: of as many as leave few different ones."""
    depth = max(each.count("/") for each in inside)
    wildcards = list(inside)
    while len(set(wildcards)) > MOST_BESIDE:
        wildcards = [_below(each, depth) for each in inside]
        depth -= 1
    return wildcards


def _below(inside: Pattern, depth: int) -> Pattern:
    """Return the wildcard of everything in the first `depth` folders of the pattern; it covers the pattern."""
    folders = inside.split("/")
    return inside if len(folders) <= depth else Pattern("/".join([*folders[:depth], "*"]))
