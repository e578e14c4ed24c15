"""The tasks that ask about the table under test: the Glue catalog for its partition, Athena for its rows."""

from collections.abc import Mapping

from prefect import task

from acceptance.contract.contract import Table
from acceptance.counted import counted
from acceptance.errors import StepFailed
from acceptance.judging.findings import CatalogFacts
from aws import athena
from aws.glue import catalog as glue
from aws.s3 import objects as s3
from flows.installation.clients import Clients, load_clients
from flows.steps.retries import REPEATABLE
from flows.steps.timeline import StepResult


@task(name="look in the catalog", **REPEATABLE)
def look_in_catalog(table: Table, partition: Mapping[str, str]) -> StepResult:
    """Read the table from the Glue catalog; look whether the delivery's partition is there and holds objects."""
    clients = load_clients()
    catalog_id = athena.glue_catalog_id(clients.of("athena"), table.catalog, clients.caller.account)
    found = glue.read_table(clients.of("glue"), table.database, table.name, catalog_id)
    if found is None:
        facts = CatalogFacts({}, partition_found=False, has_objects=False, location=None)
        return StepResult(facts, detail=f"there is no table {table.database}.{table.name}")
    if problem := found.problem(partition):
        raise StepFailed(f"the table {table.database}.{table.name} cannot be judged: {problem}")
    columns = {column.name: column.type for column in (*found.columns, *found.partition_keys)}
    facts = _partition_facts(clients, found, partition, columns)
    place = facts.location or facts.unlisted or "no such partition"
    return StepResult(facts, detail=f"{counted(len(columns), 'column')}, {place}")


def _partition_facts(
    clients: Clients, table: glue.CatalogTable, partition: Mapping[str, str], columns: Mapping[str, str]
) -> CatalogFacts:
    location: str | None = table.location
    if partition and not table.is_view and not table.is_iceberg:
        entry = glue.find_partition(clients.of("glue"), table, partition)
        location = entry.location if entry else None
    if table.unlisted:
        found, versioned = location is not None, table.is_iceberg
        return CatalogFacts(columns, found, False, location or None, table.projected, table.unlisted, versioned)
    has_objects = location is not None and s3.object_exists(clients.of("s3"), location.rstrip("/") + "/")
    return CatalogFacts(columns, location is not None, has_objects, location, table.projected)


@task(name="ask Athena", **REPEATABLE)
def ask_athena(table: Table, sql: str) -> StepResult:
    clients = load_clients()
    with athena.connect(
        clients.session(),
        endpoint_url=clients.endpoint_url,
        region=table.region,
        workgroup=table.workgroup,
        database=table.database,
        catalog=table.catalog,
        output_location=table.output_location,
        config=clients.config,
    ) as connection:
        answer = athena.run_query(connection, sql, within=table.query_within)
    again = f", after Athena failed {', '.join(answer.failed_before)} and called it retryable"
    scanned = counted(answer.bytes_scanned, "byte")
    detail = f"{scanned} scanned in {answer.total_ms} ms{again if answer.failed_before else ''}"
    return StepResult(answer, {"query_id": answer.query_id}, detail)
