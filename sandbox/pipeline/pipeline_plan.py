"""What the sandbox's pipeline has to do for a contract, as its plan says it and as the contract's steps await it."""

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
    """What the steps await in the table, without the partition; the SOR bucket if they await nothing there."""
    for uri in resources_of(contract).objects:
        if _in_table(contract, uri):
            kept = uri.split("/")
            first = next((place for place, part in enumerate(kept) if "=" in part), len(kept))
            return "/".join(kept[:first]).rstrip("/") + "/"
    return f"s3://sor/{contract.table.name}/"


def actions(contract: Contract) -> dict[str, list[tuple[str, str]]]:
    """What each function has to do, (action, target), from what is awaited between its call and the next one.

    An object outside the table: copy the landed one there. A Glue job: start it. If no step names a job, the function
    that is called last fills the table itself.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    function = ""
    for step in contract.steps:
        match step:
            case Invoke(name):
                function = name
                found.setdefault(function, [])
            case AwaitGlueJob(job):
                if function:
                    found[function].append(("start", job))
            case AwaitObject(uri):
                if function and not _in_table(contract, uri):
                    found[function].append(("copy", uri))
            case RunGlueJob():
                pass  # the run starts it
            case _:
                assert_never(step)
    if function and not resources_of(contract).jobs:
        found[function].append(("ingest", ""))
    return found


def targets(contract: Contract, action: str) -> list[str]:
    return [target for done in actions(contract).values() for each, target in done if each == action]


def _in_table(contract: Contract, uri: str) -> bool:
    """Return True if the prefix is the table's: it names a partition or, without partitions, is awaited last."""
    if contract.partition:
        return any(f"/{name}=" in uri for name in contract.partition)
    return uri.endswith("/") and uri == resources_of(contract).objects[-1]
