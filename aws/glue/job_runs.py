"""Runs of Glue jobs, as Glue lists them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aws.calls import Client, aws_call

SUCCEEDED = "SUCCEEDED"
RETRIED = frozenset({"FAILED", "ERROR"})
"""Glue retries a run that failed, not one that was stopped or reached its timeout (Glue's guide, `MaxRetries`)."""
ENDED = frozenset({SUCCEEDED, "STOPPED", "TIMEOUT", "EXPIRED"}) | RETRIED


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a Glue job. `execution_time_s` is the time that Glue bills, without the start-up.

    Glue itself begins a run again that failed, if the job has retries: as a new run with the next `attempt`, which
    names the one before it as `previous`.
    """

    id: str
    state: str
    started: datetime | None
    ended: datetime | None
    execution_time_s: int
    arguments: Mapping[str, str]
    error: str
    attempt: int = 0
    previous: str = ""

    def mentions(self, text: str) -> bool:
        return any(text in value for value in self.arguments.values())


def runs_beyond(glue: Client, job: str, known: frozenset[str]) -> Iterator[JobRun]:
    """Yield the runs not in `known`. If the newest come first, as in Glue, stop at the first known run."""
    for runs, newest_first in _pages(glue, job):
        for run in runs:
            if run.id not in known:
                yield run
            elif newest_first:
                return


def newest_runs(glue: Client, job: str) -> Iterator[JobRun]:
    """Yield at least the newest runs: one page if the newest come first, else all."""
    for runs, newest_first in _pages(glue, job):
        yield from runs
        if newest_first:
            return


def _pages(glue: Client, job: str) -> Iterator[tuple[list[JobRun], bool]]:
    """Yield pages of runs, each with whether its newest come first."""
    with aws_call(f"list the runs of the Glue job {job}"):
        for page in glue.get_paginator("get_job_runs").paginate(JobName=job):
            runs = [job_run_of(run) for run in page["JobRuns"]]
            started = [run.started for run in runs if run.started]  # a waiting run may have no start time
            yield runs, len(started) > 1 and started[0] > started[-1]


def job_run_of(run: Mapping[str, Any]) -> JobRun:
    return JobRun(
        id=run["Id"],
        state=run["JobRunState"],
        started=run.get("StartedOn"),
        ended=run.get("CompletedOn"),
        execution_time_s=run.get("ExecutionTime", 0),
        arguments=run.get("Arguments", {}),
        error=run.get("ErrorMessage", ""),
        attempt=run.get("Attempt", 0),
        previous=run.get("PreviousRunId", ""),
    )
