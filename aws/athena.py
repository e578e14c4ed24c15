"""Athena, through PyAthena: run one query, return its rows as Python values and its cost."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
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

from acceptance.errors import QueryCause, QueryFailed, StepFailed
from acceptance.foreign_words import ForeignWords, without_secrets
from acceptance.queries.measuring_query import MOST_BYTES
from aws.calls import Client, aws_call, is_denied, is_transient, retry_when_denied
from aws.waiting import REAL_CLOCK, Clock, pauses

_FIRST_S, _EVERY_S = 0.1, 2.0
_ATTEMPTS = 3
"""How often a query is put that Athena fails, and of which it says that it may succeed if it is put again."""


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
    failed_before: tuple[str, ...] = ()
    """The ids of its earlier attempts, which Athena failed for a reason of its own."""


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

    It may wait in Athena's queue for `within`, and then run for `within`. On transient errors the request is repeated
    with the same client request token, so Athena starts the query once. A query that failed, and that Athena calls
    retryable, is put again.

    Raises:
        QueryFailed: Athena refused, failed or cancelled the query, or the deadline passed. A reason of Athena that may
            quote a cell is in the words.
    """
    if (size := len(sql.encode())) > MOST_BYTES:
        raise QueryFailed(
            f"the query was not started: it has {size:,} bytes, and Athena takes {MOST_BYTES:,} at most; a table of "
            "fewer columns or rules of fewer words make a shorter one",
            cause=QueryCause.NEITHER,
        )
    watch = _Watch(within.total_seconds(), clock)
    failed: list[str] = []
    while True:
        try:
            answer = _run_once(connection, sql, within, watch)
        except QueryFailed as failure:
            if failure.query_id is None or not watch.retryable or len(failed) == _ATTEMPTS - 1:
                raise
            failed.append(failure.query_id)
            watch.begin_again()
        else:
            return replace(answer, failed_before=tuple(failed))


def _run_once(connection: Connection[Cursor], sql: str, within: timedelta, watch: "_Watch") -> QueryAnswer:
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
            raise QueryFailed(text, watch.query_id, cause=QueryCause.NEITHER) from None
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


def glue_catalog_id(athena: Client, catalog: str, account: str) -> str:
    """Return the CatalogId by which Glue knows a data catalog of Athena; "" for the own one of the account.

    Catalogs below another one, such as s3tablescatalog/BUCKET of S3 Tables, are those of Glue in this account.

    Raises:
        StepFailed: there is no such catalog, or it is not one of Glue.
    """
    if catalog.lower() == OWN_CATALOG:
        return ""
    if "/" in catalog:
        return f"{account}:{catalog}"
    with aws_call(f"read the data catalog {catalog}"):
        found = athena.get_data_catalog(Name=catalog).get("DataCatalog") or {}
    catalog_id = found.get("Parameters", {}).get("catalog-id", "")
    if found.get("Type") != "GLUE" or not catalog_id:
        raise StepFailed(
            f"the data catalog {catalog} is {'of type ' + found['Type'] if found else 'not there'}; allowed: one of "
            "type GLUE, of any account"
        )
    return str(catalog_id)


OWN_CATALOG = "awsdatacatalog"

_CODE = re.compile(r"\s*([A-Z][A-Z0-9_]{4,60}): ?")
_BEFORE_READING = re.compile(
    r"(SYNTAX|PERMISSION|ACCESS|EXCEEDED|AMBIGUOUS)_\w+|\w+_NOT_FOUND|TYPE_MISMATCH|NOT_SUPPORTED"
)
"""Codes of errors that come before Athena reads a row. Their texts are about the query. Others may quote a cell."""


_LIMITS_AND_RIGHTS = re.compile(
    r"\s*(\w+: )?(Query (timeout|timed out|exhausted resources)|Bytes scanned limit|Insufficient permissions"
    r"|Unable to verify/create output bucket|Access denied when writing)"
    r"|\s*(EXCEEDED_\w+|CLUSTER_OUT_OF_MEMORY|NO_NODES_AVAILABLE|(PERMISSION|ACCESS)_DENIED): ",
    re.IGNORECASE,
)
"""How Athena's reasons begin that no other rows and no other text would change. See its guide, "Troubleshooting"."""


def _failed(error: Error, watch: "_Watch") -> QueryFailed:
    reason, query_id, state = str(error), watch.query_id, watch.state
    cancelled = state == AthenaQueryExecution.STATE_CANCELLED
    cause = QueryCause.NEITHER if cancelled or _LIMITS_AND_RIGHTS.match(reason) else QueryCause.ROWS
    if reason in {"", "None"}:  # PyAthena raises an error of None for a query that ended without a reason
        return QueryFailed(f"query {query_id}: {state}; Athena gave no reason", query_id, cause=cause)
    if query_id is None:
        cause = QueryCause.NEITHER if is_denied(error) else QueryCause.ROWS
        return QueryFailed(f"the query was not started: {without_secrets(reason)}", cause=cause)
    code = _CODE.match(reason)
    if code and _BEFORE_READING.fullmatch(code[1]):
        cause = QueryCause.TEXT if cause is QueryCause.ROWS else cause
        return QueryFailed(f"query {query_id}: {reason}", query_id, cause=cause)
    text = reason[code.end() :] if code else reason
    words = ForeignWords(text, f"Athena's history of the query {query_id}")
    return QueryFailed(f"query {query_id}{(code and f': {code[1]}') or ''}", query_id, words, cause)


class _DeadlinePassed(Exception):
    pass


class _Watch:
    """Callbacks of one query: they record its id and last state, pause between polls, and enforce the deadline."""

    def __init__(self, at_most_s: float, clock: Clock) -> None:
        self.query_id: str | None = None
        self.execution: AthenaQueryExecution | None = None
        self._clock = clock
        self._at_most_s = at_most_s
        self._deadline = clock.now() + at_most_s
        self._runs = False
        self._pauses = pauses(_FIRST_S, _EVERY_S)

    @property
    def state(self) -> str:
        return (self.execution and self.execution.state) or "not started"

    @property
    def retryable(self) -> bool:
        """True if the query failed, and Athena says that it may succeed if it is put again."""
        return self.execution is not None and self.execution.state == "FAILED" and bool(self.execution.retryable)

    def begin_again(self) -> None:
        """Forget the query that failed. Its deadline goes on."""
        self.query_id = self.execution = None
        self.pause()

    def started(self, query_id: str) -> None:
        self.query_id = query_id

    def polled(self, execution: AthenaQueryExecution) -> None:
        self.execution = execution
        if execution.state == AthenaQueryExecution.STATE_RUNNING and not self._runs:
            # It was in Athena's queue until now, behind the queries of others.
            self._runs, self._deadline = True, self._clock.now() + self._at_most_s
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
