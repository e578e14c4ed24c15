"""The sandbox's IAM lets the steps that start something do what they do by their statements, and nothing without."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from builders import a_contract

from acceptance.contract.steps import (
    AwaitExecution,
    AwaitGlueJob,
    PutEvent,
    RunCrawler,
    RunWorkflow,
    StartExecution,
)
from acceptance.errors import StepFailed
from aws.calls import no_retry_config
from aws.event_bus import put_event
from aws.glue.crawlers import run_crawler
from aws.glue.jobs import await_job_run
from aws.glue.workflows import run_workflow
from aws.iam.arns import Account
from aws.iam.duty import Duty
from aws.iam.policy import PolicyContext, statements
from aws.iam.statements import document
from aws.step_functions import await_execution, await_fired_execution, start_execution
from cli.doctor.looks.findings import LookOutcome
from cli.doctor.looks.pipeline import state_machine
from sandbox.policies.policy_gate import bind_policy
from sandbox.server import REGION

MINUTE = timedelta(minutes=1)
KEY = "stepskey"
MACHINE = f"arn:aws:states:{REGION}:123456789012:stateMachine:rightsoftheload"
FIRED = f"{MACHINE}fired"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
DEFINITION = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})


@pytest.fixture(scope="module")
def printed(local_aws):
    """The policy of a contract whose steps name a state machine, a crawler and a workflow, which are there."""
    role = "arn:aws:iam::123456789012:role/any"
    for name in ("rightsoftheload", "rightsoftheloadfired"):
        local_aws.client("stepfunctions").create_state_machine(name=name, definition=DEFINITION, roleArn=role)
    command = {"Name": "pythonshell", "ScriptLocation": "s3://none/such.py"}
    local_aws.client("glue").create_job(Name="rightsofthejob", Role="r", Command=command)
    targets = {"S3Targets": []}
    local_aws.client("glue").create_crawler(Name="rightsofthecrawl", Role="r", DatabaseName="d", Targets=targets)
    local_aws.client("glue").create_workflow(Name="rightsoftheflow")
    action = {"CrawlerName": "rightsofthecrawl"}
    local_aws.client("glue").create_trigger(
        Name="rightsoftheflow", WorkflowName="rightsoftheflow", Type="ON_DEMAND", Actions=[action]
    )
    more = RunWorkflow("rightsoftheflow", {}, MINUTE), PutEvent("default", "tests", "rights", {}, MINUTE)
    steps = (StartExecution(MACHINE[-15:], {}, MINUTE), AwaitExecution(MACHINE[-15:], MINUTE))
    contract = a_contract(steps=(*steps, RunCrawler("rightsofthecrawl", MINUTE), *more))
    fired = a_contract("fired", steps=(AwaitExecution(f"{FIRED}:PROD", MINUTE), AwaitGlueJob("rightsofthejob", MINUTE)))
    return document(statements([contract, fired], PolicyContext(Account("123456789012", REGION)), Duty.VALIDATOR))


def test_each_statement_of_the_new_steps_is_enough_and_needed(local_aws, printed):
    def of(service):
        session = boto3.Session(KEY, "secret", region_name=REGION)
        return session.client(service, endpoint_url=local_aws.endpoint, config=Config(**no_retry_config(MINUTE)))

    def follow_execution():
        found = {"since": LONG_AGO, "mentioning": "Preço", "within": MINUTE}
        return await_fired_execution(of("stepfunctions"), f"{FIRED}:PROD", **found)

    def follow_job():
        with pytest.raises(StepFailed, match=r"FAILED|AccessDenied") as ended:
            await_job_run(of("glue"), "rightsofthejob", run, within=MINUTE, stop=False)
        if "AccessDenied" in str(ended.value):
            raise ended.value

    told = json.dumps({"key": "Preço"})
    local_aws.client("stepfunctions").start_execution(stateMachineArn=FIRED, name="fired", input=told)
    run = local_aws.client("glue").start_job_run(JobName="rightsofthejob")["JobRunId"]
    started = local_aws.client("stepfunctions").start_execution(stateMachineArn=MACHINE, name="known")["executionArn"]
    done = {
        "StartExecutions": lambda: start_execution(of("stepfunctions"), MACHINE, str(uuid4()), {}, within=MINUTE),
        "AwaitExecutions": lambda: await_execution(of("stepfunctions"), started, within=MINUTE),
        "FindExecutions": follow_execution,
        "FollowExecutions": follow_execution,
        "FollowJobs": follow_job,
        "RunCrawlers": lambda: run_crawler(of("glue"), "rightsofthecrawl", within=MINUTE),
        "RunWorkflows": lambda: run_workflow(of("glue"), "rightsoftheflow", {}, str(uuid4()), within=MINUTE),
        "PutEvents": lambda: put_event(of("events"), "default", "tests", "rights", {}, within=MINUTE),
    }
    bind_policy(local_aws.endpoint, KEY, json.dumps(printed))
    for do in done.values():
        do()
    for sid, do in done.items():
        kept = [statement for statement in printed["Statement"] if statement["Sid"] != sid]
        assert len(kept) == len(printed["Statement"]) - 1
        bind_policy(local_aws.endpoint, KEY, json.dumps({**printed, "Statement": kept}))
        with pytest.raises(StepFailed, match="AccessDenied"):
            do()


def test_what_somebody_else_starts_is_never_stopped_so_the_policy_does_not_let_it(printed):
    stops = [
        each for each in printed["Statement"] if {"states:StopExecution", "glue:BatchStopJobRun"} & {*each["Action"]}
    ]
    assert [each["Sid"] for each in stops] == ["AwaitExecutions"]
    assert "fired" not in json.dumps(stops)


def test_the_doctor_looks_at_a_state_machine_that_somebody_else_starts_with_its_own_rights(local_aws, printed):
    states, sts = (
        boto3.Session(KEY, "secret", region_name=REGION).client(service, endpoint_url=local_aws.endpoint)
        for service in ("stepfunctions", "sts")
    )
    bind_policy(local_aws.endpoint, KEY, json.dumps(printed))
    look = state_machine(states, sts, FIRED, "orders.odcs.yaml", ours=False)
    assert look.outcome is LookOutcome.GREY, look
    fired = a_contract("fired", steps=(AwaitExecution(FIRED, MINUTE),))
    doctors = document(statements([fired], PolicyContext(Account("123456789012", REGION)), Duty.DOCTOR))
    both = {**printed, "Statement": [*printed["Statement"], *doctors["Statement"]]}
    bind_policy(local_aws.endpoint, KEY, json.dumps(both))
    assert state_machine(states, sts, FIRED, "orders.odcs.yaml", ours=False).outcome is LookOutcome.GREEN
