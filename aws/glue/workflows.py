"""Glue workflows: start a run that is one delivery's own, and await its end and that of its actions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from acceptance.contract.steps import OWN_PROPERTY
from acceptance.errors import AnswerLost, StepFailed, WaitTimedOut
from acceptance.foreign_words import ForeignWords
from aws.calls import Client, aws_call, forbid_retries, is_ambiguous, is_transient
from aws.glue.job_runs import SUCCEEDED
from aws.glue.jobs import LOOKED_FOR_S
from aws.waiting import REAL_CLOCK, Clock, pauses, poll_until, stopped_unless_awaited

_COMPLETED = "COMPLETED"
_AT_WORK = frozenset({"RUNNING", "STOPPING"})
_FAILED_COUNTS = ("FailedActions", "TimeoutActions", "StoppedActions", "ErroredActions")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Action:
    """The last attempt of a job or crawler in a workflow's run. `what` is its kind and name."""

    what: str
    state: str
    error: str
    logs: str


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """A run that ended. `succeeded` and `total` count its jobs and crawlers that ran."""

    id: str
    succeeded: int
    total: int


def run_workflow(
    glue: Client,
    workflow: str,
    properties: Mapping[str, str],
    own: str,
    *,
    within: timedelta,
    clock: Clock = REAL_CLOCK,
) -> WorkflowRun:
    """Run the workflow until every job and crawler in it succeeded. `glue` is made with `no_retry_config`.

    `own` becomes a property of the run. If there is a run with it already, this starts none, and awaits that one: a
    second start is the same run. While the workflow has as many runs at work as it may have, this waits for its turn.
    The run is stopped if it is late, or if our own run is cancelled.

    Raises:
        StepFailed: the workflow does not exist, or an action in it failed, whose own message are the words. Glue calls
            such a run COMPLETED.
        WaitTimedOut: the run did not begin or not end in time.
        AnswerLost: nobody knows whether the run was started.
        ValueError: the client repeats requests on its own.
    """
    forbid_retries(glue, "start a workflow")
    deadline = clock.now() + within.total_seconds()
    run_id = _start(glue, workflow, {**properties, OWN_PROPERTY: own}, within, clock)
    return _judged(workflow, _ended(glue, workflow, run_id, max(deadline - clock.now(), 0.0), clock))


def _ended(glue: Client, workflow: str, run_id: str, at_most_s: float, clock: Clock) -> Mapping[str, Any]:
    with stopped_unless_awaited(lambda: _stop(glue, workflow, run_id)):
        return poll_until(
            lambda: _look(glue, workflow, run_id),
            lambda run: run["Status"] not in _AT_WORK,
            what=f"wait for run {run_id} of the Glue workflow {workflow}",
            at_most_s=at_most_s,
            clock=clock,
            every_s=5.0,
            shown=lambda run: f"{run['Status']}, {_counted(run)}",
        )


def _start(glue: Client, workflow: str, properties: Mapping[str, str], within: timedelta, clock: Clock) -> str:
    began = clock.now()
    for pause_s in pauses(1.0, 15.0):
        try:
            if run_id := _own_run(glue, workflow, properties[OWN_PROPERTY]):
                return run_id
            with aws_call(f"start the Glue workflow {workflow}"):
                return str(glue.start_workflow_run(Name=workflow, RunProperties=dict(properties))["RunId"])
        except StepFailed as failure:
            if not is_transient(failure):
                raise
            if is_ambiguous(failure) and (started := _started(glue, workflow, properties[OWN_PROPERTY], clock)):
                return started
            left_s = began + within.total_seconds() - clock.now()
            if left_s <= 0:
                told = f"{failure}; for {within.total_seconds():g} s, and Glue started no run"
                raise WaitTimedOut(told) from failure
            clock.sleep(min(pause_s, left_s))
    raise AssertionError("pauses is endless")


def _started(glue: Client, workflow: str, own: str, clock: Clock) -> str:
    """Return the run that a request without an answer started; empty if it started none."""
    try:
        return poll_until(
            lambda: _own_run(glue, workflow, own),
            bool,
            what=f"look for a new run of the Glue workflow {workflow}",
            at_most_s=LOOKED_FOR_S,
            clock=clock,
            shown=lambda _: "none",
        )
    except WaitTimedOut as timeout:
        if is_transient(timeout.__cause__):
            raise AnswerLost(f"{timeout}; the workflow may or may not have started") from timeout
        return ""


def _own_run(glue: Client, workflow: str, own: str) -> str:
    with aws_call(f"list the runs of the Glue workflow {workflow}"):
        for page in glue.get_paginator("get_workflow_runs").paginate(Name=workflow):
            for run in page["Runs"]:
                if run.get("WorkflowRunProperties", {}).get(OWN_PROPERTY) == own:
                    return str(run["WorkflowRunId"])
    return ""


def _look(glue: Client, workflow: str, run_id: str) -> Mapping[str, Any]:
    with aws_call(f"look at run {run_id} of the Glue workflow {workflow}"):
        run: Mapping[str, Any] = glue.get_workflow_run(Name=workflow, RunId=run_id, IncludeGraph=True)["Run"]
        return run


def _judged(workflow: str, run: Mapping[str, Any]) -> WorkflowRun:
    """Return the run, or raise what failed in it. Glue retries jobs, so the last attempt of each counts."""
    id_, told = run["WorkflowRunId"], f"Glue workflow {workflow}, run {run['WorkflowRunId']}: {run['Status']}"
    actions = list(_actions(run))
    if failed := [action for action in actions if action.state != SUCCEEDED]:
        names = ", ".join(f"{action.what} {action.state}" for action in failed)
        raise StepFailed(f"{told}, {names}", ForeignWords(failed[0].error or "no reason is given", failed[0].logs))
    counts = run.get("Statistics", {})
    if run["Status"] != _COMPLETED or (not actions and any(counts.get(name) for name in _FAILED_COUNTS)):
        why = run.get("ErrorMessage") or "no reason is given"
        raise StepFailed(f"{told}, {_counted(run)}", ForeignWords(why, f"the run {id_} of the workflow {workflow}"))
    succeeded = len(actions) or counts.get("SucceededActions", 0)
    if not succeeded:
        raise StepFailed(f"{told}, but no job and no crawler of it ran; look at the triggers of the workflow")
    return WorkflowRun(id_, succeeded, max(succeeded, counts.get("TotalActions", 0)))


def _actions(run: Mapping[str, Any]) -> Iterator[Action]:
    for node in run.get("Graph", {}).get("Nodes", ()):
        if runs := node.get("JobDetails", {}).get("JobRuns"):
            last = max(runs, key=lambda each: (each.get("Attempt", 0), each.get("StartedOn") or _LONG_AGO))
            logs = f"the run {last['Id']} of the Glue job {node['Name']}, and its logs in CloudWatch below /aws-glue/"
            yield Action(f"job {node['Name']}", last["JobRunState"], last.get("ErrorMessage", ""), logs)
        if crawls := node.get("CrawlerDetails", {}).get("Crawls"):
            last = max(crawls, key=lambda each: each.get("StartedOn") or _LONG_AGO)
            logs = f"the logs of the crawler {node['Name']} in CloudWatch below /aws-glue/crawlers"
            yield Action(f"crawler {node['Name']}", last["State"], last.get("ErrorMessage", ""), logs)


def _counted(run: Mapping[str, Any]) -> str:
    counts = run.get("Statistics", {})
    return f"{counts.get('SucceededActions', 0)} of {counts.get('TotalActions', 0)} actions succeeded"


def _stop(glue: Client, workflow: str, run_id: str) -> str:
    """Stop the run and return a phrase that says whether that succeeded."""
    try:
        with aws_call("StopWorkflowRun"):
            glue.stop_workflow_run(Name=workflow, RunId=run_id)
    except StepFailed as failure:
        return f"and Aceite could not stop it: {failure}"
    return "so Aceite told Glue to stop it"
