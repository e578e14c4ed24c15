"""Tell whether the answer of a `type: sql` rule can be a cell of a classified column, such as max(salary)."""

from functools import lru_cache

import sqlglot
from sqlglot import exp

from acceptance.sql.text import DIALECT

_OBJECT = "aceite_delivered_rows_object"
_COUNTS = (exp.Count, exp.CountIf, exp.ApproxDistinct)
_TRUTHS = (exp.Predicate, exp.Connector, exp.Not)


@lru_cache(maxsize=1000)
def may_be_a_cell(sql: str, classified: frozenset[str]) -> bool:
    """Return True if the answer may be a cell of one of these columns, by their names in lower case.

    A count is none, whatever it counts, nor is a sum of numbers that the rule itself writes. Nobody knows the columns
    of a table that is not `{object}`, so any other answer from one may be a cell.
    """
    query = sqlglot.parse_one(sql.replace("{object}", _OBJECT), read=DIALECT)
    if not _shows_cells(query):
        return False
    own = {_OBJECT, *(common.alias_or_name for common in query.find_all(exp.CTE))}
    if any(table.db or table.name not in own for table in query.find_all(exp.Table)):
        return True
    every = any(star.find_ancestor(*_COUNTS) is None for star in query.find_all(exp.Star)) or any(
        alias.columns and isinstance(alias.parent, exp.Table) for alias in query.find_all(exp.TableAlias)
    )  # FROM {object} AS t(a, b) gives other names to all columns
    named = {column.name.lower() for column in query.find_all(exp.Column)}
    return bool(classified and (every or classified & named))


def _shows_cells(node: exp.Expr) -> bool:
    """Return True if the value of the expression depends on more of a column than how many rows there are."""
    match node:
        case exp.Subquery():
            return _shows_cells(node.this)
        case exp.SetOperation():
            return _shows_cells(node.left) or _shows_cells(node.right)
        case exp.Select():
            return any(map(_shows_cells, node.selects))
        case exp.Case():
            shown = [*(branch.args["true"] for branch in node.args["ifs"]), node.args.get("default")]
        case exp.If():
            shown = [node.args.get("true"), node.args.get("false")]
        case exp.Filter() | exp.Window():
            shown = [node.this]
        case exp.Column() | exp.Star():
            return True
        case _ if isinstance(node, (*_COUNTS, *_TRUTHS)):
            return False
        case _:
            shown = list(node.iter_expressions())
    return any(_shows_cells(part) for part in shown if part is not None)
