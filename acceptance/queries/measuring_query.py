"""Compile the checks to one aggregate query in Athena's dialect, and read its answer as measurements.

Identifiers are quoted, values are typed literals, and each query is one SELECT. The common table expression "delivered"
reads the delivered rows once for all checks. A check that is not an aggregate of them (SQL with a join, values of
another table) gets its own query, so that its failure affects no other check.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from acceptance.contract.checks import Check, Metric, Number, Unit
from acceptance.contract.contract import NEVER_WRITTEN, Column, Contract
from acceptance.contract.hive_types import whole_number
from acceptance.contract.landing_format import NamedByColumn
from acceptance.errors import QueryFailed
from acceptance.judging.findings import TableFacts
from acceptance.judging.judge import Measurement, measured_text
from acceptance.messages.message import Message
from acceptance.proof.fingerprint import (
    Fingerprint,
    athena_digest,
    athena_digest_of_texts,
    athena_row_texts,
    athena_sums,
)
from acceptance.queries.metrics import aggregate, is_custom, own_query
from acceptance.sql.text import UNPADDED, identifier, literal, only_select, text_literal, unused

MOST_BYTES = 262_144
"""Athena takes no longer query. Source: AWS's service quotas of Athena; it cannot be raised."""

_MARGIN_BYTES = 10_000

Place = tuple[str, ...]
"""The values by which one query separates deliveries: of the partition columns, and of the one that names the file."""


@dataclass(frozen=True, slots=True)
class OwnQuery:
    """A SELECT of one number that measures one check."""

    check: Check
    sql: str


@dataclass(frozen=True, slots=True)
class MeasuringQuery:
    """A SELECT of one row: number of rows, the fingerprint's halves if `fingerprinted`, the value of each check.

    `own_queries` measure the checks that it does not answer, each one; `more` those for which it would be too long.
    """

    sql: str
    checks: tuple[Check, ...]
    fingerprinted: bool
    own_queries: tuple[OwnQuery, ...] = ()
    more: tuple["MeasuringQuery", ...] = ()

    @property
    def has_custom_rules(self) -> bool:
        """Return True if the query computes SQL or patterns of people, one of which may be why it fails."""
        return any(is_custom(check) for query in (self, *self.more) for check in query.checks)


def compile_checks(
    contract: Contract,
    partition: Mapping[str, str],
    usable: Collection[str],
    files: Sequence[str] = (),
    *,
    fuse_rules: bool = True,
) -> MeasuringQuery:
    """Return the queries for every check whose columns are all in `usable` (present, with the right type).

    Without `fuse_rules`, each rule with SQL or a pattern of people gets its own query, where it makes no other fail.
    `files`: see `delivered`.
    """
    aggregates, alone = _split(contract, usable, fuse_rules)
    rows = delivered(contract, partition, usable, files)
    own_queries = tuple(OwnQuery(check, only_select(f"{rows}\nSELECT (\n  {text}\n)")) for check, text in alone.items())
    digest = _digest(contract, usable)
    tops = [f"{delivered(contract, partition, usable, files, first)}\nSELECT\n  " for first in (digest, "")]
    first, *more = _batches(aggregates, *(MOST_BYTES - _MARGIN_BYTES - len(top.encode()) for top in tops))
    sql = f"{tops[0]}{_measures(contract, digest, first)}\nFROM delivered"
    rest = tuple(
        MeasuringQuery(only_select(f"{tops[1]}{_measures(contract, '', batch)}\nFROM delivered"), tuple(batch), False)
        for batch in more
    )
    return MeasuringQuery(only_select(sql), tuple(first), bool(digest), own_queries, rest)


def place_of(contract: Contract, partition: Mapping[str, str], files: Sequence[str] = ()) -> Place | None:
    """Return the values that mark the delivery's rows in one query for several; None if no values mark them."""
    columns = {column.name: column for column in contract.columns}
    values = [_canonical(value, columns[name]) for name, value in partition.items()]
    if isinstance(contract.partition_holds, NamedByColumn):
        values += list(files) if len(files) == 1 else [None]
    return tuple(value for value in values if value is not None) if values and None not in values else None


def needs_own_queries(contract: Contract, usable: Collection[str]) -> bool:
    """Return True if a check of the contract needs a query of its own."""
    return bool(_split(contract, usable)[1])


def compile_together(contract: Contract, places: Collection[Place], usable: Collection[str]) -> MeasuringQuery:
    """Return one query for deliveries at several places: one row for each place that has rows, its values first.

    It omits the checks that need a query of their own.
    """
    columns = {column.name: column for column in contract.columns}
    names = _place_columns(contract)
    aggregates, _ = _split(contract, usable)
    digest = _digest(contract, usable)
    measures = _measures(contract, digest, aggregates)
    keys = ", ".join(f"CAST({identifier(name)} AS varchar)" for name in names)
    rows = _delivered(contract, {*usable, *names}, digest, _any_place(places, [columns[name] for name in names]))
    by = ", ".join(str(place) for place in range(1, len(names) + 1))
    sql = f"{rows}\nSELECT\n  {keys},\n  {measures}\nFROM delivered\nGROUP BY {by}"
    return MeasuringQuery(only_select(sql), tuple(aggregates), bool(digest))


def read_together(
    query: MeasuringQuery, contract: Contract, rows: Sequence[Sequence[object]], query_id: str
) -> dict[Place, tuple[TableFacts, dict[str, Measurement]]]:
    """Return the result of `read_answer` for each place that has rows."""
    width = len(_place_columns(contract))
    return {tuple(map(str, row[:width])): read_answer(query, row[width:], query_id) for row in rows}


def read_answer(
    query: MeasuringQuery, row: Sequence[object], query_id: str
) -> tuple[TableFacts, dict[str, Measurement]]:
    """Return the table's facts and a measurement by check id, from the one row of the answer.

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


def read_own_answer(query: OwnQuery, rows: Sequence[Sequence[object]], query_id: str, of: int) -> Measurement:
    """Return the measurement from the answer of a check's own query. A percentage is of `of` delivered rows."""
    if len(rows) != 1 or len(rows[0]) != 1:
        several = Message.counted(
            "the query answered {count} row, and not one number",
            "the query answered {count} rows, and not one number",
            len(rows),
        )
        return Measurement(query_id=query_id, error=several)
    return _measurement(query.check, rows[0][0], of, query_id)


def delivered(
    contract: Contract,
    partition: Mapping[str, str],
    usable: Collection[str],
    files: Sequence[str] = (),
    digest: str = "",
) -> str:
    """Return the common table expression "delivered": the rows of this delivery, each char without its padding.

    `files` are the values that mark them, if a column of the table names the file. `digest` is the expression of a
    row's digest, computed once.
    """
    columns = {column.name: column for column in contract.columns}
    conditions = [f"{identifier(name)} = {literal(value, columns[name])}" for name, value in partition.items()]
    if isinstance(contract.partition_holds, NamedByColumn):
        names = ", ".join(text_literal(file) for file in files)
        conditions.append(f"{identifier(contract.partition_holds.column)} IN ({names})")
    return _delivered(contract, usable, digest, " AND ".join(conditions))


def _delivered(contract: Contract, usable: Collection[str], digest: str, where: str) -> str:
    selected = ", ".join(_selected(column) for column in contract.columns if column.name in usable)
    rows = f"{identifier(contract.table.database)}.{identifier(contract.table.name)}"
    if contract.table.snapshot == NEVER_WRITTEN:
        where = f"false AND ({where})" if where else "false"
    elif contract.table.snapshot is not None:
        rows += f" FOR VERSION AS OF {contract.table.snapshot}"
    rows += f"\n  WHERE {where}" if where else ""
    if digest and (names := _text_names(contract)):
        texts = zip(athena_row_texts(contract.compared_columns), names, strict=True)
        rows = f"(SELECT {selected},\n    {', '.join(f'{text} AS {name}' for text, name in texts)}\n  FROM {rows})"
        selected = ", ".join(identifier(column.name) for column in contract.columns if column.name in usable)
    selected += f",\n    {digest} AS {_digest_name(contract)}" if digest else ""
    return f"WITH delivered AS (\n  SELECT {selected}\n  FROM {rows}\n)"


def _digest_name(contract: Contract) -> str:
    return unused("$digest", contract.columns)


def _selected(column: Column) -> str:
    name = identifier(column.name)
    return f"{UNPADDED.format(name)} AS {name}" if column.kind.is_padded else name


def _split(
    contract: Contract, usable: Collection[str], fuse_rules: bool = True
) -> tuple[dict[Check, str], dict[Check, str]]:
    """Return the measurable checks as aggregates of the one scan, and those that need their own queries."""
    columns = {column.name: column for column in contract.columns}
    measurable = [check for check in contract.checks if set(check.columns) <= set(usable)]
    together = [check for check in measurable if fuse_rules or not is_custom(check)]
    aggregates = {check: text for check in together if (text := aggregate(check, columns)) is not None}
    alone = ((check, own_query(check, columns)) for check in measurable if check not in aggregates)
    return aggregates, {check: text for check, text in alone if text is not None}


def _batches(aggregates: Mapping[Check, str], first: int, later: int) -> list[dict[Check, str]]:
    """Return the aggregates in as few batches as have room for them, in bytes of SQL. The first may be empty."""
    batches, room = [dict[Check, str]()], first
    for check, text in aggregates.items():
        size = len(f",\n  {text} AS {identifier(check.id)}".encode())
        if size > room and (batches[-1] or len(batches) == 1):
            batches.append({})
            room = later
        batches[-1][check] = text
        room -= size
    return batches


def _digest(contract: Contract, usable: Collection[str]) -> str:
    """Return the expression of a row's digest, "" if no cells are compared or a compared column is not usable."""
    compares_cells = any(check.metric is Metric.CELLS_EQUAL_LANDED for check in contract.checks)
    if not compares_cells or not {column.name for column in contract.compared_columns} <= set(usable):
        return ""
    texts = _text_names(contract)
    return athena_digest_of_texts(texts) if texts else athena_digest(contract.compared_columns)


def _text_names(contract: Contract) -> list[str]:
    """Return names for the parts of a row's text; none if the text is short enough to be one."""
    parts = len(athena_row_texts(contract.compared_columns))
    return [unused(f"$text {number}", contract.columns) for number in range(parts)] if parts > 1 else []


def _measures(contract: Contract, digest: str, aggregates: Mapping[Check, str]) -> str:
    """Return the selected expressions, with the fingerprint's if there is a digest."""
    measures = [("rows", "count(*)")]
    if digest:
        high, low = athena_sums(_digest_name(contract))
        measures += [("fingerprint_high", high), ("fingerprint_low", low)]
    measures += [(check.id, text) for check, text in aggregates.items()]
    return ",\n  ".join(f"{expression} AS {identifier(name)}" for name, expression in measures)


def _any_place(places: Collection[Place], columns: Sequence[Column]) -> str:
    """Return the condition of rows at these places, in a form by which Athena reads only their partitions."""
    if len(columns) == 1:
        return f"{identifier(columns[0].name)} IN ({', '.join(literal(value, columns[0]) for (value,) in places)})"
    conditions = (
        " AND ".join(f"{identifier(c.name)} = {literal(value, c)}" for c, value in zip(columns, place, strict=True))
        for place in places
    )
    return " OR ".join(f"({condition})" for condition in conditions)


def _place_columns(contract: Contract) -> tuple[str, ...]:
    holds = contract.partition_holds
    return (*contract.partition, *([holds.column] if isinstance(holds, NamedByColumn) else []))


def _canonical(value: str, column: Column) -> str | None:
    """Return the value as Athena writes it; None if it is invalid or its type has several ways to write it."""
    if column.kind.is_whole:
        number = whole_number(value)
        return None if number is None else str(number)
    return value if column.kind.can_partition else None


def _measurement(check: Check, value: object, rows: int, query_id: str) -> Measurement:
    if value is None:
        return Measurement(query_id=query_id, error=Message("the query answered NULL"))
    if isinstance(value, bool):
        value = int(value)  # ODCS lets a query answer true or false, which compare as 1 and 0
    if not isinstance(value, Number):
        # The evidence holds this message, so it must not show the value, which may be of a sensitive column.
        no_number = (
            Message("the query answered a text, and not a number")
            if isinstance(value, str)
            else Message("the query answered a {type}, and not a number", type=type(value).__name__)
        )
        return Measurement(query_id=query_id, error=no_number)
    if check.unit is Unit.ROWS or check.metric is Metric.SQL:
        return Measurement(value, query_id=query_id)
    if rows == 0:
        return Measurement(query_id=query_id, skipped=Message("a percentage of no rows says nothing"))
    percent = 100 * Decimal(value) / rows  # with floats, 1 of 1000 rows would exceed a bound of 0.1
    observed = Message.counted(
        "{percent} ({number} of {count} row)",
        "{percent} ({number} of {count} rows)",
        rows,
        percent=measured_text(check, float(percent)),
        number=value,
    )
    return Measurement(percent, observed, query_id)
