"""The tasks that carry out a contract's steps: they invoke functions, run Glue jobs, and wait for jobs and objects."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from prefect import task

from acceptance.counted import counted
from acceptance.deliveries.delivery import LandingObject
from acceptance.foreign_words import MOST_CHARACTERS, ForeignWords
from acceptance.untrusted_text import one_line
from aws import event_bus, step_functions
from aws import lambda_functions as functions
from aws.glue import crawlers as glue_crawlers
from aws.glue import jobs as glue_jobs
from aws.glue import workflows as glue_workflows
from aws.iam.arns import Account
from aws.s3 import objects as s3
from flows.installation.clients import load_clients
from flows.locks.overrides import OTHERS_WITHIN
from flows.steps.glue_turns import TURNS
from flows.steps.retries import ONCE, REPEATABLE
from flows.steps.timeline import StepResult

START_WITHIN = timedelta(seconds=20)
"""How long Glue may take to answer that it started a job; the job itself takes what the contract allows."""


SHOWN_OF_AN_ANSWER = 120


@task(name="list job runs", **REPEATABLE)
def list_job_runs(job: str) -> StepResult:
    known = glue_jobs.job_run_ids(load_clients().of("glue"), job)
    return StepResult(known, detail=f"{len(known)} earlier runs")


@task(name="await a turn with a Glue job", **REPEATABLE)
def await_turn(job: str, mentioning: str, within: timedelta) -> StepResult:
    """Wait until the job may have one more run, which a function is going to start. Return the runs that there are."""
    take = partial(TURNS.take, job, mentioning)
    known = glue_jobs.await_free_run(load_clients().of("glue"), job, take, within=within)
    return StepResult(known, detail=f"{len(known)} earlier runs, and a run is free")


@task(name="await earlier Glue runs", **REPEATABLE)
def await_earlier_job_runs(job: str, mentioning: str, within: timedelta) -> StepResult:
    ended = glue_jobs.await_unfinished_runs(load_clients().of("glue"), job, mentioning, within=within)
    return StepResult(ended, {"job_run_ids": ", ".join(ended)} if ended else {}, ", ".join(ended) or "none goes on")


@task(name="await Glue job", **REPEATABLE)
def await_glue_job(job: str, known: frozenset[str], mentioning: str, within: timedelta) -> StepResult:
    client = load_clients().of("glue")
    began = datetime.now(UTC)
    started = glue_jobs.await_started_run(client, job, known=known, mentioning=mentioning, within=within)
    TURNS.end(job, mentioning)
    result = _ended(client, job, started.id, _left(within, began), ours=started.mentions(mentioning))
    # Lambda calls a function again whose call was asynchronous, and may deliver one event twice.
    for again in glue_jobs.unfinished_runs(client, job, mentioning):
        result = _ended(client, job, again.id, _left(within, began), ours=True)
    return result


@task(name="await Glue job", **REPEATABLE)
def await_fired_glue_job(job: str, since: datetime, mentioning: str, within: timedelta) -> StepResult:
    """Await a run that nobody in this contract starts. It is somebody else's, so it is never stopped."""
    client = load_clients().of("glue")
    began = datetime.now(UTC)
    run = glue_jobs.await_own_run(client, job, since=since, mentioning=mentioning, within=within)
    return _ended(client, job, run.id, _left(within, began), ours=False)


@task(name="run Glue job", **ONCE)
def run_glue_job(job: str, arguments: Mapping[str, str], within: timedelta) -> StepResult:
    client = load_clients().once("glue", START_WITHIN)
    run_id = glue_jobs.start_job_run(client, job, arguments, within=within, turn=OTHERS_WITHIN)
    return _ended(load_clients().of("glue"), job, run_id, within, ours=True)


def _left(within: timedelta, began: datetime) -> timedelta:
    return max(within - (datetime.now(UTC) - began), timedelta(0))


def _ended(client: Any, job: str, run_id: str, within: timedelta, *, ours: bool) -> StepResult:
    run = glue_jobs.await_job_run(client, job, run_id, within=within, stop=ours)
    attempts = f", attempt {run.attempt + 1}" if run.attempt else ""
    return StepResult(run, {"job_run_id": run.id}, f"{run.state} after {run.execution_time_s} s{attempts}")


@task(name="invoke function", **ONCE)
def invoke_function(function: str, payload: Any, asynchronous: bool, within: timedelta) -> StepResult:
    client = load_clients().once("lambda", within)
    answer = functions.invoke(client, function, payload, asynchronous=asynchronous, within=within)
    ids = {"request_id": answer.request_id}
    if asynchronous:
        return StepResult(answer, ids, "accepted for asynchronous execution")
    whole = functions.whole_words(function, answer.request_id)
    words = ForeignWords(one_line(str(answer.payload), MOST_CHARACTERS), whole, SHOWN_OF_AN_ANSWER)
    return StepResult(answer, ids, "answered", words)


@task(name="run crawler", **ONCE)
def run_crawler(crawler: str, within: timedelta) -> StepResult:
    ended = glue_crawlers.run_crawler(load_clients().once("glue", START_WITHIN), crawler, within=within)
    return StepResult(ended, {"crawl": ended.crawl}, ended.status)


@task(name="run workflow", **ONCE)
def run_workflow(workflow: str, properties: Mapping[str, str], own: str, within: timedelta) -> StepResult:
    client = load_clients().once("glue", START_WITHIN)
    run = glue_workflows.run_workflow(client, workflow, properties, own, within=within)
    return StepResult(run, {"workflow_run": run.id}, f"{run.succeeded} of {run.total} actions succeeded")


@task(name="put event", **ONCE)
def put_event(bus: str, source: str, detail_type: str, detail: Any, within: timedelta) -> StepResult:
    client = load_clients().once("events", START_WITHIN)
    id_ = event_bus.put_event(client, bus, source, detail_type, detail, within=within)
    return StepResult(id_, {"event": id_}, f"the bus {bus} took it")


@task(name="start execution", **REPEATABLE)
def start_execution(state_machine: str, name: str, input_: Any, within: timedelta) -> StepResult:
    client = load_clients().of("stepfunctions")
    arn = step_functions.start_execution(client, _machine(client, state_machine), name, input_, within=within)
    return StepResult(arn, {"execution": arn}, "started, or begun before under this name")


@task(name="await execution", **REPEATABLE)
def await_execution(state_machine: str, name: str, within: timedelta) -> StepResult:
    client = load_clients().of("stepfunctions")
    arn = step_functions.execution_arn(_machine(client, state_machine), name)
    execution = step_functions.await_execution(client, arn, within=within)
    return StepResult(execution, {"execution": arn}, execution.status)


@task(name="list executions", **REPEATABLE)
def list_executions(state_machine: str, since: datetime, mentioning: str) -> StepResult:
    client = load_clients().of("stepfunctions")
    known = step_functions.fired_executions(client, _machine(client, state_machine), since, mentioning)
    return StepResult(frozenset(known), detail=f"{len(known)} earlier executions")


@task(name="await execution", **REPEATABLE)
def await_fired_execution(
    state_machine: str, since: datetime, known: frozenset[str], mentioning: str, within: timedelta
) -> StepResult:
    """Await an execution that nobody in this contract starts. It is somebody else's, so it is never stopped."""
    client = load_clients().of("stepfunctions")
    arn = _machine(client, state_machine)
    execution = step_functions.await_fired_execution(
        client, arn, since=since, known=known, mentioning=mentioning, within=within
    )
    return StepResult(execution, {"execution": execution.arn}, execution.status)


def _machine(client: Any, state_machine: str) -> str:
    account = Account(load_clients().caller.account, client.meta.region_name, client.meta.partition)
    return account.state_machine(state_machine)


@task(name="await object", **REPEATABLE)
def await_object(uri: str, known: frozenset[LandingObject], within: timedelta) -> StepResult:
    s3.await_object(load_clients().of("s3"), uri, known=known, within=within)
    return StepResult(detail="it is there")


@task(name="look at what is there", **REPEATABLE)
def look_at(uris: Sequence[str]) -> StepResult:
    """Return by uri the object versions that are there before the pipeline runs."""
    client = load_clients().of("s3")
    found = {uri: s3.versions_at(client, uri) for uri in uris}
    return StepResult(found, detail=f"{counted(sum(map(len, found.values())), 'object')} of earlier deliveries")
