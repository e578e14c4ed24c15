"""Runs INSERT INTO a table of Iceberg: DuckDB computes the rows, and one commit appends them."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from aws.athena import OWN_CATALOG
from sandbox.athena.catalog import Catalog
from sandbox.athena.ddl import qualified
from sandbox.athena.execution import Execution
from sandbox.athena.open_formats import iceberg
from sandbox.athena.open_formats.iceberg_writing import GlueCalls, Writer
from sandbox.athena.readers import CatalogTable, identifier
from sandbox.athena.values import AthenaError, column_info, duckdb_type, trino_type

_NAME = r'(?:"[^"]+"|[\w-]+)'
_INSERT = re.compile(
    rf"INSERT\s+INTO\s+(?P<table>{_NAME}(?:\.{_NAME}){{0,2}})\s*"
    rf"(?:\(\s*(?P<columns>{_NAME}(?:\s*,\s*{_NAME})*)\s*\)\s*)?(?P<query>(?:\(|SELECT\b|VALUES\b|WITH\b).*)$",
    re.I | re.S,
)
_WHOLE = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19, "HUGEINT": 19}
"""The digits of whole numbers; DuckDB's sum of integers is Athena's bigint."""
_EXACT_DIGITS = {"FLOAT": 7, "DOUBLE": 15}
"""Decimals of so many digits become this float as in Athena, whose quotient is rounded once."""


def insert(execution: Execution, catalog: Catalog, sql: str, translate: Callable[[str], str]) -> None:
    """Append the rows of the statement's query. `translate` returns a query as DuckDB runs it.

    Raises:
        AthenaError: the rows do not fit the table, or the sandbox cannot insert into it.
    """
    match = _INSERT.match(sql)
    if not match:
        raise AthenaError("NOT_SUPPORTED: line 1:1: The sandbox runs INSERT INTO table [(columns)] VALUES or SELECT")
    database, name = _named(match["table"], execution.database)
    table = catalog.table(database, name, sql)
    if not iceberg.is_iceberg(table) or table.view_sql:
        raise AthenaError(f"NOT_SUPPORTED: the sandbox inserts into tables of Iceberg, and {database}.{name} is none")
    if table.glue_table is not catalog.glue.databases[database].tables[name]:
        raise AthenaError(f"NOT_SUPPORTED: the sandbox does not insert by way of a resource link: {database}.{name}")
    catalog.require_writing(table.location)
    writer = Writer(GlueCalls(catalog.glue, catalog.id), (database, name))
    query = match["query"]
    query = translate(f"SELECT * FROM ({query})" if re.match(r"VALUES\b", query, re.I) else query)
    assert execution.connection
    select = _fitted(execution.connection, query, _columns(match["columns"], table), table)
    found = _copied(execution.connection.sql(select).to_arrow_table())
    if execution.ended:  # somebody stopped it
        return
    writer.append(found)
    execution.update_count, execution.columns = found.num_rows, [column_info("rows", "BIGINT")]


def _copied(rows: Any) -> Any:
    """Return a copy of a table of Arrow. Its cast ends the process if a map is DuckDB's own."""
    import pyarrow as pa

    copy = pa.BufferOutputStream()
    with pa.ipc.new_stream(copy, rows.schema) as stream:
        stream.write_table(rows)
    return pa.ipc.open_stream(copy.getvalue()).read_all()


def _named(text: str, database: str) -> tuple[str, str]:
    *before, _, _ = ["", "", *text.split(".")]
    if (named := "".join(before).strip('"').lower()) not in ("", OWN_CATALOG):
        raise AthenaError(f"NOT_SUPPORTED: the sandbox inserts into the catalog of the query's context, not {named}")
    return qualified(text, database)


def _columns(listed: str | None, table: CatalogTable) -> list[str]:
    """Return the columns that the statement fills, by default all in the table's order."""
    known = [name for name, _ in table.columns]
    if listed is None:
        return known
    columns = [column.strip().strip('"').lower() for column in listed.split(",")]
    for place, column in enumerate(columns):
        if column not in known:
            told = f"Insert column name does not exist in target table: {column}"
            raise AthenaError(f"COLUMN_NOT_FOUND: line 1:1: {told}")
        if column in columns[:place]:
            raise AthenaError(
                f"DUPLICATE_COLUMN_NAME: line 1:1: Insert column name is specified more than once: {column}"
            )
    return columns


def _fitted(connection: Any, query: str, filled: Sequence[str], table: CatalogTable) -> str:
    """Return a SELECT of the query's rows in the table's types; columns that it does not fill are null."""
    kinds = [str(kind) for _, kind, *_ in connection.execute(f"DESCRIBE {query}").fetchall()]
    types = dict(table.columns)
    wanted = [_duck(connection, types[name]) for name in filled]
    if len(kinds) != len(filled) or not all(map(_is_compatible, kinds, wanted)):
        of_table = ", ".join(_of_iceberg(types[name]) for name in filled)
        of_query = ", ".join(map(_told, kinds))
        raise AthenaError(
            f"TYPE_MISMATCH: line 1:1: Insert query has mismatched column types: Table: [{of_table}], "
            f"Query: [{of_query}]"
        )
    cells = {}
    for place, (name, kind, target) in enumerate(zip(filled, kinds, wanted, strict=True)):
        if not _is_converted_alike(kind, target):
            wanted_type = _of_iceberg(types[name])
            raise AthenaError(
                f"NOT_SUPPORTED: the sandbox does not convert {_told(kind)} to {wanted_type} in an INSERT, "
                f"column {name}: write CAST(... AS {wanted_type}) in its query"
            )
        cells[name] = f"CAST(c{place} AS {target})"
    selected = ", ".join(
        f"{cells.get(name, f'CAST(NULL AS {duckdb_type(kind)})')} AS {identifier(name)}" for name, kind in table.columns
    )
    return f"SELECT {selected} FROM ({query}) AS inserted ({', '.join(f'c{place}' for place in range(len(kinds)))})"


def _duck(connection: Any, hive: str) -> str:
    """Return the type as DuckDB itself writes it."""
    return str(connection.execute(f"DESCRIBE SELECT CAST(NULL AS {duckdb_type(hive)})").fetchall()[0][1])


def _of_iceberg(hive: str) -> str:
    """Return the type as Athena calls it in a table of Iceberg, whose times have microseconds."""
    return trino_type(hive).replace("timestamp(3)", "timestamp(6)")


def _told(kind: str) -> str:
    """Return a type of DuckDB as Athena writes it."""
    described = column_info("", kind)
    sizes = f"({described['Precision']},{described['Scale']})" if described["Type"] == "decimal" else ""
    return f"{described['Type']}{sizes}"


def _is_compatible(kind: str, target: str) -> bool:
    """Return True if Athena knows a type of which both are, so that it inserts one as the other."""
    return kind == '"NULL"' or _family(kind) == _family(target)


def _family(kind: str) -> str:
    plain = kind.partition("(")[0]
    if plain in _WHOLE or plain in ("DECIMAL", "FLOAT", "DOUBLE"):
        return "number"
    if kind.endswith("]"):
        return "array"
    return "time" if plain == "DATE" or plain.startswith("TIMESTAMP") else plain


def _is_converted_alike(kind: str, target: str) -> bool:
    """Return True if DuckDB's cast gives what Athena's gives: it fails where the other fails, and rounds as it does."""
    if kind in ('"NULL"', target) or (kind, target) == ("DATE", "TIMESTAMP"):
        return True
    whole, digits = kind in _WHOLE, re.match(r"DECIMAL\((\d+),", kind)
    if target in _EXACT_DIGITS:
        return whole or kind == "FLOAT" or (digits is not None and int(digits[1]) <= _EXACT_DIGITS[target])
    if target.startswith("DECIMAL"):
        return whole or digits is not None
    return whole and target in _WHOLE
