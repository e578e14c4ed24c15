"""The files that belong together: from the first that is seen to the delivery that they make, and on to the next.

A group is a value. What a listing says comes into it by `absorb` and `relisted`, `completeness.decide` says what is to
be done, and what was done comes into it by `completed` and `told`. Objects are compared by what they are, never by
when or in which order they were seen.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from acceptance.contract.contract import Contract, Manifest, Marker, Resent
from acceptance.contract.keys.signal_file import FILE, after_file
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.errors import UnroutableKey


class Role(StrEnum):
    """What an object is in its group. Marker and manifest are its signal, and never among its members."""

    MEMBER = "member"
    MARKER = "marker"
    MANIFEST = "manifest"


@dataclass(frozen=True, slots=True)
class GroupKey:
    """Whose files belong together. `fields` are the contract's `group_fields`, in the order of its key template."""

    dataset: str
    business_date: date
    fields: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        """20 hexadecimal digits of the SHA-256 of all of it."""
        parts = (self.dataset, self.business_date.isoformat(), self.fields)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]

    @property
    def title(self) -> str:
        """`<dataset> <business date> <name>=<value> ...`"""
        return " ".join((self.dataset, self.business_date.isoformat(), *map("=".join, self.fields)))


@dataclass(frozen=True, slots=True)
class Group:
    """The objects of a group that are there now, by key, and what became of them so far. All times are in UTC.

    There is news when an object came or was replaced since the last delivery: `opened_at` is when that began, None
    when there is none. `changed_at` is the last change of any kind, files that went among them. `listed` is whether
    nothing has changed since the whole group was listed. `revision` counts the deliveries; `delivered` and
    `delivered_signals` are the versions of the last one. `told` is the last finding that could not wait for the
    deadline; `overdue`, that the deadline passed and this was told.
    """

    key: GroupKey
    members: Mapping[str, LandingObject] = field(default_factory=dict)
    signals: Mapping[str, LandingObject] = field(default_factory=dict)
    opened_at: datetime | None = None
    changed_at: datetime | None = None
    listed: bool = False
    revision: int = 0
    delivered: tuple[LandingObject, ...] = ()
    delivered_signals: tuple[LandingObject, ...] = ()
    told: str = ""
    overdue: bool = False

    @property
    def signal(self) -> LandingObject | None:
        """The marker or manifest; of several the first by key."""
        return min(self.signals.values(), default=None)


def group_key(contract: Contract, business_date: date, fields: Mapping[str, str]) -> GroupKey:
    return GroupKey(contract.dataset, business_date, tuple((name, fields[name]) for name in contract.group_fields))


def place(contract: Contract, key: str) -> tuple[GroupKey, Role]:
    """The group of a key in the contract's bucket. Raises UnroutableKey with what does not fit the key template.

    A key that fits both is the signal's: `_SUCCESS` is no file of data, even where a `{file}` may have any name. Where
    the signal's name holds `{file}`, that may be the whole name: a.done and a.csv.done both tell of a.csv.
    """
    if contract.signal is not None:
        role = Role.MARKER if isinstance(contract.completion, Marker) else Role.MANIFEST
        try:
            business_date, fields = contract.signal.read(key)
        except UnroutableKey:
            pass  # what the template says is the better reason
        else:
            if FILE in fields:
                fields[FILE] = fields[FILE].removesuffix(after_file(contract.template)) or fields[FILE]
            return group_key(contract, business_date, fields), role
    return group_key(contract, *contract.template.read(key)), Role.MEMBER


def group_prefix(contract: Contract, key: GroupKey) -> str:
    """What all keys of the group start with, its signal's as well; keys of others may do so, too."""
    beginnings = [
        template.beginning(key.business_date, dict(key.fields))
        for template in (contract.template, contract.signal)
        if template is not None
    ]
    shortest, longest = min(beginnings), max(beginnings)
    differs = (index for index, (one, other) in enumerate(zip(shortest, longest, strict=False)) if one != other)
    return shortest[: next(differs, len(shortest))]


def absorb(
    group: Group,
    contract: Contract,
    now: datetime,
    *,
    members: Iterable[LandingObject] = (),
    signals: Iterable[LandingObject] = (),
    gone: Iterable[str] = (),
) -> Group:
    """The group with objects that came or were replaced, and without the keys that are gone.

    What it knows already changes nothing. Under `resent: ignore` a delivered file that comes again with its bytes
    takes the place of the old version in what was delivered, so that it is no news.
    """
    missing = set(gone)
    present = _changed(group.members, members, missing)
    signalled = _changed(group.signals, signals, missing)
    if (present, signalled) == (group.members, group.signals):
        return group
    changed = replace(
        group,
        members=present,
        signals=signalled,
        changed_at=now,
        listed=False,
        delivered=_without_resent(group.delivered, present) if contract.resent is Resent.IGNORE else group.delivered,
        told=group.told if signalled == group.signals else "",  # a new signal is a new statement
    )
    return _opened(changed, contract, now)


def relisted(group: Group, contract: Contract, objects: Iterable[LandingObject], now: datetime) -> Group:
    """The group as a listing of its whole prefix shows it; objects of others in it are left out."""
    found: dict[Role, list[LandingObject]] = {role: [] for role in Role}
    for landed in objects:
        try:
            key, role = place(contract, landed.key)
        except UnroutableKey:
            continue
        if key == group.key:
            found[role].append(landed)
    signals = found[Role.MARKER] + found[Role.MANIFEST]
    there = {landed.key for landed in (*found[Role.MEMBER], *signals)}
    gone = {*group.members, *group.signals} - there
    changed = absorb(group, contract, now, members=found[Role.MEMBER], signals=signals, gone=gone)
    return replace(changed, listed=True)


def completed(group: Group, contract: Contract, delivery: Delivery, now: datetime) -> Group:
    """The group after its delivery was remembered."""
    done = replace(
        group,
        opened_at=None,
        revision=delivery.revision,
        delivered=delivery.members,
        delivered_signals=tuple(sorted(group.signals.values())),
    )
    return _opened(done, contract, now)


def _opened(group: Group, contract: Contract, now: datetime) -> Group:
    """Begins or ends the time in which there is news; each time has a deadline of its own, and is told of anew."""
    news = _has_news(group, contract)
    if news and group.opened_at is not None:
        return group
    return replace(group, opened_at=now if news else None, told="", overdue=False)


def _has_news(group: Group, contract: Contract) -> bool:
    if not set(group.delivered).issuperset(group.members.values()):
        return True
    # A marker put again says nothing new of files that were delivered; a manifest may list others than before.
    speaks = isinstance(contract.completion, Manifest) or not group.members
    return speaks and not set(group.delivered_signals).issuperset(group.signals.values())


def _changed(
    known: Mapping[str, LandingObject], came: Iterable[LandingObject], gone: set[str]
) -> Mapping[str, LandingObject]:
    return {key: landed for key, landed in known.items() if key not in gone} | {landed.key: landed for landed in came}


def _without_resent(
    delivered: tuple[LandingObject, ...], present: Mapping[str, LandingObject]
) -> tuple[LandingObject, ...]:
    def latest(before: LandingObject) -> LandingObject:
        now = present.get(before.key, before)
        return now if (now.etag, now.size) == (before.etag, before.size) else before

    return tuple(map(latest, delivered))
