"""The types of a query's expressions, which DuckDB does not ask for and Trino does."""

import contextlib
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from sandbox.athena.sql import decimals
from sandbox.athena.sql.errors import position
from sandbox.athena.values import AthenaError

FLOATS = (exp.DType.FLOAT, exp.DType.DOUBLE)

_PLACE, _TYPE = "place", "type"
"""Keys of a node's meta, which a copy of the tree keeps."""
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between)


def note_types(tree: exp.Expression, schema: Any, sql: str) -> None:
    """Note the type of each expression, for `type_of`.

    Raise AthenaError (TYPE_MISMATCH) where values of different kinds are compared, which DuckDB would cast. `schema` is
    {database: {table: {column: Hive type}}}.
    """
    nodes = [*tree.walk()]
    for place, node in enumerate(nodes):
        node.meta[_PLACE] = place
    tree = tree.copy()  # names and stars are resolved in it, which would change the names of the answer
    with contextlib.suppress(sqlglot.errors.SqlglotError):  # DuckDB reports an unknown column
        qualify(tree, schema=schema, dialect="athena", validate_qualify_columns=False, quote_identifiers=False)
    annotate_types(tree, schema=schema, dialect="athena", expression_metadata=decimals.METADATA)
    for node in tree.walk():
        if _PLACE in node.meta and node.type:
            nodes[node.meta[_PLACE]].meta[_TYPE] = node.type
    for comparison in tree.find_all(*_COMPARISONS):
        known = {part: family for part in comparison.iter_expressions() if (family := _family(part.type))}
        if len(set(known.values())) > 1:
            kinds = ", ".join(part.type.sql("athena").lower() for part in known if part.type)
            where = position(sql, next((part.name for part in known if isinstance(part, exp.Column)), ""))
            raise AthenaError(f"TYPE_MISMATCH: {where}: '{comparison.key}' cannot be applied to {kinds}")


def type_of(node: Any) -> Any:
    """Return the noted type of an expression; None if nobody could tell it."""
    kind = node.meta.get(_TYPE)
    return None if kind is None or kind.this is exp.DType.UNKNOWN else kind


def keep_type(node: Any, rewritten: Any) -> None:
    """Note for what replaces an expression the type that this one had."""
    if _TYPE in node.meta:
        rewritten.meta[_TYPE] = node.meta[_TYPE]


def is_of(node: Any, *kinds: exp.DType) -> bool:
    """Return True if the type of an expression is known, and one of these."""
    kind = type_of(node)
    return kind is not None and kind.this in kinds


def _family(kind: Any) -> str:
    """Return text, number or time; empty for a type that compares with other kinds, or is unknown."""
    types = exp.DataType
    families = {"text": types.TEXT_TYPES, "number": types.NUMERIC_TYPES, "time": types.TEMPORAL_TYPES}
    return next((name for name, members in families.items() if kind and kind.this in members), "")
