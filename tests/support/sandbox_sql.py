"""Athena's SQL as the sandbox runs it, without its server: translated, in a DuckDB with the sandbox's macros."""

import json
from base64 import b64encode
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from sandbox.athena.sql import dialect
from sandbox.athena.sql.errors import reason
from sandbox.athena.sql.types import note_types
from sandbox.athena.values import AthenaError, duckdb_type


def prepared(duck: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    for statement in dialect.PREPARATION:
        duck.execute(statement)
    return duck


def answer_of_sandbox(
    duck: duckdb.DuckDBPyConnection, sql: str, schema: dict[str, dict[str, dict[str, str]]] | None = None
) -> list[tuple] | str:
    """Return the rows, or the error as Athena writes it: its name, a colon and a message. `schema`: `note_types`."""
    try:
        tree = dialect.parse(sql)
        note_types(tree, schema or {}, sql)
        return duck.execute(dialect.to_duckdb(tree)).fetchall()
    except AthenaError as error:
        return str(error)
    except duckdb.Error as error:
        return reason(error, sql)


def sandbox_table(duck: duckdb.DuckDBPyConnection, name: str, columns: dict[str, str], file: Path) -> None:
    """Make the table `lake.NAME` of a Parquet file, with these Hive types, as the sandbox reads its tables."""
    cells = (
        f"{'to_milliseconds' if type_ == 'timestamp' else ''}(CAST({column} AS {duckdb_type(type_)})) AS {column}"
        for column, type_ in columns.items()
    )
    duck.execute("CREATE SCHEMA IF NOT EXISTS lake")
    duck.execute(f"CREATE TABLE lake.{name} AS SELECT {', '.join(cells)} FROM read_parquet('{file.as_posix()}')")


def shown(cell: object, type_: str = "") -> str:
    """Return a cell in one form. `type_` is Trino's, which tells decimals and times as texts."""
    match cell:
        case None:
            return "null"
        case bool():
            return str(cell).lower()
        case int() | Decimal():
            return f"{Decimal(cell).normalize():f}"
        case float():
            return _double(cell)
        case datetime():
            return json.dumps(cell.isoformat(" ", "milliseconds"))
        case date():
            return json.dumps(cell.isoformat())
        case bytes():
            return json.dumps(b64encode(cell).decode())
        case list() | tuple():
            return f"[{', '.join(shown(each, type_.removeprefix('array(')) for each in cell)}]"
        case str() if type_.startswith("decimal"):
            return shown(Decimal(cell))
        case str() if type_.startswith(("double", "real")):
            return cell
        case str() if type_.startswith("timestamp"):
            whole, _, fraction = cell.partition(".")
            return json.dumps(f"{whole}.{fraction:0<3}")
    return json.dumps(cell, ensure_ascii=False)


def _double(number: float) -> str:
    """Return 12 digits, of which the last ones depend on the order in which an engine adds."""
    if number != number or number in (float("inf"), float("-inf")):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(number)]
    return f"{Decimal(f'{number:.12g}').normalize():f}"
