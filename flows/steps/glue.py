"""The tasks that run Glue jobs and wait for them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import task

from aws.glue import jobs as glue_jobs
from flows.installation.clients import load_clients
from flows.steps.retries import ONCE, REPEATABLE
from flows.steps.timeline import StepResult

START_WITHIN = timedelta(seconds=20)
"""How long Glue may take to answer that it started a job; the job itself takes what the contract allows."""


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
