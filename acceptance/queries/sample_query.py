"""Build the query that shows a few rows of every broken rule; it runs only after a failure.

It reads the delivered rows once more, lists the rules that each row breaks, and returns the first rows of each rule in
the order of the primary key. Athena itself masks sensitive columns.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from acceptance.contract.checks import Check, Metric
from acceptance.contract.contract import Column, Contract
from acceptance.judging.judge import Judgement, Outcome
from acceptance.messages.message import Message
from acceptance.queries.measuring_query import MOST_BYTES, delivered
from acceptance.queries.metrics import counted_rows
from acceptance.sql.text import identifier, only_select, text_literal, unused
from acceptance.text_contrast import Others, oddities, quoted, shortened, unlike

ROWS_OF_EACH = 5
_RULES_AT_ONCE = 100
MASKED = "•••"
BROKEN_RULE = "broken rule"
"""The first column of the answer: the check's id."""


def broken_checks(judgement: Judgement) -> tuple[Check, ...]:
    """Return the checks whose rows the query shows: none if no check failed, else those that failed or warned."""
    outcomes = {result.check: result.outcome for result in judgement.results}
    if Outcome.FAILED not in outcomes.values():
        return ()
    return tuple(check for check, outcome in outcomes.items() if outcome in (Outcome.FAILED, Outcome.WARNED))


def examples(contract: Contract, names: Sequence[str], rows: Sequence[Sequence[str | None]]) -> Mapping[str, str]:
    """Return, by the id of a broken rule, the first value in the answer that does not look as if it broke it, and why.

    It looks like a value that is allowed, or holds characters that one takes for others.
    """
    checks = {check.id: check for check in contract.checks if len(check.columns) == 1 and check.metric in _OF_VALUES}
    places = {
        column.name: names.index(column.name, 1)
        for column in contract.columns
        if column.name in names[1:] and column.kind.is_text and not column.sensitive
    }
    found: dict[str, str] = {}
    for row in rows:
        check = checks.get(row[0] or "")
        if check is None or check.id in found or check.columns[0] not in places:
            continue
        value = row[places[check.columns[0]]] or ""
        allowed = [text for text in (check.valid.values if check.valid else ()) if isinstance(text, str)]
        why = unlike(value, allowed, Others.ALLOWED) or oddities(value, blanks_at_the_ends=True)
        if why:
            found[check.id] = Message("{value}, {why}", value=quoted(shortened(value)), why=why)
    return found


_OF_VALUES = (Metric.INVALID_VALUES, Metric.ORPHANED_VALUES)


def sample_query(
    contract: Contract,
    partition: Mapping[str, str],
    usable: Collection[str],
    broken: Sequence[Check],
    files: Sequence[str] = (),
) -> str | None:
    """Return a SELECT of the rows that break these checks; None if no check is about single rows.

    It shows a hundred rules at most. If it would be longer than Athena takes, it shows only the key and the columns of
    the rules, and then fewer rules.
    """
    broken = broken[:_RULES_AT_ONCE]
    sql = _sample(contract, partition, usable, broken, files)
    while sql is not None and len(sql.encode()) > MOST_BYTES:
        shown = {*contract.primary_key, *(name for check in broken for name in check.columns)} & set(usable)
        sql = _sample(contract, partition, shown, broken, files)
        if len(broken) == 1:
            break
        broken = broken[: len(broken) // 2]
    return sql


def _sample(
    contract: Contract,
    partition: Mapping[str, str],
    usable: Collection[str],
    broken: Sequence[Check],
    files: Sequence[str],
) -> str | None:
    columns = {column.name: column for column in contract.columns if column.name in usable}
    conditions = {
        check.id: condition
        for check in broken
        if set(check.columns) <= set(columns) and (condition := _condition(check, columns)) is not None
    }
    if not conditions:
        return None
    rules = ",\n    ".join(
        f"CASE WHEN {condition} THEN {text_literal(id_)} END" for id_, condition in conditions.items()
    )
    listed, rule, number = (unused(f"aceite {name}", contract.columns) for name in ("rules", "rule", "number"))
    order = ", ".join(_order(contract, columns, [check for check in broken if check.id in conditions], rule))
    selected = ",\n  ".join(_selected(column) for column in columns.values())
    return only_select(
        f"{delivered(contract, partition, usable, files)},\n"
        f"judged AS (\n  SELECT *, ARRAY[\n    {rules}\n  ] AS {listed}\n  FROM delivered\n),\n"
        f"numbered AS (\n  SELECT *, row_number() OVER (PARTITION BY {rule} ORDER BY {order}) AS {number}\n"
        f"  FROM judged CROSS JOIN UNNEST({listed}) AS broken ({rule})\n  WHERE {rule} IS NOT NULL\n)\n"
        f"SELECT\n  {rule} AS {identifier(BROKEN_RULE)},\n  {selected}\n"
        f"FROM numbered\nWHERE {number} <= {ROWS_OF_EACH}\nORDER BY {rule}, {number}"
    )


def _order(contract: Contract, columns: Collection[str], broken: Sequence[Check], rule_name: str) -> Iterator[str]:
    """Yield the sort expressions: duplicates stand together, then the primary key orders, then all other columns."""
    for check in broken:
        if check.metric is Metric.DUPLICATE_VALUES:
            rule = text_literal(check.id)
            yield from (f"CASE WHEN {rule_name} = {rule} THEN {identifier(name)} END" for name in check.columns)
    yield from map(identifier, dict.fromkeys((*(name for name in contract.primary_key if name in columns), *columns)))


def _condition(check: Check, columns: Mapping[str, Column]) -> str | None:
    if check.metric is Metric.DUPLICATE_VALUES:
        names = ", ".join(map(identifier, check.columns))
        alone = f"{names} IS NOT NULL AND " if len(check.columns) == 1 else ""
        return f"{alone}count(*) OVER (PARTITION BY {names}) > 1"
    return counted_rows(check, columns)


def _selected(column: Column) -> str:
    name = identifier(column.name)
    return f"{text_literal(MASKED)} AS {name}" if column.sensitive else name
