"""Glue jobs: start a run, find a run that somebody else started, and await its end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from acceptance.errors import AnswerLost, StepFailed, WaitTimedOut
from acceptance.foreign_words import ForeignWords
from aws.calls import Client, aws_call, forbid_retries, is_ambiguous, is_transient
from aws.waiting import REAL_CLOCK, Clock, pauses, poll_until

LOOKED_FOR_S = 10
"""How long we look for a run whose StartJobRun had no response; after that we assume that Glue did not start it."""

_SUCCEEDED = "SUCCEEDED"
_ENDED = frozenset({_SUCCEEDED, "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"})


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a Glue job. `execution_time_s` is the time that Glue bills, without the start-up."""

    id: str
    state: str
    started: datetime | None
    ended: datetime | None
    execution_time_s: int
    arguments: Mapping[str, str]
    error: str

    def mentions(self, text: str) -> bool:
        return any(text in value for value in self.arguments.values())


def job_run_ids(glue: Client, job: str) -> frozenset[str]:
    """Return the ids of the job's runs (at least the newest). Taken before a step, they tell which run is new after it.

    Raises:
        StepFailed: the job does not exist, or Glue does not answer.
    """
    return frozenset(run.id for run in _newest_runs(glue, job))


def await_started_run(
    glue: Client, job: str, *, known: frozenset[str], mentioning: str, within: timedelta, clock: Clock = REAL_CLOCK
) -> JobRun:
    """Return the run that a step started: not in `known`; of several, the latest with `mentioning` in its arguments.

    Raises:
        StepFailed: there are several new runs and no argument mentions the text, so nobody can tell which is ours.
        WaitTimedOut: no new run appeared in time.
    """
    runs = poll_until(
        lambda: list(_runs(glue, job, known)),
        bool,
        what=f"wait for a new run of the Glue job {job}",
        at_most_s=within.total_seconds(),
        clock=clock,
        shown=lambda _: f"none beside {len(known)} earlier ones",
    )
    candidates = [run for run in runs if run.mentions(mentioning)] or runs
    if len(candidates) > 1 and not candidates[0].mentions(mentioning):
        raise StepFailed(
            f"Glue job {job}: {len(runs)} new runs and none has {mentioning!r} in its arguments, so Aceite cannot tell "
            f"which one is this delivery's: {', '.join(run.id for run in runs)}; let the pipeline pass the key as a "
            "job argument"
        )
    return max(candidates, key=lambda run: (run.started is not None, run.started))


def await_unfinished_runs(
    glue: Client, job: str, mentioning: str, *, within: timedelta, clock: Clock = REAL_CLOCK
) -> tuple[str, ...]:
    """Wait until no unfinished run has `mentioning` in its arguments. Return the ids of the runs waited for.

    Raises:
        StepFailed: the job does not exist, or Glue does not answer.
        WaitTimedOut: a run did not end in time.
    """

    def unfinished() -> list[JobRun]:
        # A job has a timeout, so an unfinished run is not old.
        return [run for run in _newest_runs(glue, job) if run.state not in _ENDED and run.mentions(mentioning)]

    run_ids = tuple(run.id for run in unfinished())
    if run_ids:
        poll_until(
            unfinished,
            lambda runs: not runs,
            what=f"wait for the end of run {', '.join(run_ids)} of the Glue job {job}, which an earlier run started",
            at_most_s=within.total_seconds(),
            clock=clock,
            every_s=5.0,
            shown=lambda runs: ", ".join(run.state for run in runs),
        )
    return run_ids


def start_job_run(
    glue: Client, job: str, arguments: Mapping[str, str], *, within: timedelta, clock: Clock = REAL_CLOCK
) -> str:
    """Start the job and return the run's id. `glue` is made with `no_retry_config`.

    While Glue is busy or at the job's concurrency limit, the request is repeated. If the response is lost, we look for
    a new run with these arguments, and start the job again only if there is none.

    Raises:
        StepFailed: the job does not exist, or Glue refuses.
        AnswerLost: several new runs have these arguments, so nobody can tell which one is ours.
        WaitTimedOut: Glue was busy all the time.
        ValueError: the client repeats requests on its own.
    """
    forbid_retries(glue, "start a job")
    deadline = clock.now() + within.total_seconds()
    known = poll_until(
        lambda: job_run_ids(glue, job),
        lambda _: True,
        what=f"list the runs of the Glue job {job}",
        at_most_s=within.total_seconds(),
        clock=clock,
    )
    for pause_s in pauses(1.0, 15.0):
        try:
            with aws_call(f"start the Glue job {job}"):
                return str(glue.start_job_run(JobName=job, Arguments=dict(arguments))["JobRunId"])
        except StepFailed as failure:
            if is_ambiguous(failure) and (started := _started(glue, job, arguments, known, clock)):
                return started
            left_s = deadline - clock.now()
            if not is_transient(failure):
                raise
            if left_s <= 0:
                raise WaitTimedOut(f"{failure}; for {within.total_seconds():g} s, and Glue started no run") from failure
            clock.sleep(min(pause_s, left_s))
    raise AssertionError("pauses is endless")


def _started(glue: Client, job: str, arguments: Mapping[str, str], known: frozenset[str], clock: Clock) -> str | None:
    """Return the run that a request without a response started, or None if it started none."""

    def candidates() -> list[str]:
        return [run.id for run in _runs(glue, job, known) if arguments.items() <= run.arguments.items()]

    what = f"look for a new run of the Glue job {job}"
    try:
        run_ids = poll_until(candidates, bool, what=what, at_most_s=LOOKED_FOR_S, clock=clock, shown=lambda _: "none")
    except WaitTimedOut as timeout:
        if is_transient(timeout.__cause__):
            raise AnswerLost(f"{timeout}; the job may or may not have started") from timeout
        return None
    if len(run_ids) > 1:
        raise AnswerLost(
            f"start the Glue job {job}: the response was lost, and {len(run_ids)} new runs have these arguments, so "
            f"Aceite cannot tell which one is this delivery's: {', '.join(run_ids)}; let the contract pass the key"
        )
    return run_ids[0]


def await_job_run(
    glue: Client, job: str, run_id: str, *, within: timedelta, stop: bool = True, clock: Clock = REAL_CLOCK
) -> JobRun:
    """Wait until the run succeeds and return it. With `stop`, stop it if it is late or if our own run is cancelled.

    Raises:
        StepFailed: the run ended otherwise (the job's own message are the words).
        WaitTimedOut: the run did not end in time.
    """

    def ask() -> JobRun:
        with aws_call(f"ask for run {run_id} of the Glue job {job}"):
            return _job_run(glue.get_job_run(JobName=job, RunId=run_id)["JobRun"])

    try:
        run = poll_until(
            ask,
            lambda run: run.state in _ENDED,
            what=f"wait for run {run_id} of the Glue job {job}",
            at_most_s=within.total_seconds(),
            clock=clock,
            every_s=5.0,
            shown=lambda run: run.state,
        )
    except WaitTimedOut as late:
        stopped = _stop(glue, job, run_id) if stop else "and Aceite left it running, as it may be somebody else's"
        raise WaitTimedOut(f"{late}, {stopped}") from late
    except BaseException as error:
        if stop and not isinstance(error, Exception):  # a cancelled run must leave nothing that writes to the table
            _stop(glue, job, run_id)
        raise
    if run.state != _SUCCEEDED:
        raise StepFailed(
            f"Glue job {job}, run {run_id}: {run.state}", ForeignWords(run.error, whole_words(job, run_id))
        )
    return run


def whole_words(job: str, run_id: str) -> str:
    """Return where Glue keeps all that the run said."""
    return f"the run {run_id} of the Glue job {job}, and its logs in CloudWatch below /aws-glue/"


def _stop(glue: Client, job: str, run_id: str) -> str:
    """Stop the run and return a phrase that says whether that succeeded."""
    try:
        with aws_call("BatchStopJobRun"):
            refused = glue.batch_stop_job_run(JobName=job, JobRunIds=[run_id]).get("Errors", ())
    except StepFailed as failure:
        return f"and Aceite could not stop it: {failure}"
    if refused:
        reason = refused[0].get("ErrorDetail", {}).get("ErrorMessage", "no reason given")
        return f"and Aceite could not stop it: {reason}"
    return "so Aceite told Glue to stop it"


def _runs(glue: Client, job: str, known: frozenset[str]) -> Iterator[JobRun]:
    """Yield the runs not in `known`. If the newest come first, as in Glue, stop at the first known run."""
    for runs, newest_first in _pages(glue, job):
        for run in runs:
            if run.id not in known:
                yield run
            elif newest_first:
                return


def _newest_runs(glue: Client, job: str) -> Iterator[JobRun]:
    """Yield at least the newest runs: one page if the newest come first, else all."""
    for runs, newest_first in _pages(glue, job):
        yield from runs
        if newest_first:
            return


def _pages(glue: Client, job: str) -> Iterator[tuple[list[JobRun], bool]]:
    """Yield pages of runs, each with whether its newest come first."""
    with aws_call(f"list the runs of the Glue job {job}"):
        for page in glue.get_paginator("get_job_runs").paginate(JobName=job):
            runs = [_job_run(run) for run in page["JobRuns"]]
            started = [run.started for run in runs if run.started]  # a waiting run may have no start time
            yield runs, len(started) > 1 and started[0] > started[-1]


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
