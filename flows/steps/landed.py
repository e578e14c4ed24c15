"""The tasks that read landed files: those of the delivery, and those of others in its partition."""

from collections.abc import Sequence

from prefect import task

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.proof import partition_rows as partitions
from aws.s3 import objects as s3
from flows.installation.clients import load_clients
from flows.steps.retries import REPEATABLE
from flows.steps.timeline import Done
from landed.delivery import read_members, read_objects, rows_in, sums_by_bucket
from landed.facts import Landed, landed_of


@task(name="read what landed", **REPEATABLE)
def read_delivery(delivery: Delivery, contract: Contract) -> Done:
    landed: Landed = landed_of(delivery, read_members(load_clients().landing_s3, delivery, contract))
    ids = {"sha256": landed.members[0].sha256} if len(landed.members) == 1 else {}
    return Done(landed, ids, landed.summary)


@task(name="read the other files of the partition", **REPEATABLE)
def read_others(delivery: Delivery, contract: Contract) -> Done:
    """The files of other deliveries whose rows the partition holds; those that cannot be read never came into it."""
    client = load_clients().landing_s3
    beginning = contract.template.beginning(delivery.business_date, {})
    listed = tuple(s3.list_objects(client, contract.template.bucket, beginning))
    read = read_objects(client, partitions.others_of_partition(contract, delivery, listed), contract)
    found = tuple(
        partitions.OtherFile(each.landed, each.file.fingerprint, partitions.is_later(delivery, each.landed))
        for each in read
        if each.file.fingerprint is not None
    )
    return Done(found, detail=f"{len(found)} files of other deliveries, {sum(other.later for other in found)} later")


@task(name="sum what landed by bucket", **REPEATABLE)
def sum_by_bucket(objects: Sequence[LandingObject], contract: Contract, buckets: int) -> Done:
    sums = sums_by_bucket(load_clients().landing_s3, objects, contract, buckets)
    return Done(sums, detail=f"{buckets} buckets")


@task(name="read the landed rows that differ", **REPEATABLE)
def read_differing(objects: Sequence[LandingObject], contract: Contract, buckets: int, wanted: frozenset[int]) -> Done:
    rows = rows_in(load_clients().landing_s3, objects, contract, buckets, wanted)
    return Done(rows, detail=f"{len(rows)} rows in {len(wanted)} buckets")
