"""Looks at what the contracts name: functions, jobs, parameters, tables, workgroups; and at the landing queue."""

import json
from collections.abc import Collection
from dataclasses import replace

from acceptance.errors import StepFailed
from aws.athena import glue_catalog_id
from aws.calls import Client
from aws.glue.catalog import described_table, in_catalog
from aws.iam.arns import Account
from aws.parameters.overrides import no_way_back
from aws.step_functions import express_problem, unqualified
from cli.doctor.looks.buckets import bucket
from cli.doctor.looks.findings import SANDBOX_MAKES, Look, met, unmet
from cli.doctor.looks.questions import Refusal, ask, refusal, refusal_of_doctor


def function(lambda_: Client, name: str, named_in: str) -> Look:
    """Check the function by Lambda's dry run, which runs nothing and requires the same permission as a call."""
    answer = ask(lambda: lambda_.invoke(FunctionName=name, InvocationType="DryRun", Payload=b"{}"))
    if isinstance(answer, Refusal):
        make = f"deploy {name}; to list all: `aws lambda list-functions"
        missing = _missing(f"Lambda function {name}", lambda_, make, f"`invoke` in {named_in}")
        return refusal(answer, missing, "lambda:InvokeFunction", name)
    return met("it exists and may be invoked")


def job(glue: Client, name: str, named_in: str) -> Look:
    answer = ask(lambda: glue.get_job_runs(JobName=name, MaxResults=1))
    if isinstance(answer, Refusal):
        make = f"deploy {name}; to list all: `aws glue list-jobs"
        missing = _missing(f"Glue job {name}", glue, make, f"its step in {named_in}")
        return refusal(answer, missing, "glue:GetJobRuns", f"the job {name}")
    return met("it exists, and its runs may be read")


def crawler(glue: Client, name: str, named_in: str) -> Look:
    answer = ask(lambda: glue.get_crawler(Name=name))
    if isinstance(answer, Refusal):
        make = f"deploy {name}; to list all: `aws glue list-crawlers"
        missing = _missing(f"Glue crawler {name}", glue, make, f"its step in {named_in}")
        return refusal(answer, missing, "glue:GetCrawler", f"the crawler {name}")
    return met(f"it exists, and is {answer['Crawler']['State']}")


def workflow(glue: Client, name: str, named_in: str) -> Look:
    answer = ask(lambda: glue.get_workflow_runs(Name=name, MaxResults=1))
    if isinstance(answer, Refusal):
        make = f"deploy {name}; to list all: `aws glue list-workflows"
        missing = _missing(f"Glue workflow {name}", glue, make, f"`run_workflow` in {named_in}")
        return refusal(answer, missing, "glue:GetWorkflowRuns", f"the workflow {name}")
    return met("it exists, and its runs may be read")


def event_bus(events: Client, name: str, named_in: str) -> Look:
    answer = ask(lambda: events.describe_event_bus(Name=name))
    if isinstance(answer, Refusal):
        make = f"deploy {name}; to list all: `aws events list-event-buses"
        missing = _missing(f"event bus {name}", events, make, f"`put_event` in {named_in}")
        return refusal_of_doctor(answer, missing, "events:DescribeEventBus", f"the bus {name}")
    return met("it exists")


def state_machine(states: Client, sts: Client, name: str, named_in: str, ours: bool = True) -> Look:
    """Check that the state machine exists, is active, and is one whose executions can be awaited.

    A run looks at one that it starts itself (`ours`), so a denial is in its way.
    """
    account = Account(sts.get_caller_identity()["Account"], states.meta.region_name, states.meta.partition)
    arn = unqualified(account.state_machine(name))
    answer = ask(lambda: states.describe_state_machine(stateMachineArn=arn))
    if isinstance(answer, Refusal):
        make = f"deploy {name}; to list all: `aws stepfunctions list-state-machines"
        step = "start_execution" if ours else "await_execution"
        missing = _missing(f"state machine {name}", states, make, f"`{step}` in {named_in}")
        told = refusal if ours else refusal_of_doctor
        return told(answer, missing, "states:DescribeStateMachine", arn)
    if problem := express_problem(answer):
        found, _, remedy = problem.partition("; ")
        return unmet(found, f"{remedy}; it is named in {named_in}")
    if answer.get("status", "ACTIVE") != "ACTIVE":
        return unmet(f"its status is {answer['status']}", f"deploy {name} again, or correct {named_in}")
    return met("it exists, and its executions can be awaited")


def table(
    glue: Client,
    s3: Client,
    athena: Client,
    sts: Client,
    database: str,
    name: str,
    named_in: str,
    partition: Collection[str] | None,
    catalog: str,
) -> Look:
    """Check that the catalog has the table, of a kind that can be judged, and that its files may be listed.

    `partition` are the contract's partition columns; None for a table of landed files.
    """
    try:
        account = sts.get_caller_identity()["Account"] if "/" in catalog else ""
        catalog_id = glue_catalog_id(athena, catalog, account)
    except StepFailed as failed:
        correct = f"correct `catalog` in {named_in}"
        return unmet(str(failed), f"{correct}; to list all: `aws athena list-data-catalogs`", correct)
    answer = ask(lambda: glue.get_table(DatabaseName=database, Name=name, **in_catalog(catalog_id)))
    if isinstance(answer, Refusal):
        make = f"create the table; to list all: `aws glue get-tables --database-name {database}"
        missing = _missing(f"table {database}.{name}", glue, make, f"its name in {named_in}")
        return refusal(answer, missing, "glue:GetTable", f"{database}.{name}")
    found = described_table(database, answer["Table"], catalog_id)
    if partition is not None and (problem := found.problem(partition)):
        what, _, remedy = problem.partition("; ")
        return unmet(what, f"{remedy}; it is named in {named_in}")
    if found.unlisted:
        return met(f"it exists; its objects are not listed: {found.unlisted}")
    if not found.location.startswith("s3://"):
        return met("it exists and has no files of its own")
    return _place("it exists, at", s3, found.location, f"the location of the table {database}.{name}")


def workgroup(athena: Client, s3: Client, name: str, output_location: str | None, named_in: str) -> Look:
    """Check that the workgroup exists, accepts queries, and has an output location."""
    make = f"`aws athena create-work-group --name {name}"
    missing = _missing(f"workgroup {name}", athena, make, f"`workgroup` in {named_in}")
    answer = ask(lambda: athena.get_work_group(WorkGroup=name))
    if isinstance(answer, Refusal):
        return refusal_of_doctor(answer, missing, "athena:GetWorkGroup", f"the workgroup {name}")
    if not answer.get("WorkGroup"):
        return missing
    group = answer["WorkGroup"]
    if group.get("State") == "DISABLED":
        enable = f"`aws athena update-work-group --work-group {name} --state ENABLED`"
        return unmet("it is disabled", enable, SANDBOX_MAKES)
    configuration = group.get("Configuration", {})
    if configuration.get("ManagedQueryResultsConfiguration", {}).get("Enabled"):
        return met("it exists, and Athena manages the results of its queries")
    own = (configuration.get("ResultConfiguration") or {}).get("OutputLocation")
    location = own if configuration.get("EnforceWorkGroupConfiguration") else output_location or own
    if location:
        return _place("it exists, results go to", s3, location, f"the output location of the workgroup {name}")
    update = "ResultConfigurationUpdates={OutputLocation=s3://BUCKET/PREFIX/}"
    return unmet(
        "it exists, but has no output location for the results of queries, nor has the contract",
        f"`aws athena update-work-group --work-group {name} --configuration-updates {update}`, or give the athena "
        f"server in {named_in} a stagingDir",
        f"give the athena server in {named_in} a stagingDir",
    )


def _place(prefix_text: str, s3: Client, location: str, named_in: str) -> Look:
    name, _, prefix = location.removeprefix("s3://").partition("/")
    result = bucket(s3, name, prefix, named_in)
    if result.holds:
        return met(f"{prefix_text} {location}")
    return replace(result, found=f"{prefix_text} {location}: {result.found}")


def copied_parameter(ssm: Client, name: str, named_in: str) -> Look:
    """Check that the parameter that an override copies exists and holds a JSON object. Its value is never printed."""
    answer = ask(lambda: ssm.get_parameter(Name=name, WithDecryption=True))
    if isinstance(answer, Refusal):
        make = f"`aws ssm put-parameter --name {name} --type String --value JSON-OBJECT"
        missing = _missing(f"parameter {name}", ssm, make, f"copy_of in {named_in}")
        return refusal(answer, missing, "ssm:GetParameter", name)
    parameter = answer["Parameter"]
    try:
        is_object = isinstance(json.loads(parameter["Value"]), dict)
    except ValueError:
        is_object = False
    if not is_object:
        return unmet(
            f"version {parameter['Version']} is no JSON object, so nothing can be set in a copy of it",
            f"put a JSON object there, or correct copy_of in {named_in}",
        )
    return met(f"version {parameter['Version']} is a JSON object")


def overridden_parameter(ssm: Client, name: str, copy_of: str | None) -> Look:
    """Check the parameter that an override writes: it may be missing, but must have the type of the copied one."""
    answer = ask(lambda: ssm.get_parameter(Name=name))
    if isinstance(answer, Refusal):
        return refusal(answer, met("it does not exist yet; runs create it"), "ssm:GetParameter", name)
    source = ask(lambda: ssm.get_parameter(Name=copy_of)) if copy_of else None
    type_ = "String" if source is None or isinstance(source, Refusal) else source["Parameter"]["Type"]
    parameter = answer["Parameter"]
    if parameter["Type"] != type_:
        return unmet(
            f"its type is {parameter['Type']}, and {type_} is needed; SSM cannot change a type",
            f"`aws ssm delete-parameter --name {name}`, or name another one in the contract",
            SANDBOX_MAKES,
        )
    answer = ask(lambda: ssm.get_paginator("get_parameter_history").paginate(Name=name).build_full_result())
    if isinstance(answer, Refusal):
        return refusal(answer, met("it was deleted just now; runs create it"), "ssm:GetParameterHistory", name)
    history = {entry["Version"]: entry for entry in answer["Parameters"]}
    # A run also sets keys in the copy, to values that only it knows.
    least_bytes = 0 if source is None or isinstance(source, Refusal) else len(source["Parameter"]["Value"].encode())
    if trouble := no_way_back(name, history, least_bytes):
        found = f"version {parameter['Version']} could not be restored, so runs will not override it: {trouble.why}"
        return unmet(found, trouble.remedy, SANDBOX_MAKES)
    return met(f"version {parameter['Version']} exists; runs restore it")


def queue(sqs: Client, url: str) -> Look:
    answer = ask(lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]))
    if isinstance(answer, Refusal):
        missing = unmet(
            f"there is no queue {url}",
            "correct ACEITE_LANDING_QUEUE_URL (`aws sqs list-queues`), or unset it: files are then only seen later",
            "unset ACEITE_LANDING_QUEUE_URL: the sandbox has no queue, and its listings find every file",
        )
        return refusal_of_doctor(answer, missing, "sqs:GetQueueAttributes", url)
    return met(f"it exists, with about {answer['Attributes']['ApproximateNumberOfMessages']} messages")


def _missing(thing: str, client: Client, make: str, correct: str) -> Look:
    """Return that the thing is missing. `make` is a command without its region, `correct` the place of the name."""
    region = client.meta.region_name
    return unmet(
        f"there is no {thing} in {region}",
        f"{make} --region {region}`, or correct {correct}; if it is in another region, ACEITE_AWS_REGION",
        f"{SANDBOX_MAKES}; or correct {correct}",
    )
