"""Checks become one aggregate query in Athena's dialect, and its answer becomes measurements.

Identifiers come from the contract and are quoted, values are typed literals, and the result is one SELECT. The
delivered rows are the common table expression "delivered", read once whatever the number of checks. A check that is no
aggregate of them (free SQL with a join, values of another table) runs beside it, so that what goes wrong there is known
of that check alone.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from acceptance.checks import Check, Metric, Number, Unit
from acceptance.contract import Contract
from acceptance.errors import QueryFailed
from acceptance.fingerprint import Fingerprint, athena_digest, athena_sums
from acceptance.judge import Measurement, measured_text
from acceptance.landing import NamedByColumn
from acceptance.measures import aggregate, own_query
from acceptance.sqltext import identifier, literal, only_select, text_literal

DIGEST = '"$digest"'


@dataclass(frozen=True, slots=True)
class OwnQuery:
    """One SELECT of one number, which measures one check."""

    check: Check
    sql: str


@dataclass(frozen=True, slots=True)
class MeasuringQuery:
    """One SELECT of one row: the number of rows, the two halves of the fingerprint if there is one, then each check.

    `beside` are the queries of the checks that it does not answer.
    """

    sql: str
    checks: tuple[Check, ...]
    fingerprinted: bool
    beside: tuple[OwnQuery, ...] = ()

    @property
    def holds_free_sql(self) -> bool:
        """Whether people's own SQL is among what it computes: then its failure may be that of one rule."""
        return any(check.metric is Metric.SQL for check in self.checks)


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What the one query says of the delivered rows as a whole."""

    rows: int
    fingerprint: Fingerprint | None


def compile_checks(
    contract: Contract,
    partition: Mapping[str, str],
    usable: Collection[str],
    files: Sequence[str] = (),
    *,
    fuse_rules: bool = True,
) -> MeasuringQuery:
    """The queries for every check of the contract whose columns are all in `usable` (present, with the right type).

    Without `fuse_rules` every `type: sql` rule runs beside the one query, where it cannot make the others fail.
    `files`: see `delivered`.
    """
    columns = {column.name: column for column in contract.columns}
    measurable = [check for check in contract.checks if set(check.columns) <= set(usable)]
    together = [check for check in measurable if fuse_rules or check.metric is not Metric.SQL]
    aggregates = {check: text for check in together if (text := aggregate(check, columns)) is not None}
    rows = delivered(contract, partition, usable, files)
    alone = ((check, own_query(check)) for check in measurable if check not in aggregates)
    beside = tuple(
        OwnQuery(check, only_select(f"{rows}\nSELECT (\n  {text}\n)")) for check, text in alone if text is not None
    )
    fingerprinted = _compares_cells(contract) and {column.name for column in contract.compared_columns} <= set(usable)
    measures = [("rows", "count(*)")]
    digest = athena_digest(contract.compared_columns) if fingerprinted else ""
    if fingerprinted:
        high, low = athena_sums(DIGEST)
        measures += [("fingerprint_high", high), ("fingerprint_low", low)]
    measures += [(check.id, text) for check, text in aggregates.items()]
    selected = ",\n  ".join(f"{expression} AS {identifier(name)}" for name, expression in measures)
    sql = f"{delivered(contract, partition, usable, files, digest)}\nSELECT\n  {selected}\nFROM delivered"
    return MeasuringQuery(only_select(sql), tuple(aggregates), fingerprinted, beside)


def read_answer(
    query: MeasuringQuery, row: Sequence[object], query_id: str
) -> tuple[TableFacts, dict[str, Measurement]]:
    """The facts of the table, and a measurement for each check id, from the one row that the query answered.

    Raises:
        QueryFailed: the answer does not have the query's shape.
    """
    expected = 1 + 2 * query.fingerprinted + len(query.checks)
    if len(row) != expected:
        raise QueryFailed(f"query {query_id}: {len(row)} columns came back, {expected} were asked for", query_id)
    rows = int(row[0])  # type: ignore[call-overload]
    fingerprint, values = None, row[1:]
    if query.fingerprinted:
        fingerprint, values = Fingerprint.of_sums(rows, row[1], row[2]), row[3:]
    measured = {
        check.id: _measurement(check, value, rows, query_id) for check, value in zip(query.checks, values, strict=True)
    }
    return TableFacts(rows, fingerprint), measured


def read_own_answer(query: OwnQuery, rows: Sequence[Sequence[object]], query_id: str) -> Measurement:
    """The measurement of a check from the answer of its own query."""
    if len(rows) != 1 or len(rows[0]) != 1:
        return Measurement(query_id=query_id, error=f"the query answered {len(rows)} rows, and not one number")
    return _measurement(query.check, rows[0][0], 0, query_id)


def delivered(
    contract: Contract,
    partition: Mapping[str, str],
    usable: Collection[str],
    files: Sequence[str] = (),
    digest: str = "",
) -> str:
    """The delivered rows, as the common table expression "delivered".

    `files` are the values by which the rows of this delivery are known, if the contract has a column that names them.
    `digest` is the expression of a row's digest, computed once.
    """
    columns = {column.name: column for column in contract.columns}
    selected = ", ".join(identifier(name) for name in columns if name in usable)
    selected += f",\n    {digest} AS {DIGEST}" if digest else ""
    table = f"{identifier(contract.table.database)}.{identifier(contract.table.name)}"
    conditions = [f"{identifier(name)} = {literal(value, columns[name])}" for name, value in partition.items()]
    if isinstance(contract.partition_holds, NamedByColumn):
        names = ", ".join(text_literal(file) for file in files)
        conditions.append(f"{identifier(contract.partition_holds.column)} IN ({names})")
    where = " AND ".join(conditions)
    return f"WITH delivered AS (\n  SELECT {selected}\n  FROM {table}" + (f"\n  WHERE {where}\n)" if where else "\n)")


def _compares_cells(contract: Contract) -> bool:
    return any(check.metric is Metric.CELLS_EQUAL_LANDED for check in contract.checks)


def _measurement(check: Check, value: object, rows: int, query_id: str) -> Measurement:
    if value is None:
        return Measurement(query_id=query_id, error="the query answered NULL")
    if isinstance(value, bool):
        value = int(value)  # ODCS lets a query answer true or false; they are compared as 1 and 0
    if not isinstance(value, Number):
        return Measurement(query_id=query_id, error=f"the query answered {value!r}, which is not a number")
    if check.unit is Unit.ROWS or check.metric is Metric.SQL:
        return Measurement(value, query_id=query_id)
    if rows == 0:
        return Measurement(query_id=query_id, skipped="a percentage of no rows says nothing")
    percent = 100 * float(value) / rows
    return Measurement(percent, f"{measured_text(check, percent)} ({value} of {rows} rows)", query_id)
