"""Glue jobs: start a run, find a run that somebody else started, and await its end."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from acceptance.errors import AnswerLost, StepFailed, WaitTimedOut
from acceptance.foreign_words import ForeignWords
from aws.calls import Client, aws_call, forbid_retries, is_ambiguous, is_transient
from aws.error_codes import error_code
from aws.glue.job_attempts import Attempts
from aws.glue.job_limits import job_limits
from aws.glue.job_runs import ENDED, SUCCEEDED, JobRun, newest_runs, runs_beyond
from aws.waiting import REAL_CLOCK, Clock, pauses, poll_until, stopped_unless_awaited

LOOKED_FOR_S = 10
"""How long we look for a run whose StartJobRun had no response; after that we assume that Glue did not start it."""

_NO_FREE_RUN = frozenset({"ConcurrentRunsExceededException", "ResourceNumberLimitExceededException"})
"""The job, or the account, has as many runs at work as it may have."""


def job_run_ids(glue: Client, job: str) -> frozenset[str]:
    """Return the ids of the job's runs (at least the newest). Taken before a step, they tell which run is new after it.

    Raises:
        StepFailed: the job does not exist, or Glue does not answer.
    """
    return frozenset(run.id for run in newest_runs(glue, job))


def await_free_run(
    glue: Client,
    job: str,
    take: Callable[[int, int], bool],
    *,
    within: timedelta,
    clock: Clock = REAL_CLOCK,
) -> frozenset[str]:
    """Wait until the job may have one more run, so that whoever starts it is not refused. Return the ids of its runs.

    `take` is told how many runs are at work and how many may be, and says if the place is ours.

    Raises:
        StepFailed: the job does not exist, or Glue does not answer.
        WaitTimedOut: as many runs as the job allows were at work all the time.
    """
    limits = job_limits(glue, job)
    runs = poll_until(
        lambda: list(newest_runs(glue, job)),
        lambda runs: limits.at_once is None or take(_at_work(runs), limits.at_once),
        what=f"wait for a turn with the Glue job {job}, which may have {limits.at_once} runs at work",
        at_most_s=within.total_seconds(),
        clock=clock,
        every_s=5.0,
        shown=lambda runs: f"{_at_work(runs)} at work",
    )
    return frozenset(run.id for run in runs)


def _at_work(runs: Iterable[JobRun]) -> int:
    return sum(run.state not in ENDED for run in runs)


def await_started_run(
    glue: Client, job: str, *, known: frozenset[str], mentioning: str, within: timedelta, clock: Clock = REAL_CLOCK
) -> JobRun:
    """Return the run that a step started: not in `known`; of several, the latest with `mentioning` in its arguments.

    A run that Glue began again after a failure is none that a step started.

    Raises:
        StepFailed: there are several new runs and no argument mentions the text, so nobody can tell which is ours.
        WaitTimedOut: no new run appeared in time.
    """
    runs = poll_until(
        lambda: [run for run in runs_beyond(glue, job, known) if not run.previous],
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


def await_own_run(
    glue: Client, job: str, *, since: datetime, mentioning: str, within: timedelta, clock: Clock = REAL_CLOCK
) -> JobRun:
    """Return the latest run since then with the text in its arguments, which somebody else starts.

    Raises:
        WaitTimedOut: no such run appeared in time.
    """

    def own() -> list[JobRun]:
        return [
            run
            for run in newest_runs(glue, job)
            if run.mentions(mentioning) and (run.started is None or run.started >= since)
        ]

    runs = poll_until(
        own,
        bool,
        what=f"wait for a run of the Glue job {job} with {mentioning!r}, since {since:%Y-%m-%d %H:%M:%S}Z",
        at_most_s=within.total_seconds(),
        clock=clock,
        every_s=15.0,
        shown=lambda _: "none",
    )
    return max(runs, key=lambda run: (run.started is not None, run.started))


def unfinished_runs(glue: Client, job: str, mentioning: str) -> list[JobRun]:
    """Return the runs at work that have the text in their arguments. A job has a timeout, so none of them is old."""
    return [run for run in newest_runs(glue, job) if run.state not in ENDED and run.mentions(mentioning)]


def await_unfinished_runs(
    glue: Client, job: str, mentioning: str, *, within: timedelta, clock: Clock = REAL_CLOCK
) -> tuple[str, ...]:
    """Wait until no unfinished run has `mentioning` in its arguments. Return the ids of the runs waited for.

    Raises:
        StepFailed: the job does not exist, or Glue does not answer.
        WaitTimedOut: a run did not end in time.
    """

    run_ids = tuple(run.id for run in unfinished_runs(glue, job, mentioning))
    if run_ids:
        poll_until(
            lambda: unfinished_runs(glue, job, mentioning),
            lambda runs: not runs,
            what=f"wait for the end of run {', '.join(run_ids)} of the Glue job {job}, which an earlier run started",
            at_most_s=within.total_seconds(),
            clock=clock,
            every_s=5.0,
            shown=lambda runs: ", ".join(run.state for run in runs),
        )
    return run_ids


def start_job_run(
    glue: Client,
    job: str,
    arguments: Mapping[str, str],
    *,
    within: timedelta,
    turn: timedelta = timedelta(0),
    clock: Clock = REAL_CLOCK,
) -> str:
    """Start the job and return the run's id. `glue` is made with `no_retry_config`.

    While Glue is busy, the request is repeated. So it is for `turn` or `within`, whichever is longer, while the job has
    as many runs at work as it may have. If the response is lost, we look for a new run with these arguments, and start
    the job again only if there is none.

    Raises:
        StepFailed: the job does not exist, or Glue refuses; WaitTimedOut if it was busy, or taken, all the time.
        AnswerLost: several new runs have these arguments, so nobody can tell which one is ours.
        ValueError: the client repeats requests on its own.
    """
    forbid_retries(glue, "start a job")
    began = clock.now()
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
            if not is_transient(failure):
                raise
            _pause(failure, pause_s, max(within, turn) if _is_taken(failure) else within, began, clock)
    raise AssertionError("pauses is endless")


def _is_taken(failure: StepFailed) -> bool:
    """Return True if other runs of the job or the account are in the way, not Glue's own limits of requests."""
    cause = failure.__cause__
    return isinstance(cause, ClientError) and error_code(cause) in _NO_FREE_RUN


def _pause(failure: StepFailed, pause_s: float, within: timedelta, began: float, clock: Clock) -> None:
    left_s = began + within.total_seconds() - clock.now()
    if left_s <= 0:
        raise WaitTimedOut(f"{failure}; for {within.total_seconds():g} s, and Glue started no run") from failure
    clock.sleep(min(pause_s, left_s))


def _started(glue: Client, job: str, arguments: Mapping[str, str], known: frozenset[str], clock: Clock) -> str | None:
    """Return the run that a request without a response started, or None if it started none."""

    def candidates() -> list[str]:
        new = (run for run in runs_beyond(glue, job, known) if not run.previous)
        return [run.id for run in new if arguments.items() <= run.arguments.items()]

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

    If it fails and Glue retries it, the retry counts in its place, and so on: the last attempt is returned.

    Raises:
        StepFailed: the run ended otherwise (the job's own message are the words).
        WaitTimedOut: the run did not end in time.
    """
    chain = Attempts(glue, job, run_id)

    def end() -> str:
        return _stop(glue, job, chain.run_id) if stop else "and Aceite left it running, as it may be somebody else's"

    with stopped_unless_awaited(end):
        run = poll_until(
            chain.last,
            lambda run: run.state in ENDED,
            what=f"wait for run {run_id} of the Glue job {job}",
            at_most_s=within.total_seconds(),
            clock=clock,
            every_s=5.0,
            shown=lambda run: run.state + (f", as attempt {run.attempt + 1}, run {run.id}" if run.attempt else ""),
        )
    if run.state != SUCCEEDED:
        raise StepFailed(
            f"Glue job {job}, run {run.id}: {run.state}{chain.told(run)}",
            ForeignWords(run.error, whole_words(job, run.id)),
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
