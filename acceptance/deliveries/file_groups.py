"""Groups of files that belong together: from their first file to the delivery that they make, and on to the next.

A group is a value. `absorb` and `relisted` add what a listing shows, `completeness.decide` says what to do, and
`completed` and `mark_notified` record what was done. Objects compare by identity, never by when or in which order the
watcher saw them.
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
from acceptance.untrusted_text import one_line


class Role(StrEnum):
    """The role of an object in its group. Marker and manifest are signals, never members."""

    MEMBER = "member"
    MARKER = "marker"
    MANIFEST = "manifest"


@dataclass(frozen=True, slots=True)
class GroupKey:
    """The identity of a group. `fields` are the contract's `group_fields`, in the order of its key template."""

    dataset: str
    business_date: date
    fields: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        """Return 20 hexadecimal digits of the SHA-256 of all of it."""
        parts = (self.dataset, self.business_date.isoformat(), self.fields)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]

    @property
    def title(self) -> str:
        """Return `<dataset> <business date> <name>=<value> ...`"""
        return one_line(" ".join((self.dataset, self.business_date.isoformat(), *map("=".join, self.fields))))


@dataclass(frozen=True, slots=True)
class Group:
    """The present objects of a group, by key, and its history. All times are in UTC.

    A group is open if an object landed or was replaced since the last delivery: `opened_at` is when that began, None
    if the group is closed. `changed_at` is the last change of any kind, deletions included. `listed`: nothing changed
    since the last listing of the whole group. `revision` counts the deliveries; `delivered` and `delivered_signals` are
    the versions of the last one. `notified` is the last finding that did not wait for the deadline; `overdue`: people
    were notified that the deadline passed. `waits_for` says why an open group is not complete, and `missing` the first
    of what it lacks.
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
    notified: str = ""
    overdue: bool = False
    waits_for: str = ""
    missing: tuple[str, ...] = ()

    @property
    def signal(self) -> LandingObject | None:
        """Return the marker or manifest; of several, the first by key."""
        return min(self.signals.values(), default=None)


def group_key(contract: Contract, business_date: date, fields: Mapping[str, str]) -> GroupKey:
    return GroupKey(contract.dataset, business_date, tuple((name, fields[name]) for name in contract.group_fields))


def locate(contract: Contract, key: str) -> tuple[GroupKey, Role]:
    """Return the group and role of a key in the contract's bucket. Raise UnroutableKey if it fits no template.

    A key that fits both templates is a signal: `_SUCCESS` is not a data file, even if a `{file}` may have any name. A
    `{file}` in the signal's name may be the whole name: a.done and a.csv.done both announce a.csv.
    """
    if contract.signal is not None:
        role = Role.MARKER if isinstance(contract.completion, Marker) else Role.MANIFEST
        try:
            business_date, fields = contract.signal.read(key)
        except UnroutableKey:
            pass  # the key template's error is the better reason
        else:
            if FILE in fields:
                fields[FILE] = fields[FILE].removesuffix(after_file(contract.template)) or fields[FILE]
            return group_key(contract, business_date, fields), role
    return group_key(contract, *contract.template.read(key)), Role.MEMBER


def group_prefix(contract: Contract, key: GroupKey) -> str:
    """Return the prefix of all keys of the group, signals included; keys of other groups may share it."""
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
    """Return the group with objects that landed or were replaced, and without the keys that are gone.

    Known objects change nothing. Under `resent: ignore` a delivered file that lands again with the same bytes replaces
    the old version in `delivered`, so that it does not open the group.
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
        notified=group.notified if signalled == group.signals else "",  # a new signal is a new statement
    )
    return _opened(changed, contract, now)


def relisted(group: Group, contract: Contract, objects: Iterable[LandingObject], now: datetime) -> Group:
    """Return the group as a listing of its whole prefix shows it, without the objects of other groups."""
    listed: dict[Role, list[LandingObject]] = {role: [] for role in Role}
    for landed in objects:
        try:
            key, role = locate(contract, landed.key)
        except UnroutableKey:
            continue
        if key == group.key:
            listed[role].append(landed)
    signals = listed[Role.MARKER] + listed[Role.MANIFEST]
    present = {landed.key for landed in (*listed[Role.MEMBER], *signals)}
    gone = {*group.members, *group.signals} - present
    changed = absorb(group, contract, now, members=listed[Role.MEMBER], signals=signals, gone=gone)
    return replace(changed, listed=True)


def completed(group: Group, contract: Contract, delivery: Delivery, now: datetime) -> Group:
    """Return the group after the ledger recorded its delivery."""
    done = replace(
        group,
        opened_at=None,
        revision=delivery.revision,
        delivered=delivery.members,
        delivered_signals=tuple(sorted(group.signals.values())),
    )
    return _opened(done, contract, now)


def _opened(group: Group, contract: Contract, now: datetime) -> Group:
    """Open or close the group; each opening has its own deadline and its own notifications."""
    news = _has_news(group, contract)
    if news and group.opened_at is not None:
        return group
    return replace(group, opened_at=now if news else None, notified="", overdue=False, waits_for="", missing=())


def _has_news(group: Group, contract: Contract) -> bool:
    if not set(group.delivered).issuperset(group.members.values()):
        return True
    # A marker put again says nothing new about delivered files; a manifest may list other files than before.
    counts = isinstance(contract.completion, Manifest) or not group.members
    return counts and not set(group.delivered_signals).issuperset(group.signals.values())


def _changed(
    known: Mapping[str, LandingObject], new: Iterable[LandingObject], gone: set[str]
) -> Mapping[str, LandingObject]:
    return {key: landed for key, landed in known.items() if key not in gone} | {landed.key: landed for landed in new}


def _without_resent(
    delivered: tuple[LandingObject, ...], present: Mapping[str, LandingObject]
) -> tuple[LandingObject, ...]:
    def latest(before: LandingObject) -> LandingObject:
        now = present.get(before.key, before)
        return now if (now.etag, now.size) == (before.etag, before.size) else before

    return tuple(map(latest, delivered))
