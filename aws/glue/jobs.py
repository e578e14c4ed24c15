"""Glue: job runs that others started or we start, and their end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from acceptance.errors import AnswerLost, StepFailed, WaitTimedOut
from aws.calls import Client, aws_call, is_passing, is_unclear, must_not_repeat
from aws.waiting import REAL_CLOCK, Clock, pauses, poll_until

LOOKED_FOR_S = 10
"""How long a run is looked for whose start had no answer; after that there is none."""

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


def job_run_ids(glue: Client, job: str) -> frozenset[str]:
    """The runs that there are; of many the newest. Taken before a step, it tells afterwards which run the step started.

    Raises:
        StepFailed: there is no such job, or Glue does not tell.
    """
    known = set[str]()
    for runs, newest_first in _pages(glue, job):
        known.update(run.id for run in runs)
        if newest_first:
            break
    return frozenset(known)


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


def await_unfinished_runs(
    glue: Client, job: str, mentioning: str, *, within: timedelta, clock: Clock = REAL_CLOCK
) -> tuple[str, ...]:
    """Waits for the end, whatever it is, of runs that go on with `mentioning` in their arguments; answers their ids.

    Raises:
        StepFailed: there is no such job, or Glue does not tell.
        WaitTimedOut: one did not end in time.
    """

    def going_on() -> list[JobRun]:
        return [run for run in _unfinished(glue, job) if run.mentions(mentioning)]

    found = tuple(run.id for run in going_on())
    if found:
        poll_until(
            going_on,
            lambda runs: not runs,
            what=f"wait for the end of run {', '.join(found)} of the Glue job {job}, which an earlier run started",
            at_most_s=within.total_seconds(),
            clock=clock,
            every_s=5.0,
            shown=lambda runs: ", ".join(run.state for run in runs),
        )
    return found


def start_job_run(
    glue: Client, job: str, arguments: Mapping[str, str], *, within: timedelta, clock: Clock = REAL_CLOCK
) -> str:
    """Starts the job and returns the run's id. `glue` is made with `once_config`.

    While Glue is busy, or has as many runs of the job as it may, it is asked again. When the answer is lost, a run with
    these arguments that was not there before is looked for, and only if there is none the job is started again.

    Raises:
        StepFailed: there is no such job, or Glue refuses.
        AnswerLost: several new runs have these arguments, so that it cannot be told which one is ours.
        WaitTimedOut: Glue was busy all the time.
        ValueError: the client would start the job again by itself.
    """
    must_not_repeat(glue, "start a job")
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
            if is_unclear(failure) and (started := _started(glue, job, arguments, known, clock)):
                return started
            left_s = deadline - clock.now()
            if not is_passing(failure):
                raise
            if left_s <= 0:
                raise WaitTimedOut(f"{failure}; for {within.total_seconds():g} s, and it was not started") from failure
            clock.sleep(min(pause_s, left_s))
    raise AssertionError("pauses is endless")


def _started(glue: Client, job: str, arguments: Mapping[str, str], known: frozenset[str], clock: Clock) -> str | None:
    """The run that a request without an answer started, if it did."""

    def ours() -> list[str]:
        return [run.id for run in _runs(glue, job, known) if arguments.items() <= run.arguments.items()]

    what = f"look whether a run of the Glue job {job} was started"
    try:
        found = poll_until(ours, bool, what=what, at_most_s=LOOKED_FOR_S, clock=clock, shown=lambda _: "none")
    except WaitTimedOut as nothing:
        if is_passing(nothing.__cause__):
            raise AnswerLost(f"{nothing}; so it is not known whether it was started") from nothing
        return None
    if len(found) > 1:
        raise AnswerLost(
            f"start the Glue job {job}: the answer was lost, and {len(found)} new runs have these arguments, so it "
            f"cannot be told which one is this delivery's: {', '.join(found)}; let the contract pass the key"
        )
    return found[0]


def await_job_run(
    glue: Client, job: str, run_id: str, *, within: timedelta, ours: bool = True, clock: Clock = REAL_CLOCK
) -> JobRun:
    """The run, once it has succeeded. If it is `ours` it is stopped when it does not end in time, or when this is.

    Raises:
        StepFailed: it ended otherwise; with Glue's own message.
        WaitTimedOut: it did not end in time.
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
        became = _stop(glue, job, run_id) if ours else "and was left alone, as it may be somebody else's"
        raise WaitTimedOut(f"{late}, {became}") from late
    except BaseException as error:
        if ours and not isinstance(error, Exception):  # a cancelled run leaves nothing behind that writes to the table
            _stop(glue, job, run_id)
        raise
    if run.state != _SUCCEEDED:
        raise StepFailed(f"Glue job {job}, run {run_id}: {run.state}: {run.error or 'Glue gave no message'}")
    return run


def _stop(glue: Client, job: str, run_id: str) -> str:
    """What came of it, for people."""
    try:
        with aws_call("BatchStopJobRun"):
            refused = glue.batch_stop_job_run(JobName=job, JobRunIds=[run_id]).get("Errors", ())
    except StepFailed as failure:
        return f"and could not be stopped: {failure}"
    if refused:
        return f"and could not be stopped: {refused[0].get('ErrorDetail', {}).get('ErrorMessage', 'no reason given')}"
    return "so it was told to stop"


def _runs(glue: Client, job: str, known: frozenset[str]) -> Iterator[JobRun]:
    """Runs not in `known`. Where the newest come first, as in Glue, none is older than the first that is known."""
    for runs, newest_first in _pages(glue, job):
        for run in runs:
            if run.id not in known:
                yield run
            elif newest_first:
                return


def _unfinished(glue: Client, job: str) -> Iterator[JobRun]:
    """Of many runs the newest are looked at: a job has a time-out, so what goes on is not old."""
    for runs, newest_first in _pages(glue, job):
        yield from (run for run in runs if run.state not in _ENDED)
        if newest_first:
            return


def _pages(glue: Client, job: str) -> Iterator[tuple[list[JobRun], bool]]:
    """The runs, and whether the newest come first."""
    with aws_call(f"list the runs of the Glue job {job}"):
        for page in glue.get_paginator("get_job_runs").paginate(JobName=job):
            runs = [_job_run(run) for run in page["JobRuns"]]
            started = [run.started for run in runs if run.started]  # a run that waits may have no such time
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
