"""Athena, through PyAthena: run one query, return its rows as Python values and its cost."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config
from pyathena.connection import Connection
from pyathena.cursor import Cursor
from pyathena.error import Error
from pyathena.model import AthenaQueryExecution
from pyathena.util import RetryConfig

from acceptance.errors import QueryFailed, StepFailed
from acceptance.foreign_words import ForeignWords, without_secrets
from aws.calls import aws_call, is_transient, retry_when_denied
from aws.waiting import REAL_CLOCK, Clock, pauses

_FIRST_S, _EVERY_S = 0.1, 2.0


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """All rows as tuples of Python values, and Athena's statistics. `output_location` is the URI of the result file."""

    query_id: str
    sql: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    bytes_scanned: int
    total_ms: int
    output_location: str
    engine_version: str
    workgroup: str
    started: datetime | None
    ended: datetime | None


def connect(
    session: boto3.Session,
    *,
    endpoint_url: str | None = None,
    region: str | None,
    workgroup: str,
    database: str,
    catalog: str = "awsdatacatalog",
    output_location: str | None = None,
    config: Config | None = None,
) -> Connection[Cursor]:
    """Connect to a workgroup. `output_location` is an s3:// prefix; without it Athena uses the workgroup's own.

    `config` configures the boto3 client.
    """
    connection = Connection(
        session=session,
        region_name=region or session.region_name,
        work_group=workgroup,
        schema_name=database,
        catalog_name=catalog,
        # With None, PyAthena would read a location from environment variables.
        s3_staging_dir=output_location or "",
        retry_config=RetryConfig(attempt=5, max_delay=8),
        config=config,
        endpoint_url=endpoint_url,
    )
    retry_when_denied(connection.client)
    return connection


def run_query(connection: Connection[Cursor], sql: str, *, within: timedelta, clock: Clock = REAL_CLOCK) -> QueryAnswer:
    """Run the query to its end and return its rows. Stop a query that does not end in time.

    On transient errors the request is repeated with the same client request token, so Athena starts the query once.

    Raises:
        QueryFailed: Athena refused, failed or cancelled the query, or the deadline passed. A reason of Athena that may
            quote a cell is in the words.
    """
    watch = _Watch(within.total_seconds(), clock)
    # PyAthena has no deadline and only a fixed pause between polls. Its poll callback lets us add both.
    with _one_token(connection), connection.cursor(poll_interval=0, on_poll=watch.polled) as cursor:
        try:
            rows = _rows(cursor, sql, watch)
        except Error as error:
            raise _failed(error, watch) from None
        except _DeadlinePassed as late:
            stopped = _stop(connection, watch.query_id)
            last = f" ({late})" if str(late) else ""
            text = f"query {watch.query_id}: still {watch.state} after {within.total_seconds():g} s{last}, {stopped}"
            raise QueryFailed(text, watch.query_id) from None
        except BaseException:
            # A cancelled run must not leave a query that scans, and costs, for nobody.
            _stop(connection, watch.query_id)
            raise
        columns = tuple(column[0] for column in cursor.description or ())
    assert watch.execution is not None
    return _answer(watch.execution, sql, columns, rows)


def _rows(cursor: Cursor, sql: str, watch: "_Watch") -> tuple[tuple[Any, ...], ...]:
    while True:
        try:
            cursor.execute(sql, on_start_query_execution=watch.started)
            return tuple(map(tuple, cursor.fetchall()))
        except Error as error:
            if not is_transient(error):
                raise
            watch.pause(str(error))


@contextmanager
def _one_token(connection: Connection[Cursor]) -> Iterator[None]:
    """Give every StartQueryExecution inside the block the same client request token."""
    token, event, name = str(uuid4()), "before-parameter-build.athena.StartQueryExecution", "aceite.token"

    def give(params: dict[str, Any], **_: Any) -> None:
        params["ClientRequestToken"] = token

    connection.client.meta.events.register(event, give, unique_id=name)
    try:
        yield
    finally:
        connection.client.meta.events.unregister(event, unique_id=name)


_CODE = re.compile(r"\s*([A-Z][A-Z0-9_]{4,60}): ?")
_BEFORE_READING = re.compile(
    r"(SYNTAX|PERMISSION|ACCESS|EXCEEDED|AMBIGUOUS)_\w+|\w+_NOT_FOUND|TYPE_MISMATCH|NOT_SUPPORTED"
)
"""Codes of errors that come before Athena reads a row. Their texts are about the query. Others may quote a cell."""


def _failed(error: Error, watch: "_Watch") -> QueryFailed:
    reason, query_id = str(error), watch.query_id
    if reason in {"", "None"}:  # PyAthena raises an error of None for a query that ended without a reason
        return QueryFailed(f"query {query_id}: {watch.state}; Athena gave no reason", query_id)
    if query_id is None:
        return QueryFailed(f"the query was not started: {without_secrets(reason)}")
    code = _CODE.match(reason)
    if code and _BEFORE_READING.fullmatch(code[1]):
        return QueryFailed(f"query {query_id}: {reason}", query_id)
    text = reason[code.end() :] if code else reason
    words = ForeignWords(text, f"Athena's history of the query {query_id}")
    return QueryFailed(f"query {query_id}{(code and f': {code[1]}') or ''}", query_id, words)


class _DeadlinePassed(Exception):
    pass


class _Watch:
    """Callbacks of one query: they record its id and last state, pause between polls, and enforce the deadline."""

    def __init__(self, at_most_s: float, clock: Clock) -> None:
        self.query_id: str | None = None
        self.execution: AthenaQueryExecution | None = None
        self._clock = clock
        self._deadline = clock.now() + at_most_s
        self._pauses = pauses(_FIRST_S, _EVERY_S)

    @property
    def state(self) -> str:
        return (self.execution and self.execution.state) or "not started"

    def started(self, query_id: str) -> None:
        self.query_id = query_id

    def polled(self, execution: AthenaQueryExecution) -> None:
        self.execution = execution
        if execution.state not in AthenaQueryExecution.TERMINAL_STATES:
            self.pause()

    def pause(self, trouble: str = "") -> None:
        """Sleep until the next try. Raise _DeadlinePassed, with the last error, once the deadline has passed."""
        left_s = self._deadline - self._clock.now()
        if left_s <= 0:
            raise _DeadlinePassed(trouble)
        self._clock.sleep(min(next(self._pauses), left_s))


def _stop(connection: Connection[Cursor], query_id: str | None) -> str:
    """Stop the query and return a phrase that says whether that succeeded."""
    if query_id is None:
        return "and it has no id, so Aceite could not stop it"
    try:
        with aws_call("StopQueryExecution"):
            connection.client.stop_query_execution(QueryExecutionId=query_id)
    except StepFailed as failure:
        return f"and Aceite could not stop it: {failure}"
    return "so Aceite stopped it"


def _answer(
    execution: AthenaQueryExecution, sql: str, columns: tuple[str, ...], rows: tuple[tuple[Any, ...], ...]
) -> QueryAnswer:
    return QueryAnswer(
        query_id=execution.query_id or "",
        sql=sql,
        columns=columns,
        rows=rows,
        bytes_scanned=execution.data_scanned_in_bytes or 0,
        total_ms=execution.total_execution_time_in_millis or 0,
        output_location=execution.output_location or "",
        engine_version=execution.effective_engine_version or "",
        workgroup=execution.work_group or "",
        started=execution.submission_date_time,
        ended=execution.completion_date_time,
    )
