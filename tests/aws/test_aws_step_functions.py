"""Executions of state machines, which the sandbox's Step Functions really run."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from polling import eventually

from acceptance.errors import StepFailed, WaitTimedOut
from aws.step_functions import await_execution, await_fired_execution, execution_arn, start_execution
from aws.waiting import Clock

MINUTE = timedelta(minutes=1)
DONE = {"Done": {"Type": "Pass", "End": True}}
WAITS = {"Waits": {"Type": "Wait", "Seconds": 600, "End": True}}
FAILS = {
    "First": {"Type": "Pass", "Next": "Convert"},
    "Convert": {"Type": "Fail", "Error": "Conversion.Broken", "Cause": "row 7 has no price"},
}


@pytest.fixture(scope="module")
def states(local_aws):
    return local_aws.client("stepfunctions")


@pytest.fixture(scope="module")
def role(local_aws):
    name = f"machine-{uuid.uuid4().hex}"
    return local_aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]


def machine(states: Any, role: str, described: dict[str, Any], **more: Any) -> str:
    definition = json.dumps({"StartAt": next(iter(described)), "States": described})
    name = f"machine-{uuid.uuid4().hex}"
    return str(states.create_state_machine(name=name, definition=definition, roleArn=role, **more)["stateMachineArn"])


def assert_aborted(states: Any, execution: str) -> None:
    """A stopped execution is still RUNNING for a moment: DescribeExecution is eventually consistent."""
    eventually(
        lambda: states.describe_execution(executionArn=execution)["status"] == "ABORTED",
        f"{execution}, which was stopped, to be ABORTED",
        within_s=60,
    )


def test_an_execution_is_started_under_its_name_with_its_input_and_awaited(states, role):
    arn = machine(states, role, DONE)
    started = start_execution(states, arn, "own-name", {"key": "Preço.csv"}, within=MINUTE)
    assert started == execution_arn(arn, "own-name") == execution_arn(f"{arn}:PROD", "own-name")
    assert await_execution(states, started, within=MINUTE).status == "SUCCEEDED"
    assert json.loads(states.describe_execution(executionArn=started)["input"]) == {"key": "Preço.csv"}


def test_a_second_start_under_the_same_name_is_the_same_execution(states, role):
    arn = machine(states, role, DONE)
    first, second = (start_execution(states, arn, "own-name", {}, within=MINUTE) for _ in range(2))
    await_execution(states, first, within=MINUTE)
    third = start_execution(states, arn, "own-name", {}, within=MINUTE)
    assert first == second == third
    assert len(states.list_executions(stateMachineArn=arn)["executions"]) == 1


def test_a_start_whose_answer_is_lost_starts_nothing_twice(mishaps, states, role):
    arn = machine(states, role, DONE)
    aws, layer = mishaps
    client = aws.client("stepfunctions", retries={"total_max_attempts": 1})
    layer.answers.extend(["", "answer lost"])
    started = start_execution(client, arn, "own-name", {}, within=MINUTE)
    await_execution(states, started, within=MINUTE)
    assert len(states.list_executions(stateMachineArn=arn)["executions"]) == 1
    assert layer.requests >= 3, "it was asked again"


def test_an_execution_that_fails_names_the_state_its_error_and_its_cause(states, role):
    started = start_execution(states, machine(states, role, FAILS), "own-name", {}, within=MINUTE)
    with pytest.raises(StepFailed, match=r"FAILED in the state 'Convert', Conversion\.Broken$") as failed:
        await_execution(states, started, within=MINUTE)
    assert failed.value.words is not None
    assert failed.value.words.text == "row 7 has no price"
    assert "row 7" not in str(failed.value)


def test_an_execution_that_is_late_is_stopped(states, role):
    started = start_execution(states, machine(states, role, WAITS), "own-name", {}, within=MINUTE)
    with pytest.raises(WaitTimedOut, match="still RUNNING after 0 s, so Aceite told Step Functions to stop it"):
        await_execution(states, started, within=timedelta())
    assert_aborted(states, started)


def test_an_execution_is_stopped_when_the_run_that_awaits_it_is_cancelled(states, role):
    class Cancelled(BaseException):
        pass

    def cancel(_: float) -> None:
        raise Cancelled

    started = start_execution(states, machine(states, role, WAITS), "own-name", {}, within=MINUTE)
    with pytest.raises(Cancelled):
        await_execution(states, started, within=MINUTE, clock=Clock(lambda: 0.0, cancel))
    assert_aborted(states, started)


def test_an_execution_that_somebody_else_started_is_found_by_the_key_in_its_input_and_never_stopped(states, role):
    arn, since = machine(states, role, DONE), datetime.now(UTC) - timedelta(seconds=5)
    await_own = partial(await_fired_execution, states, f"{arn}:PROD", mentioning="in/Preço 1.csv")
    with pytest.raises(WaitTimedOut, match=f"an execution of {arn}:PROD with 'in/Preço 1.csv', since .*: still none"):
        await_own(since=since, within=timedelta())
    states.start_execution(stateMachineArn=arn, name="other", input='{"key": "in/other.csv"}')
    detail = {"detail": {"object": {"key": "in/Preço 1.csv"}}}
    states.start_execution(stateMachineArn=arn, name="by-an-event", input=json.dumps(detail))
    assert await_own(since=since, within=MINUTE).arn.endswith(":by-an-event")
    records = {"Records": [{"s3": {"object": {"key": "in/Pre%C3%A7o+1.csv"}}}]}
    states.start_execution(stateMachineArn=arn, name="by-s3", input=json.dumps(records))
    known = [execution_arn(arn, "by-an-event")]
    assert await_own(since=since, known=known, within=MINUTE).arn.endswith(":by-s3")
    with pytest.raises(WaitTimedOut, match="still none after 0 s"):
        await_own(since=datetime.now(UTC) + timedelta(minutes=1), within=timedelta())


def test_of_executions_that_an_event_started_twice_all_must_end_and_the_latest_counts(states, role):
    arn, since = machine(states, role, WAITS), datetime.now(UTC) - timedelta(seconds=5)
    for name in ("first", "second"):
        states.start_execution(stateMachineArn=arn, name=name, input='{"key": "k"}')
    own = {"since": since, "mentioning": "k"}
    with pytest.raises(WaitTimedOut, match=r"still RUNNING after 0 s$"):
        await_fired_execution(states, arn, within=timedelta(), **own)
    first, second = (execution_arn(arn, name) for name in ("first", "second"))
    assert states.describe_execution(executionArn=second)["status"] == "RUNNING", "it is somebody else's"
    states.stop_execution(executionArn=second, error="Broken", cause="row 7")
    assert_aborted(states, second)
    with pytest.raises(WaitTimedOut, match=f"wait for the execution {first}: still RUNNING"):
        await_fired_execution(states, arn, within=timedelta(), **own)
    states.stop_execution(executionArn=first)
    with pytest.raises(StepFailed, match=f"execution {second}: ABORTED"):
        await_fired_execution(states, arn, within=MINUTE, **own)


def test_an_express_state_machine_is_refused_before_anything_starts(states, role):
    arn = machine(states, role, DONE, type="EXPRESS")
    with pytest.raises(StepFailed, match="it is an express state machine, whose executions nobody can name or await"):
        start_execution(states, arn, "own-name", {}, within=MINUTE)


def test_a_state_machine_that_is_missing_is_told_by_its_name(states):
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:none"
    with pytest.raises(StepFailed, match=f"{arn}: StateMachineDoesNotExist"):
        start_execution(states, arn, "own-name", {}, within=MINUTE)
