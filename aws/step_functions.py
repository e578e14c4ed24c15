"""Step Functions: start an execution of a standard state machine under a name of its own, and await its end."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError

from acceptance.errors import StepFailed, WaitTimedOut
from acceptance.foreign_words import ForeignWords
from aws.calls import Client, aws_call, is_ambiguous, is_transient
from aws.error_codes import error_code
from aws.waiting import REAL_CLOCK, Clock, pauses, poll_until, stopped_unless_awaited

_RUNNING = frozenset({"RUNNING", "PENDING_REDRIVE"})
_SUCCEEDED = "SUCCEEDED"
_EVENTS = 200
"""Events at the end of an execution's history in which the state that failed is looked for."""
_ERROR_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,99}")


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution. `failed_state` is the state in which it failed, if the history tells it."""

    arn: str
    status: str
    error: str = ""
    cause: str = ""
    failed_state: str = ""


def unqualified(state_machine_arn: str) -> str:
    """Return the ARN without version and alias."""
    return ":".join(state_machine_arn.split(":")[:7])


def execution_arn(state_machine_arn: str, name: str) -> str:
    """Return the ARN of the execution of that name."""
    return f"{unqualified(state_machine_arn).replace(':stateMachine:', ':execution:')}:{name}"


def start_execution(
    states: Client,
    state_machine_arn: str,
    name: str,
    input_: Any,
    *,
    within: timedelta,
    clock: Clock = REAL_CLOCK,
) -> str:
    """Start the execution and return its ARN. A second start of the same name starts nothing, so it may be repeated.

    Raises:
        StepFailed: Step Functions refuses, or the state machine is an express one, which knows no names.
        WaitTimedOut: Step Functions was busy all the time, or its answers were lost.
    """
    what = f"start the execution {name} of {state_machine_arn}"
    _refuse_express(states, state_machine_arn)
    text = json.dumps(input_, ensure_ascii=False)
    deadline = clock.now() + within.total_seconds()
    for pause_s in pauses(0.5, 15.0):
        try:
            with aws_call(what):
                return str(
                    states.start_execution(stateMachineArn=state_machine_arn, name=name, input=text)["executionArn"]
                )
        except StepFailed as failure:
            if _exists_already(failure):
                return execution_arn(state_machine_arn, name)
            if not (is_transient(failure) or is_ambiguous(failure)):
                raise
            left_s = deadline - clock.now()
            if left_s <= 0:
                raise WaitTimedOut(f"{failure}; for {within.total_seconds():g} s") from failure
            clock.sleep(min(pause_s, left_s))
    raise AssertionError("pauses is endless")


def _refuse_express(states: Client, state_machine_arn: str) -> None:
    with aws_call(f"look at the state machine {state_machine_arn}"):
        described = states.describe_state_machine(stateMachineArn=unqualified(state_machine_arn))
    if problem := express_problem(described):
        raise StepFailed(f"{state_machine_arn}: {problem}")


def express_problem(described: Mapping[str, Any]) -> str:
    """Return why nobody can await an execution of the state machine, or ""."""
    if described.get("type") != "EXPRESS":
        return ""
    return "it is an express state machine, whose executions nobody can name or await; use a standard one, or `invoke`"


def _exists_already(failure: StepFailed) -> bool:
    cause = failure.__cause__
    return isinstance(cause, ClientError) and error_code(cause) == "ExecutionAlreadyExists"


def fired_executions(states: Client, state_machine_arn: str, since: datetime, mentioning: str) -> list[str]:
    """Return the ARNs of the executions that began since then and have the text in their input, the latest first."""
    arn, found = unqualified(state_machine_arn), []
    with aws_call(f"list the executions of {arn}"):
        for page in states.get_paginator("list_executions").paginate(stateMachineArn=arn):
            recent = [each for each in page["executions"] if each["startDate"] >= since]
            described = (states.describe_execution(executionArn=each["executionArn"]) for each in recent)
            found += [each for each in described if _mentions(each.get("input", ""), mentioning)]
            if len(recent) < len(page["executions"]):  # Step Functions lists the latest first
                break
    latest = sorted(found, key=lambda each: each["startDate"], reverse=True)
    return [str(each["executionArn"]) for each in latest]


def await_fired_execution(
    states: Client,
    state_machine_arn: str,
    *,
    since: datetime,
    known: Collection[str] = (),
    mentioning: str,
    within: timedelta,
    clock: Clock = REAL_CLOCK,
) -> Execution:
    """Wait for an execution that somebody else starts, and return it when it has succeeded. It is never stopped.

    It began since then, is not in `known`, and has the text in its input. An event may come twice, so all such
    executions must have ended, and the latest one counts.

    Raises:
        StepFailed: it ended otherwise, as with `await_execution`.
        WaitTimedOut: there was none in time, or one of them did not end.
    """
    began = clock.now()
    arns = poll_until(
        lambda: [arn for arn in fired_executions(states, state_machine_arn, since, mentioning) if arn not in known],
        bool,
        what=f"wait for an execution of {state_machine_arn} with {mentioning!r}, since {since:%Y-%m-%d %H:%M:%S}Z",
        at_most_s=within.total_seconds(),
        clock=clock,
        every_s=15.0,
        shown=lambda _: "none",
    )
    executions = []
    for arn in arns:
        left = timedelta(seconds=max(within.total_seconds() - (clock.now() - began), 0.0))
        executions.append(_ended(states, arn, left, clock))
    if executions[0].status != _SUCCEEDED:
        raise _failed(states, executions[0])
    return executions[0]


def _mentions(input_: str, text: str) -> bool:
    """Return True if a text of the JSON has the text in it, as it is or as S3 writes keys in its notifications."""
    try:
        values = [json.loads(input_)]
    except ValueError:
        return False
    for value in values:  # grows with what is inside
        if isinstance(value, dict | list):
            values += value.values() if isinstance(value, dict) else value
        elif isinstance(value, str) and (text in value or text in unquote_plus(value)):
            return True
    return False


def await_execution(states: Client, arn: str, *, within: timedelta, clock: Clock = REAL_CLOCK) -> Execution:
    """Wait until the execution succeeds and return it. Stop it if it is late or our own run is cancelled.

    Raises:
        StepFailed: it ended otherwise. The message names the state that failed and its error; its cause are the words.
        WaitTimedOut: it did not end in time.
    """

    with stopped_unless_awaited(lambda: _stop(states, arn)):
        execution = _ended(states, arn, within, clock)
    if execution.status != _SUCCEEDED:
        raise _failed(states, execution)
    return execution


def _ended(states: Client, arn: str, within: timedelta, clock: Clock) -> Execution:
    def ask() -> Execution:
        with aws_call(f"ask for the execution {arn}"):
            found = states.describe_execution(executionArn=arn)
        return Execution(arn, found["status"], found.get("error", ""), found.get("cause", ""))

    return poll_until(
        ask,
        lambda found: found.status not in _RUNNING,
        what=f"wait for the execution {arn}",
        at_most_s=within.total_seconds(),
        clock=clock,
        every_s=5.0,
        shown=lambda found: found.status,
    )


def whole_words(arn: str) -> str:
    """Return where Step Functions keeps all that the execution said."""
    return f"the history of the execution {arn}"


def _failed(states: Client, execution: Execution) -> StepFailed:
    state = _failed_state(states, execution.arn)
    error = execution.error if _ERROR_NAME.fullmatch(execution.error) else ""
    told = f"{execution.status}{f' in the state {state!r}' if state else ''}{f', {error}' if error else ''}"
    cause = execution.cause or execution.error or "no cause is given"
    return StepFailed(f"execution {execution.arn}: {told}", ForeignWords(cause, whole_words(execution.arn)))


def _failed_state(states: Client, arn: str) -> str:
    """Return the state in which the execution failed; empty if its history does not tell, or may not be read."""
    try:
        with aws_call(f"read the history of the execution {arn}"):
            history = states.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=_EVENTS)
    except StepFailed:
        return ""
    return _state_of_last_failure(history["events"])


def _state_of_last_failure(history: Sequence[Mapping[str, Any]]) -> str:
    """Follow the events from the last one back to the entry of the state that it belongs to."""
    events = {event["id"]: event for event in history}
    event = events[max(events)] if events else None
    while event is not None:
        if entered := event.get("stateEnteredEventDetails"):
            return str(entered["name"])
        event = events.get(event.get("previousEventId"))
    return ""


def _stop(states: Client, arn: str) -> str:
    """Stop the execution and return a phrase that says whether that succeeded."""
    try:
        with aws_call("StopExecution"):
            states.stop_execution(executionArn=arn, error="Aceite", cause="late, or the run that started it was ended")
    except StepFailed as failure:
        return f"and Aceite could not stop it: {failure}"
    return "so Aceite told Step Functions to stop it"
