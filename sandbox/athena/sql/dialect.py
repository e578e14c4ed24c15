"""Translates Athena's SQL (Trino) to DuckDB's: with sqlglot, and by rewrites and macros where sqlglot falls short."""

import re
from collections.abc import Sequence
from typing import Any

import sqlglot
from sqlglot import exp

from acceptance.sql.text import with_sizes
from sandbox.athena.sql import casts, decimals, functions
from sandbox.athena.sql.types import keep_type
from sandbox.athena.values import AthenaError

PREPARATION = (
    "SET TimeZone='UTC'",
    "SET integer_division=true",
    *(f"CREATE OR REPLACE MACRO {macro}" for macro in (*casts.MACROS, *functions.MACROS, *decimals.MACROS)),
)
"""Statements that a connection runs once before the queries that `to_duckdb` returns."""


def with_parameters(sql: str, parameters: Sequence[str] | None) -> str:
    """Replace each `?` by its parameter, which must be one literal or expression."""
    pieces = re.findall(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|\?|[^'\"?-]+|-", sql)
    expected = pieces.count("?")
    if expected != len(parameters or ()):
        count = f"expected {expected} but found {len(parameters or ())}"
        raise AthenaError(f"INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: {count}")
    values = iter([f"({parse(text, exp.Expression).sql('athena')})" for text in parameters or ()])
    return "".join(next(values) if piece == "?" else piece for piece in pieces)


def parse(sql: str, kind: type[Any] = exp.Query) -> Any:
    """Return the tree of one statement, or of one expression if `kind` says so.

    Raises:
        AthenaError: the text is no SQL (SYNTAX_ERROR), or is not one tree of this kind.
    """
    try:
        trees = sqlglot.parse(with_sizes(sql), read="athena")
    except sqlglot.errors.SqlglotError as error:
        first = (getattr(error, "errors", None) or [{}])[0]
        place = f"line {first.get('line', 1)}:{first.get('col', 1)}"
        message = f"mismatched input '{first['highlight']}'" if first.get("highlight") else str(error)
        raise AthenaError(f"SYNTAX_ERROR: {place}: {message}") from error
    if len(trees) != 1 or not isinstance(trees[0], kind):
        raise AthenaError(
            "NOT_SUPPORTED: line 1:1: The sandbox runs one SELECT, INSERT or DDL statement of those it knows"
        )
    return trees[0]


def tables(tree: exp.Expression) -> list[exp.Table]:
    """Return the tables that a query reads, without its common table expressions."""
    defined = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    named = [table for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier)]
    return [table for table in named if table.db or table.name.lower() not in defined]


def expose_path(tree: exp.Expression) -> bool:
    """Return True if the query names the hidden column "$path"; its stars then exclude it."""
    if all(column.name != "$path" for column in tree.find_all(exp.Column)):
        return False
    for select in [table.parent_select for table in tables(tree) if table.parent_select]:
        for star in [star for item in select.selects if item.is_star for star in item.find_all(exp.Star)]:
            star.set("except_", [exp.to_identifier("$path", quoted=True)])
    return True


def to_duckdb(tree: exp.Expression) -> str:
    """Return DuckDB's SQL for the tree, which is changed in place. `types.note_types` gives what it knows of types.

    Raises:
        AthenaError: the sandbox cannot tell what Athena answers (NOT_SUPPORTED).
    """
    for node in reversed(list(tree.walk())):  # from the leaves up, so that children are rewritten before their parent
        if (rewritten := functions.rewrite(node)) is not node:
            keep_type(node, rewritten)
            node.replace(rewritten)
    if isinstance(tree, exp.Query):
        for index, column in enumerate(tree.selects):  # Athena names unnamed columns _col0, _col1, ...
            if not isinstance(column, (exp.Alias, exp.Column, exp.Dot)) and not column.is_star:
                column.replace(exp.alias_(column.copy(), f"_col{index}"))
    return tree.sql("duckdb")
