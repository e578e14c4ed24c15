"""Whether a group of files is a delivery yet, by the rule of its contract; and if not, what is missing, or too much."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from acceptance.contract.contract import Contract, Count, Manifest, Marker, Quiet, Single
from acceptance.contract.keys.template import KeyTemplate
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.file_groups import Group, Role, place
from acceptance.deliveries.landed_manifest import MOST_BYTES, DigestOf, Entry, Unreadable, compare, too_large
from acceptance.deliveries.pointer import more_than_prefect_takes
from acceptance.errors import UnroutableKey

_MOST_SHOWN = 5
_MOST_DIGITS = 9


class Need(StrEnum):
    """What S3 must be asked before it can be decided."""

    MANIFEST = "manifest"  # the content of the group's manifest, as `read_manifest` returns it
    DIGESTS = "digests"  # of the bytes of files
    UPLOADS = "uploads"  # the keys of the multipart uploads in progress below the group's prefix
    LISTING = "listing"  # of the group's prefix, for `relisted`


@dataclass(frozen=True, slots=True)
class Complete:
    """The delivery is all there. `left_out` are the keys of files that the manifest does not list.

    A manifest that was put again and lists what was delivered completes the same delivery again: same id, same
    revision.
    """

    delivery: Delivery
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not yet. The needs are to be met in their order, and then decided again; without any, at the next change or tick.

    `digests` are those that Need.DIGESTS asks for.
    """

    why: str
    needs: tuple[Need, ...] = ()
    digests: tuple[DigestOf, ...] = ()


@dataclass(frozen=True, slots=True)
class Incomplete:
    """People must be told, once: `told` puts it into the group. The group stays; it may still be completed.

    `missing` are keys, or in words what has no key. `overdue` is whether it is told because the deadline passed.
    """

    missing: tuple[str, ...]
    why: str
    overdue: bool


@dataclass(frozen=True, slots=True)
class _Lacking:
    """`at_once`: the sender has spoken, so the deadline is not waited for."""

    missing: tuple[str, ...]
    why: str
    at_once: bool = False


_Found = tuple[LandingObject, ...] | Waiting | _Lacking


def decide(
    group: Group,
    contract: Contract,
    now: datetime,
    *,
    manifest: Sequence[Entry] | Unreadable | None = None,
    uploads: Collection[str] | None = None,
    digests: Mapping[DigestOf, str] | None = None,
) -> Complete | Waiting | Incomplete:
    """What is to be done with a group. The answers to needs are None until S3 was asked.

    `manifest` is of the version that the group holds. `uploads` were looked for before the group was listed last, so
    that one which ended in between is in the listing. `digests` are in lower-case hexadecimal.
    """
    if group.opened_at is None:
        return Waiting("nothing has come since the last delivery")
    match contract.completion:
        case Marker(signal):
            found = _marked(group, contract, signal)
        case Manifest(signal):
            found = _listed(group, contract, signal, manifest, digests or {})
        case Count(files):
            found = _counted(group, contract, files)
        case Quiet() as quiet:
            found = _quiet(group, contract, quiet, now, uploads)
        case Single():
            found = tuple(group.members.values()) or Waiting("there is no file")
    match found:
        case Waiting():
            return found
        case _Lacking():
            return _told_in_time(group, contract, found, now)
    complete = _complete(group, contract, found)
    if too_many := more_than_prefect_takes(complete.delivery):
        return _told_in_time(group, contract, _Lacking((), too_many, at_once=True), now)
    return complete


def deadline(group: Group, contract: Contract) -> datetime | None:
    """When people are told that a group is incomplete; None while there is nothing to wait for."""
    if group.opened_at is None or isinstance(contract.completion, Single):
        return None
    return group.opened_at + contract.completion.within


def told(group: Group, finding: Incomplete) -> Group:
    return replace(group, overdue=True) if finding.overdue else replace(group, told=finding.why)


def _told_in_time(group: Group, contract: Contract, lacking: _Lacking, now: datetime) -> Waiting | Incomplete:
    if lacking.at_once:
        due = group.told != lacking.why
    else:
        until = deadline(group, contract)
        due = until is not None and now >= until and not group.overdue
    return Incomplete(lacking.missing, lacking.why, not lacking.at_once) if due else Waiting(lacking.why)


def _complete(group: Group, contract: Contract, found: tuple[LandingObject, ...]) -> Complete:
    members = tuple(sorted(found))
    again = group.revision > 0 and members == group.delivered
    _, fields = contract.template.read(members[0].key)
    revision = group.revision if again else group.revision + 1
    left_out = tuple(sorted(group.members.keys() - {member.key for member in members}))
    delivery = Delivery(group.key.dataset, group.key.business_date, members, fields, revision)
    return Complete(delivery, left_out)


def _marked(group: Group, contract: Contract, signal: KeyTemplate) -> _Found:
    if group.signal is None:
        return _Lacking((_for_people(signal, group),), f"no marker has come; files there: {len(group.members)}")
    if not group.listed:
        return Waiting("the marker is there; what it is about must be listed after it was seen", (Need.LISTING,))
    if not group.members:
        why = f"the marker {group.signal.uri} is there, but no file that it is about"
        return _Lacking((_member_key(group, contract),), why, at_once=True)
    return tuple(group.members.values())


def _listed(
    group: Group,
    contract: Contract,
    signal: KeyTemplate,
    read: Sequence[Entry] | Unreadable | None,
    digests: Mapping[DigestOf, str],
) -> _Found:
    manifest = group.signal
    if manifest is None:
        return _Lacking((_for_people(signal, group),), f"no manifest has come; files there: {len(group.members)}")
    if len(group.signals) > 1:
        why = f"there are {len(group.signals)} manifests, exactly one can be followed: {_some(sorted(group.signals))}"
        return _Lacking((), why, at_once=True)
    if manifest.size > MOST_BYTES:
        why = f"the manifest {manifest.uri} cannot be followed: {too_large(manifest.size)}"
        return _Lacking((), why, at_once=True)
    if read is None:
        return Waiting("the manifest is there and must be read", (Need.MANIFEST,))
    if isinstance(read, Unreadable):
        return _Lacking((), read.reason, at_once=True)
    strangers = [entry.key for entry in read if not _is_member(entry.key, group, contract)]
    if strangers:
        why = f"the manifest {manifest.uri} lists what is no file of this delivery, {_member_key(group, contract)}: "
        return _Lacking(tuple(strangers), why + _some(strangers), at_once=True)
    return _verified(group, read, digests)


def _verified(group: Group, entries: Sequence[Entry], digests: Mapping[DigestOf, str]) -> _Found:
    """What the manifest lists, if each file is there and agrees."""
    compared = compare(entries, group.members, digests)
    if compared.absent or compared.wrong:
        absent = f"files that have not come: {len(compared.absent)} of the {len(entries)} in the manifest"
        sentences = (*([absent] if compared.absent else []), *_first_of(tuple(compared.wrong.values())))
        return _Lacking((*compared.absent, *compared.wrong), "; ".join(sentences))
    if compared.unverified:
        return Waiting("all files are there; their bytes must be verified", (Need.DIGESTS,), compared.unverified)
    found = tuple(group.members[entry.key] for entry in entries)
    extra = sorted(group.members.keys() - {landed.key for landed in found})
    if extra and set(found) == set(group.delivered):
        why = f"the delivery was complete; files are there that its manifest does not list: {_some(extra)}"
        return _Lacking((), why)
    return found


def _counted(group: Group, contract: Contract, files: int | str) -> _Found:
    number = dict(group.key.fields)[files] if isinstance(files, str) else str(files)
    if not (number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS):
        why = f"the field {files} of {_member_key(group, contract)} is {number!r}, which is no number of files"
        return _Lacking((), why, at_once=True)
    lacking = int(number) - len(group.members)
    if lacking < 0:
        why = f"files there: {len(group.members)}, more than the {int(number)} of the delivery: "
        return _Lacking((), why + _some(sorted(group.members)), at_once=True)
    if lacking:
        why = f"files there: {len(group.members)} of {int(number)}"
        return _Lacking((f"{lacking} more of {_member_key(group, contract)}",), why)
    return tuple(group.members.values())


def _quiet(group: Group, contract: Contract, quiet: Quiet, now: datetime, uploads: Collection[str] | None) -> _Found:
    lacking = quiet.at_least - len(group.members)
    if lacking > 0:
        why = f"files there: {len(group.members)} of at least {quiet.at_least}"
        return _Lacking((f"{lacking} more of {_member_key(group, contract)}",), why)
    if group.changed_at is None or now - group.changed_at < quiet.quiet_for:
        why = f"files still come, the last change was at {group.changed_at}; none may for {quiet.quiet_for}"
        return _Lacking((), why)
    if uploads is None or not group.listed:
        return Waiting("no file has come for a while; uploads are looked for", (Need.UPLOADS, Need.LISTING))
    own = tuple(sorted({key for key in uploads if _is_member(key, group, contract)}))
    if own:
        return _Lacking(own, f"multipart uploads are in progress: {_some(own)}")
    return tuple(group.members.values())


def _is_member(key: str, group: Group, contract: Contract) -> bool:
    try:
        return place(contract, key) == (group.key, Role.MEMBER)
    except UnroutableKey:
        return False


def _member_key(group: Group, contract: Contract) -> str:
    return _for_people(contract.template, group)


def _for_people(template: KeyTemplate, group: Group) -> str:
    return template.written_as_known(group.key.business_date, dict(group.key.fields))


def _some(keys: Sequence[str]) -> str:
    return ", ".join(_first_of(keys))


def _first_of(texts: Sequence[str]) -> tuple[str, ...]:
    """The first few, and how many more there are."""
    more = [f"and {len(texts) - _MOST_SHOWN} more"] if len(texts) > _MOST_SHOWN else []
    return (*texts[:_MOST_SHOWN], *more)
