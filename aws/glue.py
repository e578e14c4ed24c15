"""Glue: job runs that others started or we start, and what the catalog says of a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from acceptance.errors import StepFailed
from aws.calls import Client, aws_call, error_code
from aws.waiting import REAL_CLOCK, Clock, poll_until

_SUCCEEDED = "SUCCEEDED"
_ENDED = frozenset({_SUCCEEDED, "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"})


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a Glue job. `execution_time_s` is what Glue bills, without the start-up."""

    id: str
    state: str
    started: datetime | None
    ended: datetime | None
    execution_time_s: int
    arguments: Mapping[str, str]
    error: str

    def mentions(self, text: str) -> bool:
        return any(text in value for value in self.arguments.values())


@dataclass(frozen=True, slots=True)
class CatalogColumn:
    """`type` in lower case without spaces, as in the contract."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class CatalogTable:
    database: str
    name: str
    columns: tuple[CatalogColumn, ...]
    partition_keys: tuple[CatalogColumn, ...]
    location: str


@dataclass(frozen=True, slots=True)
class CatalogPartition:
    """`values` in the order of the table's partition keys."""

    values: tuple[str, ...]
    location: str


def job_run_ids(glue: Client, job: str) -> frozenset[str]:
    """Every run that Glue remembers. Taken before a step, it tells afterwards which run the step started.

    Raises:
        StepFailed: there is no such job, or Glue does not tell.
    """
    return frozenset(run.id for run in _runs(glue, job, frozenset()))


def await_started_run(
    glue: Client, job: str, *, known: frozenset[str], mentioning: str, within: timedelta, clock: Clock = REAL_CLOCK
) -> JobRun:
    """The run that a step started: not in `known`, and of several the latest with `mentioning` in its arguments.

    Raises:
        StepFailed: several new runs, and none mentions it, so that it cannot be told which is ours.
        WaitTimedOut: no run was started in time.
    """
    runs = poll_until(
        lambda: list(_runs(glue, job, known)),
        bool,
        what=f"wait for a run of the Glue job {job} to be started",
        at_most_s=within.total_seconds(),
        clock=clock,
        shown=lambda _: f"none that is new beside {len(known)} earlier ones",
    )
    candidates = [run for run in runs if run.mentions(mentioning)] or runs
    if len(candidates) > 1 and not candidates[0].mentions(mentioning):
        raise StepFailed(
            f"Glue job {job}: {len(runs)} runs were started meanwhile and none has {mentioning!r} in its arguments, "
            f"so it cannot be told which one is this delivery's: {', '.join(run.id for run in runs)}; "
            "let the pipeline pass the key as a job argument"
        )
    return max(candidates, key=lambda run: (run.started is not None, run.started))


def start_job_run(glue: Client, job: str, arguments: Mapping[str, str]) -> str:
    """Starts the job and returns the run's id. Not to be repeated: the glue client must be made without retries."""
    with aws_call(f"start the Glue job {job}"):
        return str(glue.start_job_run(JobName=job, Arguments=dict(arguments))["JobRunId"])


def await_job_run(glue: Client, job: str, run_id: str, *, within: timedelta, clock: Clock = REAL_CLOCK) -> JobRun:
    """The run, once it has succeeded.

    Raises:
        StepFailed: it ended otherwise; with Glue's own message.
        WaitTimedOut: it did not end in time. It keeps running.
    """

    def ask() -> JobRun:
        with aws_call(f"ask for run {run_id} of the Glue job {job}"):
            return _job_run(glue.get_job_run(JobName=job, RunId=run_id)["JobRun"])

    run = poll_until(
        ask,
        lambda run: run.state in _ENDED,
        what=f"wait for run {run_id} of the Glue job {job}",
        at_most_s=within.total_seconds(),
        clock=clock,
        every_s=5.0,
        shown=lambda run: run.state,
    )
    if run.state != _SUCCEEDED:
        raise StepFailed(f"Glue job {job}, run {run_id}: {run.state}: {run.error or 'Glue gave no message'}")
    return run


def read_table(glue: Client, database: str, table: str) -> CatalogTable | None:
    """The table as the catalog has it, or None if the table or its database is not there."""
    with aws_call(f"read the table {database}.{table}"):
        try:
            found = glue.get_table(DatabaseName=database, Name=table)["Table"]
        except ClientError as error:
            if error_code(error) == "EntityNotFoundException":
                return None
            raise
    storage = found.get("StorageDescriptor", {})
    return CatalogTable(
        database=database,
        name=found["Name"],
        columns=_columns(storage.get("Columns", ())),
        partition_keys=_columns(found.get("PartitionKeys", ())),
        location=storage.get("Location", ""),
    )


def read_partition(glue: Client, database: str, table: str, values: Sequence[str]) -> CatalogPartition | None:
    """The partition with these values, in the order of the table's partition keys, or None if the catalog has none."""
    with aws_call(f"read the partition {'/'.join(values)} of {database}.{table}"):
        try:
            found = glue.get_partition(DatabaseName=database, TableName=table, PartitionValues=list(values))[
                "Partition"
            ]
        except ClientError as error:
            if error_code(error) == "EntityNotFoundException":
                return None
            raise
    return CatalogPartition(tuple(found["Values"]), found.get("StorageDescriptor", {}).get("Location", ""))


def _runs(glue: Client, job: str, known: frozenset[str]) -> Iterator[JobRun]:
    """Runs not in `known`. Where the latest come first, as in Glue, no page is asked for after one with a known run."""
    with aws_call(f"list the runs of the Glue job {job}"):
        for page in glue.get_paginator("get_job_runs").paginate(JobName=job):
            runs = [_job_run(run) for run in page["JobRuns"]]
            yield from (run for run in runs if run.id not in known)
            latest_first = runs and runs[0].started and runs[-1].started and runs[0].started > runs[-1].started
            if latest_first and any(run.id in known for run in runs):
                return


def _job_run(run: Mapping[str, Any]) -> JobRun:
    return JobRun(
        id=run["Id"],
        state=run["JobRunState"],
        started=run.get("StartedOn"),
        ended=run.get("CompletedOn"),
        execution_time_s=run.get("ExecutionTime", 0),
        arguments=run.get("Arguments", {}),
        error=run.get("ErrorMessage", ""),
    )


def _columns(columns: Sequence[Mapping[str, Any]]) -> tuple[CatalogColumn, ...]:
    return tuple(CatalogColumn(column["Name"], "".join(column["Type"].lower().split())) for column in columns)
