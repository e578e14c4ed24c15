"""The task that puts a query to Athena."""

from datetime import timedelta

from prefect import task

from acceptance.contract.contract import Table
from aws import athena
from flows.installation.clients import load_clients
from flows.steps.retries import REPEATABLE
from flows.steps.timeline import StepResult


@task(name="ask Athena", **REPEATABLE)
def ask_athena(table: Table, sql: str, within: timedelta) -> StepResult:
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
        answer = athena.run_query(connection, sql, within=within)
    detail = f"{answer.bytes_scanned} bytes scanned in {answer.total_ms} ms"
    return StepResult(answer, {"query_id": answer.query_id}, detail)
