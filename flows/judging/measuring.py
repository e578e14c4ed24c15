"""Measure the checks: one query, the own queries of a few checks, and one more for rows of broken rules."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from acceptance.contract.contract import Contract
from acceptance.errors import AceiteError, QueryCause, QueryFailed
from acceptance.evidence.evidence import QueryRecord, Sample
from acceptance.judging.findings import TableFacts
from acceptance.judging.judge import Judgement, Measurement
from acceptance.queries.measuring_query import (
    MOST_BYTES,
    MeasuringQuery,
    OwnQuery,
    Place,
    compile_checks,
    compile_together,
    needs_own_queries,
    read_answer,
    read_own_answer,
    read_together,
)
from acceptance.queries.sample_query import broken_checks, sample_query
from acceptance.queries.snapshot_query import read_snapshot, snapshot_query
from aws.athena import QueryAnswer
from flows.steps.timeline import StepStopped
from flows.threads import in_threads

Ask = Callable[[str, str, str], QueryAnswer]
"""Runs a query: the step's name, the query's purpose and its SQL. Raises StepStopped or QueryFailed.

Several threads may call it at the same time.
"""

_AT_ONCE = 4
"""Queries of one delivery that Athena runs at the same time; an account may have 20 and more."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The answers of the queries. `query_id` is the id of the one query, `snapshot` that of an Iceberg table."""

    table: TableFacts
    checks: Mapping[str, Measurement] = field(default_factory=dict)
    query_id: str = ""
    snapshot: int | None = None


def current_snapshot(contract: Contract, ask: Ask) -> int:
    """Return the current snapshot of the contract's table, which is one of Iceberg."""
    answer = ask("find the snapshot to judge", "snapshot", snapshot_query(contract.table))
    return read_snapshot(answer.rows)


def measure(
    contract: Contract, partition: Mapping[str, str], usable: Collection[str], files: Sequence[str], ask: Ask
) -> Measured:
    """Measure every check whose columns are usable. If the own query of a check fails, only this check errors."""
    query = compile_checks(contract, partition, usable, files)
    try:
        measured = _asked(query, "measure the checks in one query", ask)
    except (StepStopped, QueryFailed) as error:
        if not (query.has_custom_rules and _cause(error) in (QueryCause.ROWS, QueryCause.TEXT)):
            raise
        # A rule in free SQL, or a pattern, may be what failed: run by itself, each says whether it was.
        query = compile_checks(contract, partition, usable, files, fuse_rules=False)
        measured = _asked(query, "measure the checks without free rules", ask)
    return replace(measured, checks={**measured.checks, **_own_answers(query, measured.table.rows, ask)})


def _asked(query: MeasuringQuery, step: str, ask: Ask) -> Measured:
    """Ask the query, and those with the checks of a wide table that it has no room for."""
    answer = ask(step, "checks", query.sql)
    facts, measured = read_answer(query, answer.rows[0] if answer.rows else (), answer.query_id)
    for number, more in enumerate(query.more, 2):
        rest = ask(f"{step}, number {number}", "checks", more.sql)
        measured |= read_answer(more, rest.rows[0] if rest.rows else (), rest.query_id)[1]
    return Measured(facts, measured, answer.query_id)


def measure_together(
    contract: Contract, places: Sequence[Place], usable: Collection[str], ask: Ask
) -> dict[Place, Measured]:
    """Return the answer of one query by place. A delivery without an answer is measured alone.

    If Athena fails the query for what it read, one of the deliveries may be the cause: each half gets a query of its
    own. No half would find a limit, a permission or an error of the text.
    """
    if len(places) < 2 or needs_own_queries(contract, usable):
        return {}
    query = compile_together(contract, places, usable)
    if len(query.sql.encode()) > MOST_BYTES:
        return {}
    try:
        answer = ask(f"measure the checks of {len(places)} deliveries in one query", "checks", query.sql)
    except (StepStopped, QueryFailed) as error:
        if _cause(error) is not QueryCause.ROWS:
            return {}
        half = len(places) // 2
        halves = (places[:half], places[half:])
        return {
            place: found for part in halves for place, found in measure_together(contract, part, usable, ask).items()
        }
    found = read_together(query, contract, answer.rows, answer.query_id)
    snapshot = contract.table.snapshot
    return {place: Measured(facts, checks, answer.query_id, snapshot) for place, (facts, checks) in found.items()}


def rows_of_broken_rules(
    contract: Contract,
    partition: Mapping[str, str],
    usable: Collection[str],
    files: Sequence[str],
    judgement: Judgement,
    ask: Ask,
) -> Sample:
    """Fetch a few rows of each rule that does not hold; ask nothing if all hold."""
    sql = sample_query(contract, partition, usable, broken_checks(judgement), files)
    if sql is None:
        return Sample()
    answer = ask("fetch rows of the broken rules", "sample", sql)
    return Sample(columns=answer.columns, rows=tuple(tuple(map(_text, row)) for row in answer.rows))


def _own_answers(query: MeasuringQuery, rows: int, ask: Ask) -> dict[str, Measurement]:
    """Ask the queries side by side: none needs the answer of another, and each takes some seconds."""

    def measured(own: OwnQuery) -> Measurement:
        try:
            answer = ask(f"measure {own.check.id}", "checks", own.sql)
        except (StepStopped, QueryFailed) as error:
            return Measurement(error=str(error))
        return read_own_answer(own, answer.rows, answer.query_id, rows)

    answers = in_threads(measured, query.own_queries, at_once=_AT_ONCE)
    return {own.check.id: answer for own, answer in zip(query.own_queries, answers, strict=True)}


def _cause(error: AceiteError) -> QueryCause | None:
    """Return why Athena itself refused; None if the network or the credentials are the trouble."""
    refused = error if isinstance(error, QueryFailed) else error.__cause__
    return refused.cause if isinstance(refused, QueryFailed) else None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def query_record(purpose: Any, answer: QueryAnswer, deliveries: int = 1) -> QueryRecord:
    return QueryRecord(
        purpose=purpose,
        query_id=answer.query_id,
        sql=answer.sql,
        workgroup=answer.workgroup,
        bytes_scanned=answer.bytes_scanned,
        total_ms=answer.total_ms,
        engine_version=answer.engine_version,
        output_location=answer.output_location,
        deliveries=deliveries,
    )


def failed_query(contract: Contract, purpose: Any, sql: str, stopped: StepStopped) -> Sequence[QueryRecord]:
    """Return the record of a query that Athena accepted and failed; none if it got no id."""
    cause = stopped.__cause__
    if not isinstance(cause, QueryFailed) or not cause.query_id:
        return ()
    workgroup = contract.table.workgroup
    return [QueryRecord(purpose=purpose, query_id=cause.query_id, sql=sql, workgroup=workgroup, error=stopped.detail)]
