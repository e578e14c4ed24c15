"""Tells, without a query, whether a delivery's rows can be read in the table, and when somebody last wrote there."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from prefect import task

from acceptance.contract.contract import Table
from acceptance.errors import StepFailed, WaitTimedOut
from aws import athena
from aws.glue import catalog as glue
from aws.s3 import objects as s3
from aws.waiting import REAL_CLOCK, Clock, poll_until
from flows.installation.clients import load_clients
from flows.steps.retries import REPEATABLE
from flows.steps.timeline import StepResult

LOOK_EVERY_S = 15.0
"""The longest pause between two looks. The first ones follow one another faster."""

CANNOT_TELL = "nobody can tell when it was written, as with a view; let the step be {await_table: agrees}"


@dataclass(frozen=True, slots=True)
class TableState:
    """The state of the place where a delivery's rows are.

    `missing`: why there is nothing to read; empty if there is something. `written` is the last write by S3's own clock,
    to the second; None if nobody can tell, as of a view. `mark` changes with every write; it is empty if nobody can
    tell.
    """

    missing: str = ""
    written: datetime | None = None
    mark: str = ""

    def __str__(self) -> str:
        return self.missing or (f"last written at {self.written:%Y-%m-%dT%H:%M:%SZ}" if self.written else CANNOT_TELL)

    def is_new(self, landed: datetime, before: str | None) -> bool:
        """Return True if somebody wrote after the delivery landed; with `before`, if the mark is another one now."""
        if self.missing:
            return False
        return self.written is None or (self.written >= landed if before is None else self.mark != before)


@dataclass(frozen=True, slots=True)
class Asking:
    """How long the proof is asked again, on the clock that `began` is of, and the mark when it was asked last.

    `landed` and `before` tell rows that somebody wrote for the delivery, as of TableState.is_new.

    The first two asks are `FIRST_GAP_S` apart. Each gap is twice the one before, up to a 24th of the time or five
    minutes, whichever is longer. So a delivery is asked some thirty times at most.
    """

    began: float
    within: timedelta
    mark: str
    landed: datetime
    before: str | None = None
    asked: int = 1
    ended: bool = False

    @property
    def gap_s(self) -> float:
        longest_s = max(300.0, self.within.total_seconds() / 24)
        return float(min(FIRST_GAP_S * 2.0 ** min(self.asked - 1, 20), longest_s))

    def left_s(self, now: float) -> float:
        return max(round(self.began + self.within.total_seconds() - now, 3), 0.0)


FIRST_GAP_S = 4.0


def look_at_table(table: Table, partition: Mapping[str, str]) -> TableState:
    """Ask the Glue catalog and S3. Raise StepFailed if they do not answer, or if no delivery can be judged there."""
    clients = load_clients()
    catalog_id = athena.glue_catalog_id(clients.of("athena"), table.catalog, clients.caller.account)
    found = glue.read_table(clients.of("glue"), table.database, table.name, catalog_id)
    if found is None:
        return TableState(f"there is no table {table.database}.{table.name}")
    if problem := found.problem(partition):
        raise StepFailed(f"the table {table.database}.{table.name} cannot be judged: {problem}")
    columns = "\0".join(f"{column.name} {column.type}" for column in (*found.columns, *found.partition_keys))
    if metadata := found.parameters.get("metadata_location"):  # each commit of Apache Iceberg puts a new object
        listed = None if found.governed else s3.listed_object(clients.of("s3"), *s3.split_uri(metadata))
        return TableState(written=listed.last_modified if listed else None, mark=_mark(columns, metadata))
    if found.unlisted:
        return TableState()
    location: str | None = found.location
    if partition:
        entry = glue.find_partition(clients.of("glue"), found, partition)
        location = entry.location if entry else None
        if location is None:
            return TableState("the catalog has no such partition")
    if not location:
        return TableState()
    objects = s3.versions_at(clients.of("s3"), location.rstrip("/") + "/")
    if not objects:
        return TableState(f"no object below {location}")
    written = max(each.last_modified for each in objects)
    return TableState(written=written, mark=_mark(columns, *sorted(map(repr, objects))))


def _mark(*facts: str) -> str:
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()


@task(name="note the table's state", **REPEATABLE)
def note_table(table: Table, partition: Mapping[str, str]) -> StepResult:
    state = look_at_table(table, partition)
    return StepResult(state.mark, detail=str(state))


@task(name="await table", **REPEATABLE)
def await_table(
    table: Table,
    partition: Mapping[str, str],
    landed: datetime,
    before: str | None,
    tells: bool,
    within: timedelta,
    clock: Clock = REAL_CLOCK,
) -> StepResult:
    """Wait until somebody writes after the delivery landed, or, with the mark `before`, after that was noted.

    If there is nothing to read when the time is over, the delivery is judged by that. With `tells`, a table of which
    nobody can tell when it was written is refused.

    Raises:
        WaitTimedOut: there are rows, but nobody wrote them in time, so they say nothing of the delivery.
    """
    seen: list[TableState] = []
    since = f"the delivery landed at {landed:%Y-%m-%dT%H:%M:%SZ}" if before is None else "the pipeline began"
    try:
        poll_until(
            lambda: seen.append(look_at_table(table, partition)) or seen[-1],  # type: ignore[func-returns-value]
            lambda state: state.is_new(landed, before),
            what=f"wait for {table.database}.{table.name} to be written since {since}",
            at_most_s=within.total_seconds(),
            clock=clock,
            every_s=LOOK_EVERY_S,
            shown=str,
        )
    except WaitTimedOut:
        if not seen or not seen[-1].missing:
            raise  # what is there is of another delivery
    state = seen[-1]
    if state.written is None and not state.missing and tells:
        raise StepFailed(f"{table.database}.{table.name}: {CANNOT_TELL}")
    return StepResult(state, detail=f"{state}, {len(seen)} looks")


@task(name="await a change of the table", **REPEATABLE)
def await_change(table: Table, partition: Mapping[str, str], asking: Asking, clock: Clock = REAL_CLOCK) -> StepResult:
    """Wait until it is time to ask again: the table changed and the gap is over, or the whole time is over.

    Of a table of which nobody can tell, it is time when the gap is over. Returns what is then known of the asking.

    Raises:
        WaitTimedOut: the time is over, and the table has gone back to rows of before the delivery.
    """
    clock.sleep(min(asking.gap_s, asking.left_s(clock.now())))
    left = timedelta(seconds=asking.left_s(clock.now()))
    changed = partial(_changed, asking)
    seen: list[TableState] = []
    try:
        state = poll_until(
            lambda: seen.append(look_at_table(table, partition)) or seen[-1],  # type: ignore[func-returns-value]
            changed,
            what=f"wait for {table.database}.{table.name}, which went back to rows of before the delivery",
            at_most_s=left.total_seconds(),
            clock=clock,
            every_s=LOOK_EVERY_S,
        )
    except WaitTimedOut:
        if seen and not seen[-1].missing and not seen[-1].is_new(asking.landed, asking.before):
            raise  # what is there is of another delivery
        state = TableState(mark=asking.mark)
    ended = not asking.left_s(clock.now())
    again = replace(asking, mark=state.mark, asked=asking.asked + 1, ended=ended)
    return StepResult(again, detail=f"{state}" if changed(state) else f"unchanged, and {asking.within} are over")


def _changed(asking: Asking, state: TableState) -> bool:
    """Return True if there is something else to ask of. A table may go back: to older files, or an older snapshot."""
    if state.mark and state.mark == asking.mark:
        return False
    return bool(state.missing) or state.is_new(asking.landed, asking.before)
