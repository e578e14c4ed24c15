"""Fuse a `type: sql` rule into the measuring query as one more aggregate, if that gives the same result.

Only a plain aggregation of the delivered rows is fused: one SELECT of aggregates FROM {object}, with or without WHERE,
whose condition becomes the FILTER of every aggregate. Everything else (joins, groups, windows, subqueries, functions
that sqlglot does not know) runs as a query of its own. So does a condition that may guard an argument from an error: a
FILTER does not keep Athena from computing sum(a / b) where b is 0.
"""

from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp

from acceptance.sql.text import DIALECT

_OBJECT = "aceite_delivered_rows_object"
_PLAIN = {"expressions", "from_", "where"}
"""The parts that a SELECT may have."""

_NOT_PLAIN = (exp.Query, exp.Subquery, exp.Window, exp.Filter, exp.WithinGroup, exp.Anonymous, exp.AnonymousAggFunc)


@dataclass(frozen=True, slots=True)
class FusedRule:
    """`expression` is an aggregate over the delivered rows.

    `counted` is the condition of the rows that it counts; None if the rule does not count rows.
    """

    expression: str
    counted: str | None


def fuse(sql: str) -> FusedRule | None:
    """Return the rule's query, where `{object}` is the delivered rows, as an aggregate; None if it must run alone."""
    select = sqlglot.parse_one(sql.replace("{object}", _OBJECT), read=DIALECT)
    if not isinstance(select, exp.Select) or not _is_plain(select):
        return None
    condition = select.args["where"].this if select.args.get("where") else None
    selected = select.selects[0].unalias()
    aggregates = list(selected.find_all(exp.AggFunc))
    if not aggregates or any(column.find_ancestor(exp.AggFunc) is None for column in selected.find_all(exp.Column)):
        return None
    if condition is not None and not all(_is_harmless(aggregate) for aggregate in aggregates):
        return None
    counted = _counted(selected, condition)
    if condition is not None:
        selected = selected.transform(lambda node: _filtered(node, condition))
    return FusedRule(selected.sql(DIALECT), counted.sql(DIALECT) if counted is not None else None)


def _is_plain(select: exp.Select) -> bool:
    """Return True for a SELECT of one expression over only the delivered rows. Removes their alias from its columns."""
    if {name for name, value in select.args.items() if value} - _PLAIN:
        return False
    source = select.args["from_"].this
    extras = {name for name, value in source.args.items() if value} - {"this", "alias"}
    if not isinstance(source, exp.Table) or source.name != _OBJECT or extras:
        return False
    parts = [select.selects[0], *([select.args["where"]] if select.args.get("where") else [])]
    if any(part.find(*_NOT_PLAIN) for part in parts):
        return False
    for column in select.find_all(exp.Column):
        if column.table not in ("", source.alias_or_name) or column.db:
            return False
        column.set("table", None)
    return True


def _is_harmless(aggregate: exp.AggFunc) -> bool:
    """Return True if its argument cannot fail on a row that the condition excludes."""
    if isinstance(aggregate, exp.CountIf):
        return False
    arguments = [part for part in aggregate.walk() if part is not aggregate]
    return all(
        isinstance(part, exp.Column | exp.Identifier | exp.Literal | exp.Star | exp.Distinct) for part in arguments
    )


def _filtered(node: Any, condition: Any) -> Any:
    if not isinstance(node, exp.AggFunc):
        return node
    return exp.Filter(this=node.copy(), expression=exp.Where(this=condition.copy()))


def _counted(selected: Any, condition: Any) -> Any:
    if isinstance(selected, exp.CountIf):
        return selected.this
    counts_rows = isinstance(selected, exp.Count) and isinstance(selected.this, exp.Star | exp.Literal)
    return condition if counts_rows else None
