"""The tasks that carry out a contract's steps: they invoke functions, run Glue jobs, and wait for jobs and objects."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import task

from acceptance.deliveries.delivery import LandingObject
from acceptance.foreign_words import MOST_CHARACTERS, ForeignWords
from acceptance.untrusted_text import one_line
from aws import lambda_functions as functions
from aws.glue import jobs as glue_jobs
from aws.s3 import objects as s3
from flows.installation.clients import load_clients
from flows.steps.retries import ONCE, REPEATABLE
from flows.steps.timeline import StepResult

START_WITHIN = timedelta(seconds=20)
"""How long Glue may take to answer that it started a job; the job itself takes what the contract allows."""


SHOWN_OF_AN_ANSWER = 120


@task(name="list job runs", **REPEATABLE)
def list_job_runs(job: str) -> StepResult:
    known = glue_jobs.job_run_ids(load_clients().of("glue"), job)
    return StepResult(known, detail=f"{len(known)} earlier runs")


@task(name="await earlier Glue runs", **REPEATABLE)
def await_earlier_job_runs(job: str, mentioning: str, within: timedelta) -> StepResult:
    ended = glue_jobs.await_unfinished_runs(load_clients().of("glue"), job, mentioning, within=within)
    return StepResult(ended, {"job_run_ids": ", ".join(ended)} if ended else {}, ", ".join(ended) or "none goes on")


@task(name="await Glue job", **REPEATABLE)
def await_glue_job(job: str, known: frozenset[str], mentioning: str, within: timedelta) -> StepResult:
    client = load_clients().of("glue")
    began = datetime.now(UTC)
    started = glue_jobs.await_started_run(client, job, known=known, mentioning=mentioning, within=within)
    return _ended(client, job, started.id, _left(within, began), ours=started.mentions(mentioning))


@task(name="run Glue job", **ONCE)
def run_glue_job(job: str, arguments: Mapping[str, str], within: timedelta) -> StepResult:
    began = datetime.now(UTC)
    run_id = glue_jobs.start_job_run(load_clients().once("glue", START_WITHIN), job, arguments, within=within)
    return _ended(load_clients().of("glue"), job, run_id, _left(within, began), ours=True)


def _left(within: timedelta, began: datetime) -> timedelta:
    return max(within - (datetime.now(UTC) - began), timedelta(0))


def _ended(client: Any, job: str, run_id: str, within: timedelta, *, ours: bool) -> StepResult:
    run = glue_jobs.await_job_run(client, job, run_id, within=within, stop=ours)
    return StepResult(run, {"job_run_id": run.id}, f"{run.state} after {run.execution_time_s} s")


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


@task(name="await object", **REPEATABLE)
def await_object(uri: str, known: frozenset[LandingObject], within: timedelta) -> StepResult:
    s3.await_object(load_clients().of("s3"), uri, known=known, within=within)
    return StepResult(detail="it is there")


@task(name="look at what is there", **REPEATABLE)
def look_at(uris: Sequence[str]) -> StepResult:
    """Return by uri the object versions that are there before the pipeline runs."""
    client = load_clients().of("s3")
    found = {uri: s3.versions_at(client, uri) for uri in uris}
    return StepResult(found, detail=f"{sum(map(len, found.values()))} objects of earlier deliveries")
