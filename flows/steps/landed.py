"""The tasks that read landed files: those of the delivery, and those of others in its partition."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from prefect import task

from acceptance.contract.contract import Contract, Single
from acceptance.counted import counted
from acceptance.deliveries.completeness import Complete
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.file_groups import Group
from acceptance.deliveries.pointer_check import group_of_keys, refuse_other_files, refuse_other_versions
from acceptance.errors import ObjectDeleted, ObjectReplaced, PointerRefused
from acceptance.proof import partition_rows as partitions
from aws.s3 import objects as s3
from aws.s3.completion import Completion
from flows.installation.clients import load_clients
from flows.steps.retries import REPEATABLE
from flows.steps.timeline import StepResult
from landed.delivery import Landed, LandedMember, landed_facts, read_members, read_objects, rows_in, sums_by_bucket


@task(name="confirm the delivery", **REPEATABLE)
def confirm_delivery(delivery: Delivery, contract: Contract) -> StepResult:
    """List the delivery's objects. Raise PointerRefused unless they make this delivery now.

    The delivery is one that its keys give. No object of it is read, but by a manifest that states digests.
    """
    client = load_clients().landing_s3
    if isinstance(contract.completion, Single):
        (member,) = delivery.members
        listed = s3.listed_object(client, member.bucket, member.key)
        refuse_other_versions(delivery, contract, {member.key: listed} if listed else {})
        return StepResult()
    now, completion = datetime.now(UTC), Completion(client)
    group = completion.listed_again(Group(group_of_keys(delivery.members, contract, (contract,))), contract, now)
    refuse_other_versions(delivery, contract, group.members)
    last = max(landed.last_modified for landed in group.members.values())
    _, found = completion.decided(replace(group, changed_at=last), contract, now)
    if not isinstance(found, Complete):
        raise PointerRefused(f"{group.key.title} is not complete: {found.why}")
    refuse_other_files(delivery, found.delivery)
    return StepResult()


@task(name="read what landed", **REPEATABLE)
def read_delivery(delivery: Delivery, contract: Contract) -> StepResult:
    landed: Landed = landed_facts(delivery, read_members(load_clients().landing_s3, delivery, contract))
    ids = {"sha256": landed.members[0].sha256} if len(landed.members) == 1 else {}
    return StepResult(landed, ids, landed.summary)


@task(name="read the other files of the partition", **REPEATABLE)
def read_others(delivery: Delivery, contract: Contract) -> StepResult:
    """Read the other deliveries' files whose rows the partition holds. Unreadable files never came into it."""
    for last in (False, False, True):
        try:
            read = _listed_and_read(delivery, contract)
            break
        except (ObjectReplaced, ObjectDeleted):  # somebody delivers at this moment: list again
            if last:
                raise
    others = tuple(
        partitions.OtherFile(other.landed, other.file.fingerprint, partitions.is_later(delivery, other.landed))
        for other in read
        if other.file.fingerprint is not None
    )
    later = sum(other.later for other in others)
    return StepResult(others, detail=f"{counted(len(others), 'file')} of other deliveries, {later} later")


def _listed_and_read(delivery: Delivery, contract: Contract) -> Sequence[LandedMember]:
    client = load_clients().landing_s3
    beginning = contract.template.beginning(delivery.business_date, {})
    listed = tuple(s3.list_objects(client, contract.template.bucket, beginning))
    return read_objects(client, partitions.others_of_partition(contract, delivery, listed), contract)


@task(name="look for a newer version", **REPEATABLE)
def newer_version(delivery: Delivery) -> StepResult:
    """Return which file of the delivery somebody replaced since it was listed, and what that means; else ""."""
    client, members = load_clients().landing_s3, {member.key: member for member in delivery.members}
    below = delivery.first.key if len(members) == 1 else delivery.prefix
    for listed in s3.list_objects(client, delivery.first.bucket, below):
        known = members.get(listed.key)
        if known is not None and listed != known:
            return StepResult(f"{known.uri}: somebody replaced it; the new version is another delivery")
    return StepResult("", detail="none")


@task(name="sum what landed by bucket", **REPEATABLE)
def sum_by_bucket(objects: Sequence[LandingObject], contract: Contract, buckets: int) -> StepResult:
    sums = sums_by_bucket(load_clients().landing_s3, objects, contract, buckets)
    return StepResult(sums, detail=f"{buckets} buckets")


@task(name="read the landed rows that differ", **REPEATABLE)
def read_differing(
    objects: Sequence[LandingObject], contract: Contract, buckets: int, wanted: frozenset[int]
) -> StepResult:
    rows = rows_in(load_clients().landing_s3, objects, contract, buckets, wanted)
    return StepResult(rows, detail=f"{counted(sum(rows.values()), 'row')} in {counted(len(wanted), 'bucket')}")
