"""Converts types and values to Athena's notation, and defines the error that fails a query."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlglot import exp

from acceptance.contract.hive_types import catalog_type

RESULTS_BUCKET = "athena-results"
"""The bucket for the results of the workgroup `primary`."""

ATHENA_TYPES = {
    "BIGINT": "bigint",
    "BLOB": "varbinary",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DOUBLE": "double",
    "FLOAT": "float",
    "HUGEINT": "bigint",  # DuckDB's sum of integers
    "INTEGER": "integer",
    "JSON": "json",
    "SMALLINT": "smallint",
    "TIME": "time",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "TINYINT": "tinyint",
    '"NULL"': "unknown",
}


class AthenaError(Exception):
    """An error that fails a query; the message becomes its StateChangeReason."""


def duckdb_type(hive: str) -> str:
    """Return 'STRUCT(a INT)[]' for 'array<struct<a:int>>'. A decimal without sizes has Hive's."""
    return exp.DataType.build(catalog_type(hive), dialect="hive").sql("duckdb")


def trino_type(hive: str) -> str:
    """Return the type of Trino as which Athena reads a column of this Hive type: 'row(a integer)'."""
    text = exp.DataType.build(catalog_type(hive), dialect="hive").sql("trino").lower().replace(", ", ",")
    return re.sub(r"\btimestamp\b(?!\()", "timestamp(3)", text)


def hive_type(duckdb: str) -> str:
    """Return the Hive type for a type of DuckDB."""
    kind = exp.DataType.build("BIGINT" if duckdb == "HUGEINT" else duckdb, dialect="duckdb")
    return hive_text(kind)


def hive_text(kind: exp.DataType) -> str:
    """Return a type as the Glue catalog holds it: lower case, without spaces."""
    return kind.sql("hive").lower().replace(" ", "")


def column_info(name: str, duckdb: str) -> dict[str, Any]:
    """Return the entry of one column in a ResultSetMetadata."""
    kind, precision, scale = ATHENA_TYPES.get(duckdb, "varchar"), 0, 0
    if numbers := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", duckdb):
        kind, precision, scale = "decimal", int(numbers[1]), int(numbers[2])
    elif duckdb.endswith("]"):
        kind = "array"
    elif duckdb.startswith(("MAP(", "STRUCT(")):
        kind = "map" if duckdb.startswith("MAP") else "row"
    elif re.fullmatch(r"TIMESTAMP(_\w+)?", duckdb):
        kind, precision = "timestamp", 3
    elif kind == "varchar":
        precision = 2147483647
    described = {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name, "Type": kind}
    shape = {"Precision": precision, "Scale": scale, "Nullable": "UNKNOWN", "CaseSensitive": kind == "varchar"}
    return {**described, **shape}


def render(value: Any) -> str | None:
    """Return a value as VarCharValue and the result CSV have it."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return _double(value)
        case Decimal():
            return f"{value:f}"
        case bytes():
            return value.hex(" ")
        case datetime():
            text = value.isoformat(" ", "milliseconds")
            return text if value.tzinfo is None else text.partition("+")[0] + " UTC"
        case list() | tuple():
            return f"[{', '.join('null' if item is None else render(item) or '' for item in value)}]"
        case dict():
            pairs = (f"{render(key)}={'null' if item is None else render(item)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
    return str(value)


def _double(value: float) -> str:
    """Return a double as Java writes it: 1.5, 1.0E10, NaN."""
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    _, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    return f"{'-' if value < 0 else ''}{text[0]}.{text[1:] or '0'}E{int(exponent) + len(text) - 1}"
