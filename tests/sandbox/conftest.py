"""One sandbox for all of these tests. A minute of a Glue timeout takes half a second in it."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from polling import eventually
from sandbox_answers import Answer

from sandbox.server import REGION, LocalAws


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws(glue_minute_s=0.5) as running:
        yield running


@pytest.fixture(scope="module")
def session() -> boto3.Session:
    return boto3.Session("test", "test", region_name=REGION)


@pytest.fixture(scope="module")
def client(aws: LocalAws, session: boto3.Session) -> Callable[[str], Any]:
    return lambda service: session.client(service, endpoint_url=aws.endpoint)


@pytest.fixture(scope="module")
def s3(client: Callable[[str], Any]) -> Any:
    return client("s3")


@pytest.fixture(scope="module")
def glue(client: Callable[[str], Any]) -> Any:
    return client("glue")


@pytest.fixture(scope="module")
def lake(s3: Any, glue: Any) -> str:
    """A bucket, and a database of the same name."""
    s3.create_bucket(Bucket="lake")
    glue.create_database(DatabaseInput={"Name": "lake"})
    return "lake"


@pytest.fixture(scope="module")
def ask(client: Callable[[str], Any]) -> Callable[..., Answer]:
    """Runs a statement to its end."""
    athena = client("athena")

    def run(sql: str, parameters: list[str] | None = None) -> Answer:
        given = {"ExecutionParameters": parameters} if parameters else {}
        started = athena.start_query_execution(QueryString=sql, QueryExecutionContext={"Database": "lake"}, **given)[
            "QueryExecutionId"
        ]

        def ended() -> Any:
            execution = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]
            return execution if execution["Status"]["State"] not in ("QUEUED", "RUNNING") else None

        execution = eventually(ended, "the end of the query", every_s=0.04)
        status, rows, types = execution["Status"], [], []
        if status["State"] == "SUCCEEDED":
            result = athena.get_query_results(QueryExecutionId=started)["ResultSet"]
            rows = [tuple(cell.get("VarCharValue") for cell in row["Data"]) for row in result["Rows"]]
            rows = rows[1:] if execution["StatementType"] == "DML" else rows
            types = [column["Type"] for column in result["ResultSetMetadata"]["ColumnInfo"]]
        output = execution["ResultConfiguration"]["OutputLocation"]
        reason = status.get("StateChangeReason", "")
        return Answer(started, status["State"], reason, types, rows, execution["Statistics"], output)

    return run
