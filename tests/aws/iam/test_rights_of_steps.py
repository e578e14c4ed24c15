"""The sandbox's IAM lets the steps that start something do what they do by their statements, and nothing without."""

import json
from datetime import timedelta
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from builders import a_contract

from acceptance.contract.steps import AwaitExecution, PutEvent, RunCrawler, RunWorkflow, StartExecution
from acceptance.errors import StepFailed
from aws.calls import no_retry_config
from aws.event_bus import put_event
from aws.glue.crawlers import run_crawler
from aws.glue.workflows import run_workflow
from aws.iam.arns import Account
from aws.iam.policy import PolicyContext, statements
from aws.iam.statements import Duty, document
from aws.step_functions import await_execution, start_execution
from sandbox.policies.policy_gate import bind_policy
from sandbox.server import REGION

MINUTE = timedelta(minutes=1)
KEY = "stepskey"
MACHINE = f"arn:aws:states:{REGION}:123456789012:stateMachine:rightsoftheload"
DEFINITION = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})


@pytest.fixture(scope="module")
def printed(local_aws):
    """The policy of a contract whose steps name a state machine, a crawler and a workflow, which are there."""
    role = "arn:aws:iam::123456789012:role/any"
    local_aws.client("stepfunctions").create_state_machine(name=MACHINE[-15:], definition=DEFINITION, roleArn=role)
    targets = {"S3Targets": []}
    local_aws.client("glue").create_crawler(Name="rightsofthecrawl", Role="r", DatabaseName="d", Targets=targets)
    local_aws.client("glue").create_workflow(Name="rightsoftheflow")
    action = {"CrawlerName": "rightsofthecrawl"}
    local_aws.client("glue").create_trigger(
        Name="rightsoftheflow", WorkflowName="rightsoftheflow", Type="ON_DEMAND", Actions=[action]
    )
    more = RunWorkflow("rightsoftheflow", {}, MINUTE), PutEvent("default", "tests", "rights", {}, MINUTE)
    steps = (StartExecution(MACHINE[-15:], {}, MINUTE), AwaitExecution(MACHINE, MINUTE))
    contract = a_contract(steps=(*steps, RunCrawler("rightsofthecrawl", MINUTE), *more))
    return document(statements([contract], PolicyContext(Account("123456789012", REGION)), Duty.VALIDATOR))


def test_each_statement_of_the_new_steps_is_enough_and_needed(local_aws, printed):
    def of(service):
        session = boto3.Session(KEY, "secret", region_name=REGION)
        return session.client(service, endpoint_url=local_aws.endpoint, config=Config(**no_retry_config(MINUTE)))

    started = local_aws.client("stepfunctions").start_execution(stateMachineArn=MACHINE, name="known")["executionArn"]
    done = {
        "StartExecutions": lambda: start_execution(of("stepfunctions"), MACHINE, str(uuid4()), {}, within=MINUTE),
        "AwaitExecutions": lambda: await_execution(of("stepfunctions"), started, within=MINUTE),
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
