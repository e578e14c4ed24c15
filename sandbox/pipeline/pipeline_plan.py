"""Plans what the sandbox's pipeline does for a contract, from what the contract's steps await."""

from dataclasses import asdict, dataclass, field
from typing import Any, assert_never

from acceptance.contract.contract import Contract, Single
from acceptance.contract.landing_format import NamedByColumn, PartitionHolds
from acceptance.contract.steps import AwaitGlueJob, AwaitObject, Invoke, RunGlueJob


@dataclass(frozen=True, slots=True)
class Resources:
    """The AWS resources that the steps of a contract name, in the order of the steps."""

    functions: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)


def resources_of(contract: Contract) -> Resources:
    named = Resources()
    for step in contract.steps:
        match step:
            case Invoke(function):
                named.functions.append(function)
            case AwaitGlueJob(job) | RunGlueJob(job):
                named.jobs.append(job)
            case AwaitObject(uri):
                named.objects.append(uri)
            case _:
                assert_never(step)
    return named


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
        "database": contract.table.database,
        "table": contract.table.name,
        "staged": staged[-1] if staged else None,
        "actions": actions(contract),
        "jobs": resources_of(contract).jobs,
    }


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
    (start). If no step names a job, the last function fills the table itself (ingest).
    """
    planned: dict[str, list[tuple[str, str]]] = {}
    function = ""
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
            case RunGlueJob():
                pass  # the run starts it
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
