"""Confirms a pointer: its delivery must be the one that the watcher makes of the objects that are there.

Whoever can post an event can write a pointer. So nothing in one is believed that its keys and a listing do not give.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from acceptance.contract.contract import Contract, Resent, Single
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.file_groups import GroupKey, Role
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.deliveries.routing import routes
from acceptance.errors import PointerRefused, UnroutableKey


def delivery_of_keys(pointer: DeliveryPointer, contract: Contract, contracts: Sequence[Contract]) -> Delivery:
    """Return the delivery of the contract that the pointer's keys make. `contracts` are all that are installed.

    Raises:
        PointerRefused: the contract has no such keys, or they make another delivery than the pointer says.
    """
    group_of_keys(pointer.members, contract, contracts)
    members = tuple(sorted(pointer.members, key=lambda member: member.key))
    business_date, fields = contract.template.read(members[0].key)
    delivery = Delivery(contract.dataset, business_date, members, fields, pointer.revision)
    for fact, said, given in (
        ("business date", pointer.business_date.isoformat(), business_date.isoformat()),
        ("fields", dict(pointer.fields), dict(fields)),
        ("id", pointer.id, delivery.id),
    ):
        if said != given:
            raise PointerRefused(f"the pointer has the {fact} {said}, but its objects give {given}")
    return delivery


def group_of_keys(members: Sequence[LandingObject], contract: Contract, contracts: Sequence[Contract]) -> GroupKey:
    """Return the group that all these files belong to. Raises PointerRefused for files that make no delivery."""
    if isinstance(contract.completion, Single) and len(members) > 1:
        raise PointerRefused(f"a delivery of {contract.dataset} is one file, and the pointer names {len(members):,}")
    groups = {_group_of_key(member, contract, contracts) for member in members}
    if len(groups) > 1:
        some = sorted(group.title for group in groups)[:2]
        raise PointerRefused(f"the pointer names files of several deliveries, such as {' and '.join(some)}")
    return groups.pop()


def refuse_other_versions(delivery: Delivery, contract: Contract, present: Mapping[str, LandingObject]) -> None:
    """Raise PointerRefused unless each member is the version that S3 lists. `present` are objects by key."""
    for member in delivery.members:
        now = present.get(member.key)
        if now is None:
            raise PointerRefused(f"{member.uri} is not there; deliver it again, and the watcher announces it")
        if now != member and not (contract.resent is Resent.IGNORE and _is_resent(member, now)):
            raise PointerRefused(
                f"{member.uri} is not the version that the pointer names: {_version(now)} is there, the pointer has "
                f"{_version(member)}; the watcher announces what is there"
            )


def refuse_other_files(delivery: Delivery, whole: Delivery) -> None:
    """Raise PointerRefused unless the files are those of the complete delivery that their group makes now."""
    named, complete = ({member.key for member in each.members} for each in (delivery, whole))
    if named != complete:
        others = sorted(named ^ complete)
        raise PointerRefused(
            f"the pointer names files: {len(named):,}, but those that are there make a delivery of {len(complete):,}; "
            f"they differ in {', '.join(others[:3])}{' and others' if len(others) > 3 else ''}"
        )


def _group_of_key(member: LandingObject, contract: Contract, contracts: Sequence[Contract]) -> GroupKey:
    try:
        found = routes(member.bucket, member.key, contracts)
    except UnroutableKey as error:
        raise PointerRefused(str(error)) from error
    for route in found:
        if route.contract.dataset == contract.dataset and route.role is Role.MEMBER:
            return route.group
    raise PointerRefused(
        f"{member.uri} is no file of {contract.dataset}: it is the {found[0].role} of {found[0].group.title}"
    )


def _is_resent(member: LandingObject, now: LandingObject) -> bool:
    """Return True if `now` has the same bytes, put later: no delivery of its own under `resent: ignore`."""
    return now.last_modified >= member.last_modified and now == replace(member, last_modified=now.last_modified)


def _version(landed: LandingObject) -> str:
    return f"etag {landed.etag}, {landed.size:,} bytes, of {landed.last_modified.isoformat()}"
