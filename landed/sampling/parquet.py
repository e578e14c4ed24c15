"""Read a Parquet sample: the types of its columns give the types of the table."""

from pathlib import Path

import duckdb

from acceptance.contract.landing_format import FileFormat, LandingFormat
from acceptance.errors import StepFailed
from landed.formats.parquet_types import NULLS_ONLY, reading
from landed.sampling.candidates import SampleColumn, SampleTable, measure

_TYPES = {
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "UTINYINT": "smallint",
    "INTEGER": "int",
    "USMALLINT": "int",
    "BIGINT": "bigint",
    "UINTEGER": "bigint",
    "UBIGINT": "decimal(20,0)",
    "HUGEINT": "decimal(38,0)",
    "FLOAT": "float",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "VARCHAR": "string",
    "ENUM": "string",
    "JSON": "string",
    "UUID": "string",
    NULLS_ONLY: "string",
}
"""The Hive type that holds all values of a DuckDB type; timestamps and decimals have rules of their own."""


def parquet_sample(duck: duckdb.DuckDBPyConnection, path: Path, name: str) -> SampleTable:
    """Read the sample. Columns that no plain type holds, such as lists, become ignored columns."""
    read = reading(path)
    try:
        described = [(column, kind) for column, kind, *_ in duck.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()]
        cells = ", ".join(f'"{_escaped(column)}" AS c{number}' for number, (column, _) in enumerate(described))
        duck.execute(f"CREATE TEMP TABLE sample AS SELECT {cells} FROM {read}")
    except duckdb.Error as error:
        raise StepFailed(f"{name} cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    types = {column: (f"c{number}", hive_type(kind)) for number, (column, kind) in enumerate(described)}
    columns = [typed_column(duck, column, cell, type_) for column, (cell, type_) in types.items() if type_]
    ignored = tuple(column for column, (_, type_) in types.items() if not type_)
    return SampleTable(LandingFormat(FileFormat.PARQUET, ignored=ignored), tuple(columns))


def typed_column(duck: duckdb.DuckDBPyConnection, landed: str, cell: str, type_: str) -> SampleColumn:
    """Return a column of the sample, whose cells have a type of the file's."""
    finer = False
    if type_ == "timestamp":
        (finer,) = measure(duck, f"coalesce(bool_or(CAST({cell} AS TIMESTAMP_MS) <> {cell}), false)")
    value = f"CAST({cell} AS VARCHAR)" if type_ == "string" else cell
    return SampleColumn(landed, type_, value, value, rounded=finer)


def hive_type(kind: str) -> str:
    """Return the Hive type that holds all values of a DuckDB type, or "" if there is none."""
    if kind.startswith("DECIMAL") and not kind.endswith("]"):
        return kind.lower().replace(" ", "")
    if kind.startswith("TIMESTAMP") and not kind.endswith("]"):
        return "timestamp"
    return _TYPES.get("ENUM" if kind.startswith("ENUM") and not kind.endswith("]") else kind, "")


def _escaped(name: str) -> str:
    return name.replace('"', '""')
