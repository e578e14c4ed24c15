"""Decide by the contract's rule whether a group of files is a complete delivery, and if not, what is wrong with it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from acceptance.contract.contract import Contract, Count, Manifest, Marker, Quiet, Single
from acceptance.contract.keys.template import KeyTemplate
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.file_groups import Group, Role, locate
from acceptance.deliveries.landed_manifest import MOST_BYTES, DigestOf, Entry, Unreadable, compare, too_large
from acceptance.deliveries.pointer import more_than_prefect_takes
from acceptance.errors import UnroutableKey

MOST_MISSING_KEPT = 100
_MOST_SHOWN = 5
_MOST_DIGITS = 9


class Need(StrEnum):
    """Facts that `decide` needs from S3 first."""

    MANIFEST = "manifest"  # the content of the group's manifest, as `read_manifest` returns it
    DIGESTS = "digests"  # of the bytes of files
    UPLOADS = "uploads"  # the keys of the multipart uploads in progress below the group's prefix
    LISTING = "listing"  # of the group's prefix, for `relisted`


@dataclass(frozen=True, slots=True)
class Complete:
    """The delivery is complete. `left_out` are the keys of files that the manifest does not list.

    A manifest that is put again and lists the delivered files completes the same delivery again, with the same id and
    revision.
    """

    delivery: Delivery
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not yet complete. Meet the needs in order, then decide again; without needs, at the next change or tick.

    `digests` are those that Need.DIGESTS asks for. `missing` is what people are notified of when it is due.
    """

    why: str
    needs: tuple[Need, ...] = ()
    digests: tuple[DigestOf, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Incomplete:
    """People must be notified once: `mark_notified` records it in the group. The group may still become complete.

    `missing` are keys, or a description of what has no key. `overdue`: the reason is that the deadline passed. If not,
    the sender made a wrong statement, so the notification does not wait for the deadline.
    """

    missing: tuple[str, ...]
    why: str
    overdue: bool = True


_Files = tuple[LandingObject, ...] | Waiting | Incomplete


def decide(
    group: Group,
    contract: Contract,
    now: datetime,
    *,
    manifest: Sequence[Entry] | Unreadable | None = None,
    uploads: Collection[str] | None = None,
    digests: Mapping[DigestOf, str] | None = None,
) -> Complete | Waiting | Incomplete:
    """Decide what to do with a group. The answers to needs are None until the caller has asked S3.

    `manifest` is that of the version in the group. `uploads` were listed before the group's last listing, so an upload
    that ended in between is in the listing. `digests` are in lower-case hexadecimal.
    """
    if group.opened_at is None:
        return Waiting("nothing has landed since the last delivery")
    match contract.completion:
        case Marker(signal):
            files = _marked(group, contract, signal)
        case Manifest(signal):
            files = _listed(group, contract, signal, manifest, digests or {})
        case Count(count):
            files = _counted(group, contract, count)
        case Quiet() as quiet:
            files = _quiet(group, contract, quiet, now, uploads)
        case Single():
            files = tuple(group.members.values()) or Waiting("there is no file")
    match files:
        case Waiting():
            return files
        case Incomplete():
            return _notify_when_due(group, contract, files, now)
    complete = _complete(group, contract, files)
    if too_many := more_than_prefect_takes(complete.delivery):
        return _notify_when_due(group, contract, Incomplete((), too_many, overdue=False), now)
    return complete


def deadline(group: Group, contract: Contract) -> datetime | None:
    """Return when people are notified that a group is incomplete; None while there is nothing to wait for."""
    if group.opened_at is None or isinstance(contract.completion, Single):
        return None
    return group.opened_at + contract.completion.within


def mark_waiting(group: Group, finding: Waiting | Incomplete) -> Group:
    """Return the group with what it waits for, for people who ask."""
    return replace(group, waits_for=finding.why, missing=finding.missing[:MOST_MISSING_KEPT])


def mark_notified(group: Group, finding: Incomplete) -> Group:
    return replace(group, overdue=True) if finding.overdue else replace(group, notified=finding.why)


def _notify_when_due(group: Group, contract: Contract, finding: Incomplete, now: datetime) -> Waiting | Incomplete:
    if finding.overdue:
        until = deadline(group, contract)
        due = until is not None and now >= until and not group.overdue
    else:
        due = group.notified != finding.why
    return finding if due else Waiting(finding.why, missing=finding.missing)


def _complete(group: Group, contract: Contract, files: tuple[LandingObject, ...]) -> Complete:
    members = tuple(sorted(files))
    again = group.revision > 0 and members == group.delivered
    _, fields = contract.template.read(members[0].key)
    revision = group.revision if again else group.revision + 1
    left_out = tuple(sorted(group.members.keys() - {member.key for member in members}))
    delivery = Delivery(group.key.dataset, group.key.business_date, members, fields, revision)
    return Complete(delivery, left_out)


def _marked(group: Group, contract: Contract, signal: KeyTemplate) -> _Files:
    if group.signal is None:
        return Incomplete((_key_of(signal, group),), f"no marker has landed; files landed: {len(group.members)}")
    if not group.listed:
        return Waiting("the marker has landed; the watcher must list its files again", (Need.LISTING,))
    if not group.members:
        why = f"the marker {group.signal.uri} has landed, but no file that it covers"
        return Incomplete((_key_of(contract.template, group),), why, overdue=False)
    return tuple(group.members.values())


def _listed(
    group: Group,
    contract: Contract,
    signal: KeyTemplate,
    read: Sequence[Entry] | Unreadable | None,
    digests: Mapping[DigestOf, str],
) -> _Files:
    manifest = group.signal
    if manifest is None:
        return Incomplete((_key_of(signal, group),), f"no manifest has landed; files landed: {len(group.members)}")
    if len(group.signals) > 1:
        why = f"{len(group.signals)} manifests have landed, but a delivery has one: {_some(sorted(group.signals))}"
        return Incomplete((), why, overdue=False)
    if manifest.size > MOST_BYTES:
        why = f"the manifest {manifest.uri} is invalid: {too_large(manifest.size)}"
        return Incomplete((), why, overdue=False)
    if read is None:
        return Waiting("the manifest has landed; the watcher must read it", (Need.MANIFEST,))
    if isinstance(read, Unreadable):
        return Incomplete((), read.reason, overdue=False)
    others = [entry.key for entry in read if not _is_member(entry.key, group, contract)]
    if others:
        why = f"the manifest {manifest.uri} lists files outside of this delivery, {_key_of(contract.template, group)}: "
        return Incomplete(tuple(others), why + _some(others), overdue=False)
    return _verified(group, read, digests)


def _verified(group: Group, entries: Sequence[Entry], digests: Mapping[DigestOf, str]) -> _Files:
    """Return the files that the manifest lists, if each has landed and matches its entry."""
    compared = compare(entries, group.members, digests)
    if compared.absent or compared.wrong:
        absent = f"files that have not landed: {len(compared.absent)} of the {len(entries)} in the manifest"
        sentences = (*([absent] if compared.absent else []), *_first_of(tuple(compared.wrong.values())))
        return Incomplete((*compared.absent, *compared.wrong), "; ".join(sentences))
    if compared.unverified:
        return Waiting("all files have landed; the watcher must verify bytes", (Need.DIGESTS,), compared.unverified)
    files = tuple(group.members[entry.key] for entry in entries)
    extra = sorted(group.members.keys() - {landed.key for landed in files})
    if extra and set(files) == set(group.delivered):
        return Incomplete(
            (), f"files landed after the complete delivery that its manifest does not list: {_some(extra)}"
        )
    return files


def _counted(group: Group, contract: Contract, count: int | str) -> _Files:
    number = dict(group.key.fields)[count] if isinstance(count, str) else str(count)
    if not (number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS):
        why = f"the field {count} of {_key_of(contract.template, group)} is {number!r}, which is not a number of files"
        return Incomplete((), why, overdue=False)
    missing = int(number) - len(group.members)
    if missing < 0:
        why = f"files landed: {len(group.members)}, more than the {int(number)} of the delivery: "
        return Incomplete((), why + _some(sorted(group.members)), overdue=False)
    if missing:
        why = f"files landed: {len(group.members)} of {int(number)}"
        return Incomplete((f"{missing} more of {_key_of(contract.template, group)}",), why)
    return tuple(group.members.values())


def _quiet(group: Group, contract: Contract, quiet: Quiet, now: datetime, uploads: Collection[str] | None) -> _Files:
    missing = quiet.at_least - len(group.members)
    if missing > 0:
        why = f"files landed: {len(group.members)} of at least {quiet.at_least}"
        return Incomplete((f"{missing} more of {_key_of(contract.template, group)}",), why)
    if group.changed_at is None or now - group.changed_at < quiet.quiet_for:
        why = f"files still land: the last change was at {group.changed_at}, and none may follow for {quiet.quiet_for}"
        return Incomplete((), why)
    if uploads is None or not group.listed:
        return Waiting("no file has landed for a while; the watcher must list uploads", (Need.UPLOADS, Need.LISTING))
    in_progress = tuple(sorted({key for key in uploads if _is_member(key, group, contract)}))
    if in_progress:
        return Incomplete(in_progress, f"multipart uploads are in progress: {_some(in_progress)}")
    return tuple(group.members.values())


def _is_member(key: str, group: Group, contract: Contract) -> bool:
    try:
        return locate(contract, key) == (group.key, Role.MEMBER)
    except UnroutableKey:
        return False


def _key_of(template: KeyTemplate, group: Group) -> str:
    """Return the key of the group's files for people, with the fields that are known."""
    return template.written_as_known(group.key.business_date, dict(group.key.fields))


def _some(keys: Sequence[str]) -> str:
    return ", ".join(_first_of(keys))


def _first_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the first few texts, and how many more there are."""
    more = [f"and {len(texts) - _MOST_SHOWN} more"] if len(texts) > _MOST_SHOWN else []
    return (*texts[:_MOST_SHOWN], *more)
