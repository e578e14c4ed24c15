"""The steps of a run as Prefect tasks: each is one call into `aws`, named by what it does. Retries live only here.

A task that starts something has none: on an unclear answer it must not be done twice, and `aws` looks what was done.
The others are tried again when AWS or the network is the trouble, or when the credentials are denied something, which
for some seconds may be a policy on its way. What waits has a deadline of its own, and asks until then.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from prefect import Task, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import flow_run

from acceptance.contract.contract import Contract, Table
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.object_keys import evidence_uri
from acceptance.judging.facts import CatalogFacts
from acceptance.proof import partition_rows as partitions
from aws import athena
from aws import lambda_functions as functions
from aws import parameters as ssm
from aws.glue import catalog as glue
from aws.glue import jobs as glue_jobs
from aws.s3 import objects as s3
from flows.evidence import files as evidence_files
from flows.evidence.chain import Chain
from flows.installation.clients import load_clients
from flows.locks import claims
from flows.locks.holder import is_over, this_holder
from flows.locks.overrides import Overrides
from flows.prefect_api.runs import has_ended
from flows.steps.timeline import Done, may_pass
from landed.delivery import read_members, read_objects, rows_in, sums_by_bucket
from landed.facts import Landed, landed_of


def _may_pass(_: Task[..., Any], __: TaskRun, state: State[Any]) -> bool:
    return may_pass(state.result(raise_on_failure=False))


REPEATABLE: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": [1, 5, 20],
    "retry_condition_fn": _may_pass,
    "cache_policy": NO_CACHE,
}
ONCE: dict[str, Any] = {"retries": 0, "cache_policy": NO_CACHE}

START_WITHIN = timedelta(seconds=20)
"""How long Glue may take to answer that it started a job; the job itself takes what the contract allows."""


class Claimed(StrEnum):
    """Empty if this run may not judge the delivery. What it took over may have been begun with by the run before."""

    NOT = ""
    NEW = "new"
    TAKEN_OVER = "taken over"


@task(name="claim", **REPEATABLE)
def claim(delivery: Delivery, flow_run_id: str, within: timedelta) -> Done:
    """A Claimed: this run may judge what nobody claimed, or what the run that did left without a verdict.

    It keeps it for `within` at the longest. To the hour, so that those of one run are looked at as one.
    """
    clients, now = load_clients(), datetime.now(UTC)
    until = (now + within + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    bucket, client = clients.evidence_bucket, clients.evidence_s3
    holder = this_holder(flow_run_id)
    if claims.take_claim(client, bucket, delivery, holder, now, until):
        return Done(Claimed.NEW, detail=f"delivery {delivery.id} is ours")
    if evidence_files.has_evidence(client, bucket, delivery):
        sealed = evidence_files.finish_abandoned(client, bucket, delivery, flow_run_id, has_ended)
        told = f"; its run died before it was sealed, which is done now: manifest {sealed.number}" if sealed else ""
        return Done(Claimed.NOT, detail=f"there is a verdict already{told}")
    earlier = claims.read_claim(client, bucket, delivery)
    if earlier is None:
        return Done(Claimed.NOT, detail="the claim vanished")
    if earlier.flow_run_id == flow_run_id:  # by a call whose answer was lost, which may have been a takeover
        return Done(Claimed.TAKEN_OVER, detail="our own claim")
    if not is_over(earlier.holder, earlier.until):
        return Done(Claimed.NOT, detail=f"run {earlier.flow_run_id} is working on it")
    taken = claims.take_over(client, bucket, delivery, earlier, holder, now, until)
    claimed = Claimed.TAKEN_OVER if taken else Claimed.NOT
    return Done(claimed, detail=f"run {earlier.flow_run_id} ended without a verdict")


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


@task(name="override parameter", **REPEATABLE)
def override_parameter(
    delivery: Delivery, parameter: str, copy_of: str | None, changes: Mapping[str, Any], within: timedelta
) -> Done:
    """It is noted in the evidence bucket first, so that also another run could restore it; `within` it is restored."""
    overrides = _overrides()
    overridden = overrides.override(overrides.note(delivery, parameter, copy_of, within), changes)
    detail = f"copy of {copy_of}, {', '.join(changes)} set" if copy_of else f"{', '.join(changes)} set"
    return Done(overridden, detail="; ".join((*overrides.told, detail)))


@task(name="restore parameter", **REPEATABLE)
def restore(overridden: ssm.Overridden) -> Done:
    restore_now(overridden)
    return Done(detail="as before" if overridden.earlier is not None else "deleted, as there was none before")


def restore_now(overridden: ssm.Overridden) -> None:
    """Without a task, for a run of which Prefect runs no more."""
    _overrides().give_back(overridden)


def _overrides() -> Overrides:
    return Overrides(load_clients(), this_holder(flow_run.id), get_run_logger())


@task(name="invoke function", **ONCE)
def invoke_function(function: str, payload: Any, asynchronous: bool, within: timedelta) -> Done:
    client = load_clients().once("lambda", within)
    answer = functions.invoke(client, function, payload, asynchronous=asynchronous, within=within)
    detail = "accepted for asynchronous execution" if asynchronous else f"answered {_short(answer.payload)}"
    return Done(answer, {"request_id": answer.request_id}, detail)


@task(name="await object", **REPEATABLE)
def await_object(uri: str, known: frozenset[LandingObject], within: timedelta) -> Done:
    s3.await_object(load_clients().of("s3"), uri, known=known, within=within)
    return Done(detail="it is there")


@task(name="look at what is there", **REPEATABLE)
def look_at(uris: Sequence[str]) -> Done:
    """By uri: the object versions that are there before the pipeline runs."""
    client = load_clients().of("s3")
    found = {uri: s3.versions_at(client, uri) for uri in uris}
    return Done(found, detail=f"{sum(map(len, found.values()))} objects of earlier deliveries")


@task(name="list job runs", **REPEATABLE)
def list_job_runs(job: str) -> Done:
    known = glue_jobs.job_run_ids(load_clients().of("glue"), job)
    return Done(known, detail=f"{len(known)} earlier runs")


@task(name="await earlier Glue runs", **REPEATABLE)
def await_earlier_job_runs(job: str, mentioning: str, within: timedelta) -> Done:
    ended = glue_jobs.await_unfinished_runs(load_clients().of("glue"), job, mentioning, within=within)
    return Done(ended, {"job_run_ids": ", ".join(ended)} if ended else {}, ", ".join(ended) or "none goes on")


@task(name="await Glue job", **REPEATABLE)
def await_glue_job(job: str, known: frozenset[str], mentioning: str, within: timedelta) -> Done:
    client = load_clients().of("glue")
    began = datetime.now(UTC)
    started = glue_jobs.await_started_run(client, job, known=known, mentioning=mentioning, within=within)
    return _ended(client, job, started.id, _left(within, began), ours=started.mentions(mentioning))


@task(name="run Glue job", **ONCE)
def run_glue_job(job: str, arguments: Mapping[str, str], within: timedelta) -> Done:
    began = datetime.now(UTC)
    run_id = glue_jobs.start_job_run(load_clients().once("glue", START_WITHIN), job, arguments, within=within)
    return _ended(load_clients().of("glue"), job, run_id, _left(within, began), ours=True)


def _left(within: timedelta, began: datetime) -> timedelta:
    return max(within - (datetime.now(UTC) - began), timedelta(0))


def _ended(client: Any, job: str, run_id: str, within: timedelta, *, ours: bool) -> Done:
    run = glue_jobs.await_job_run(client, job, run_id, within=within, ours=ours)
    return Done(run, {"job_run_id": run.id}, f"{run.state} after {run.execution_time_s} s")


@task(name="look in the catalog", **REPEATABLE)
def look_in_catalog(table: Table, partition: Mapping[str, str]) -> Done:
    """The table as the Glue catalog has it, and whether the delivery's partition is there and holds objects."""
    clients = load_clients()
    found = glue.read_table(clients.of("glue"), table.database, table.name)
    if found is None:
        facts = CatalogFacts({}, partition_found=False, has_objects=False, location=None)
        return Done(facts, detail=f"there is no table {table.database}.{table.name}")
    location: str | None = found.location
    if partition:
        entry = glue.find_partition(clients.of("glue"), found, partition)
        location = entry.location if entry else None
    columns = {column.name: column.type for column in (*found.columns, *found.partition_keys)}
    has_objects = location is not None and s3.object_exists(clients.of("s3"), location.rstrip("/") + "/")
    facts = CatalogFacts(columns, partition_found=location is not None, has_objects=has_objects, location=location)
    return Done(facts, detail=f"{len(columns)} columns, {location or 'no such partition'}")


@task(name="ask Athena", **REPEATABLE)
def ask_athena(table: Table, sql: str, within: timedelta) -> Done:
    clients = load_clients()
    with athena.connect(
        clients.session(),
        endpoint_url=clients.endpoint_url,
        region=table.region,
        workgroup=table.workgroup,
        database=table.database,
        catalog=table.catalog,
        output_location=table.output_location,
        config=clients.config,
    ) as connection:
        answer = athena.run_query(connection, sql, within=within)
    detail = f"{answer.bytes_scanned} bytes scanned in {answer.total_ms} ms"
    return Done(answer, {"query_id": answer.query_id}, detail)


@task(name="put the evidence", **REPEATABLE)
def put_evidence(delivery: Delivery, evidence: Evidence, chain: Chain) -> Done:
    clients = load_clients()
    first = evidence_files.put_evidence(clients.evidence_s3, clients.evidence_bucket, delivery, evidence, chain)
    return Done(first, detail=evidence_uri(clients.evidence_bucket, delivery))


def _short(payload: object) -> str:
    text = str(payload)
    return text if len(text) <= 120 else text[:119] + "…"
