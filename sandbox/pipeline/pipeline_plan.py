"""What the sandbox's pipeline has to do for a contract, as its plan says it and as the contract's steps await it."""

from dataclasses import asdict
from typing import Any

from sqlglot import exp

from acceptance.contract.contract import AwaitGlueJob, AwaitObject, Column, Contract, Invoke, RunGlueJob, Single, Step
from acceptance.contract.landing_format import NamedByColumn, PartitionHolds
from sandbox.athena import dialect

IN_UTC = ("SET TimeZone='UTC'",)


def plan(contract: Contract) -> dict[str, Any]:
    staged, holds = targets(contract, "copy"), contract.partition_holds
    return {
        "dataset": contract.dataset,
        "location": f"s3://{contract.template.bucket}/{contract.template.pattern}",
        "landing": asdict(contract.landing),
        "columns": [
            asdict(column) | {"computed": _computed(column)}
            for column in contract.columns
            if column.name not in contract.partition and (column.in_file or column.computed)
        ],
        "before": dialect.PREPARATION if any(column.computed for column in contract.columns) else IN_UTC,
        "names_of_file": {holds.column: holds.value} if isinstance(holds, NamedByColumn) else {},
        "alone": holds is PartitionHolds.THIS_DELIVERY and isinstance(contract.completion, Single),
        "partition": dict(contract.partition),
        "database": contract.table.database,
        "table": contract.table.name,
        "staged": staged[-1] if staged else None,
        "actions": actions(contract),
        "jobs": [step.job for step in steps_of(contract, AwaitGlueJob, RunGlueJob)],
    }


def table_location(contract: Contract) -> str:
    """What the steps await in the table, without the partition; the SOR bucket if they await nothing there."""
    for step in steps_of(contract, AwaitObject):
        if _in_table(contract, step):
            kept = step.uri.split("/")
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
        if isinstance(step, Invoke):
            function = step.function
            found.setdefault(function, [])
        elif function and isinstance(step, AwaitGlueJob):
            found[function].append(("start", step.job))
        elif function and isinstance(step, AwaitObject) and not _in_table(contract, step):
            found[function].append(("copy", step.uri))
    if function and not steps_of(contract, AwaitGlueJob, RunGlueJob):
        found[function].append(("ingest", ""))
    return found


def targets(contract: Contract, action: str) -> list[str]:
    return [target for done in actions(contract).values() for each, target in done if each == action]


def _computed(column: Column) -> str:
    """The expression of its value in DuckDB's SQL, as the sandbox's Athena computes it; empty if the column lands."""
    if not column.computed:
        return ""
    kind = exp.DataType.build(column.type, dialect="hive").sql("athena")
    select = dialect.parse(f"SELECT CAST({column.computed} AS {kind}) AS computed")
    dialect.to_duckdb(select)
    return str(select.selects[0].this.sql("duckdb"))


def _in_table(contract: Contract, step: AwaitObject) -> bool:
    """A prefix is the table's if it names a partition; of a table without partitions, if it is awaited last."""
    if contract.partition:
        return any(f"/{name}=" in step.uri for name in contract.partition)
    return step.uri.endswith("/") and step is steps_of(contract, AwaitObject)[-1]


def steps_of(contract: Contract, *kinds: type[Step]) -> list[Any]:
    return [step for step in contract.steps if isinstance(step, kinds)]
