"""Plans what the sandbox's pipeline does for a contract, from what the contract's steps await."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any, assert_never

from moto.core import DEFAULT_ACCOUNT_ID

from acceptance.contract.contract import Contract, Single, Table
from acceptance.contract.landing_format import NamedByColumn, PartitionHolds
from acceptance.contract.steps import (
    AwaitExecution,
    AwaitGlueJob,
    AwaitObject,
    AwaitTable,
    Invoke,
    PutEvent,
    RunCrawler,
    RunGlueJob,
    RunWorkflow,
    StartExecution,
    fired_machines,
)
from aws.athena import OWN_CATALOG


@dataclass(frozen=True, slots=True)
class Resources:
    """The AWS resources that the steps of a contract name, in the order of the steps."""

    functions: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    state_machines: list[str] = field(default_factory=list)
    crawlers: list[str] = field(default_factory=list)
    workflows: list[str] = field(default_factory=list)
    rules: list["EventRule"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class EventRule:
    """A rule of an event bus, which calls a function with the events of this source and kind."""

    bus: str
    source: str
    detail_type: str

    @property
    def function(self) -> str:
        digest = hashlib.sha256("\0".join((self.bus, self.source, self.detail_type)).encode()).hexdigest()[:8]
        return f"hears-{re.sub('[^A-Za-z0-9_-]', '-', self.detail_type)[:40]}-{digest}"


def resources_of(contract: Contract) -> Resources:
    named = Resources()
    if fires_by_itself(contract):
        named.functions.append(fired_function(contract))
    for step in contract.steps:
        match step:
            case Invoke(function):
                named.functions.append(function)
            case AwaitGlueJob(job) | RunGlueJob(job):
                named.jobs.append(job)
            case AwaitObject(uri):
                named.objects.append(uri)
            case RunCrawler(crawler):
                named.crawlers.append(crawler)
            case StartExecution(machine):
                named.functions.append(function_of_machine(machine))
                named.state_machines.append(machine)
            case RunWorkflow(workflow):
                named.jobs.append(job_of_workflow(workflow))
                named.workflows.append(workflow)
            case PutEvent(bus, source, detail_type):
                named.rules.append(EventRule(bus, source, detail_type))
                named.functions.append(named.rules[-1].function)
            case AwaitExecution(machine) if machine in fired_machines(contract.steps):
                named.functions.append(function_of_machine(machine))
                named.state_machines.append(machine)
            case AwaitExecution() | AwaitTable():
                pass
            case _:
                assert_never(step)
    return named


def fires_by_itself(contract: Contract) -> bool:
    """Return True if no step starts anything: S3 then calls a function when a file lands."""
    return not any(step.starts for step in contract.steps)


def fired_function(contract: Contract) -> str:
    """Return the name of the function that S3 calls, of signs that Lambda permits."""
    digest = hashlib.sha256(contract.dataset.encode()).hexdigest()[:8]
    return f"landed-{re.sub('[^A-Za-z0-9_-]', '-', contract.dataset)[:40]}-{digest}"


def name_of_machine(state_machine: str) -> str:
    """Return the name of a state machine that a contract names by name or ARN, with or without version or alias."""
    return state_machine.rpartition(":stateMachine:")[2].partition(":")[0]


def function_of_machine(state_machine: str) -> str:
    """Return the name of the function that the state machine calls."""
    return f"task-of-{re.sub('[^A-Za-z0-9_-]', '-', name_of_machine(state_machine))[:50]}"


def job_of_workflow(workflow: str) -> str:
    """Return the name of the job that the workflow runs."""
    return f"job of {workflow}"[:255]


def definition(state_machine: str) -> str:
    """Return the definition of a state machine that calls its function with its input."""
    called = {"FunctionName": function_of_machine(state_machine), "Payload.$": "$"}
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": called, "End": True}
    return json.dumps({"StartAt": "Work", "States": {"Work": task}})


def plan(contract: Contract) -> dict[str, Any]:
    """Return the entry of this dataset in plan.json, which `pipeline/deployed` reads."""
    staged, holds = targets(contract, "copy"), contract.partition_holds
    return {
        "dataset": contract.dataset,
        "location": f"s3://{contract.template.bucket}/{contract.template.pattern}",
        "landing": asdict(contract.landing),
        "columns": [asdict(column) for column in contract.landed_columns],
        "names_of_file": {holds.column: holds.value} if isinstance(holds, NamedByColumn) else {},
        "alone": holds is PartitionHolds.THIS_DELIVERY and isinstance(contract.completion, Single),
        "partition": dict(contract.partition),
        "types": {column.name: column.type for column in contract.columns},
        "database": contract.table.database,
        "catalog_id": catalog_id(contract.table),
        "table": filled_table(contract),
        "staged": staged[-1] if staged else None,
        "actions": actions(contract),
        "jobs": resources_of(contract).jobs,
        "crawled": bool(resources_of(contract).crawlers),
    }


OTHER_ACCOUNT = "210987654321"
"""The account whose Glue catalog is the one of every data catalog that a contract names."""


def catalog_id(table: Table) -> str:
    """Return the CatalogId of a contract's catalog, "" for the account's own."""
    if table.catalog.lower() == OWN_CATALOG:
        return ""
    return f"{DEFAULT_ACCOUNT_ID}:{table.catalog}" if "/" in table.catalog else OTHER_ACCOUNT


def filled_table(contract: Contract) -> str:
    """Return the table that the pipeline fills: for a contract of a view, the one that the view reads."""
    return f"{contract.table.name}_rows" if contract.table.view else contract.table.name


def table_location(contract: Contract) -> str:
    """Return the prefix that the steps await, without the partition; without such a step one in the bucket `sor`."""
    for uri in resources_of(contract).objects:
        if _in_table(contract, uri):
            folders = uri.split("/")
            first = next((place for place, folder in enumerate(folders) if "=" in folder), len(folders))
            return "/".join(folders[:first]).rstrip("/") + "/"
    return f"s3://sor/{contract.table.name}/"


def actions(contract: Contract) -> dict[str, list[tuple[str, str]]]:
    """Return (action, target) pairs by function, from what the steps await between its call and the next one.

    For an object outside the table the function copies the landed object there (copy). For a Glue job it starts the job
    (start), and for an execution that no step starts it starts that (execute). If no step names a job, the last
    function fills the table itself (ingest). If no step starts anything, one function does it all, which S3 calls.
    """
    planned: dict[str, list[tuple[str, str]]] = {}
    function = ""
    if fires_by_itself(contract):
        function = fired_function(contract)
        planned[function] = []
    for step in contract.steps:
        match step:
            case Invoke(name):
                function = name
                planned.setdefault(function, [])
            case AwaitGlueJob(job):
                if function:
                    planned[function].append(("start", job))
            case AwaitObject(uri):
                if function and not _in_table(contract, uri):
                    planned[function].append(("copy", uri))
            case StartExecution(machine):
                function = function_of_machine(machine)
                planned.setdefault(function, [])
            case PutEvent(bus, source, detail_type):
                function = EventRule(bus, source, detail_type).function
                planned.setdefault(function, [])
            case AwaitExecution(machine) if function and machine in fired_machines(contract.steps):
                planned[function].append(("execute", name_of_machine(machine)))
                function = function_of_machine(machine)
                planned.setdefault(function, [])
            case RunWorkflow() | RunGlueJob() | RunCrawler() | AwaitExecution() | AwaitTable():
                pass  # the run starts the job or the crawl, and the last function fills the table
            case _:
                assert_never(step)
    if function and not resources_of(contract).jobs:
        planned[function].append(("ingest", ""))
    return planned


def targets(contract: Contract, action: str) -> list[str]:
    """Return the targets of one action, in the order of the functions."""
    return [target for planned in actions(contract).values() for name, target in planned if name == action]


def _in_table(contract: Contract, uri: str) -> bool:
    """Return True if the prefix is the table's: it names a partition or, without partitions, is awaited last."""
    if contract.partition:
        return any(f"/{name}=" in uri for name in contract.partition)
    return uri.endswith("/") and uri == resources_of(contract).objects[-1]
