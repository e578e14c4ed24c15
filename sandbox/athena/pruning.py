"""Selects the partitions that a query needs. As in Athena, the files of the others are never read."""

from collections.abc import Sequence
from typing import Any

import duckdb
from sqlglot import exp

from sandbox.athena.readers import CatalogTable, identifier, literal
from sandbox.athena.sql.dialect import to_duckdb
from sandbox.athena.values import duckdb_type

Partition = tuple[tuple[str, ...], str]
"""The values of the partition keys, and the location."""


def conditions(tree: exp.Expression, table: exp.Table, keys: Sequence[str]) -> list[exp.Expression]:
    """Return the parts of the WHERE clause on partition keys alone; none if the query names the table twice."""
    select = table.parent_select
    named = [other for other in tree.find_all(exp.Table) if other.name.lower() == table.name.lower()]
    if select is None or len(named) > 1 or select.args.get("joins") or not select.args.get("where"):
        return []
    where = select.args["where"].this
    parts: list[Any] = list(where.flatten()) if isinstance(where, exp.And) else [where]
    known = {key.lower() for key in keys}
    return [_without_table(part.copy()) for part in parts if _depends_on_keys(part, known, table.alias_or_name)]


def matching_partitions(
    connection: duckdb.DuckDBPyConnection,
    table: CatalogTable,
    partitions: Sequence[Partition],
    filters: Sequence[exp.Expression],
) -> Sequence[Partition]:
    """Return the partitions that meet the filters; all of them if DuckDB cannot evaluate a filter."""
    if not filters or not partitions:
        return partitions
    names = ", ".join(identifier(name) for name, _ in table.keys)
    typed = ", ".join(
        f"CAST({identifier(name)} AS {duckdb_type(kind)}) AS {identifier(name)}" for name, kind in table.keys
    )
    rows = ", ".join(f"({place}, {', '.join(map(literal, values))})" for place, (values, _) in enumerate(partitions))
    where = " AND ".join(f"({to_duckdb(condition)})" for condition in filters)
    source = f"SELECT place, {typed} FROM (VALUES {rows}) AS listed (place, {names})"
    try:
        matching = connection.execute(f"SELECT place FROM ({source}) WHERE {where}").fetchall()
    except duckdb.Error:
        return partitions
    return [partitions[place] for (place,) in sorted(matching)]


def _depends_on_keys(part: exp.Expression, keys: set[str], table: str) -> bool:
    columns = list(part.find_all(exp.Column))
    of_table = all(column.name.lower() in keys and column.table in ("", table) for column in columns)
    return bool(columns) and of_table and part.find(exp.Query, exp.AggFunc) is None


def _without_table(part: exp.Expression) -> exp.Expression:
    for column in part.find_all(exp.Column):
        column.set("table", None)
    return part
