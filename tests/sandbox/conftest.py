"""One sandbox for all of these tests. A minute of a Glue timeout takes half a second in it."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from sandbox.server import REGION, LocalAws


@dataclass(frozen=True)
class Answer:
    """What Athena answered. `rows` are without the header."""

    id: str
    state: str
    reason: str
    types: list[str]
    rows: list[tuple[str | None, ...]]
    statistics: dict[str, Any]
    output: str


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


def until(holds: Callable[[], Any], within_s: float = 60, every_s: float = 0.1) -> Any:
    deadline = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(every_s)
    return found


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

        execution = until(ended, every_s=0.04)
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


def payload(answer: Any) -> Any:
    return json.loads(answer["Payload"].read())
