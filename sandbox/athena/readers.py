"""Writes DuckDB's SQL that reads a table's files, and treats a cell that does not fit its type as Athena does."""

from dataclasses import dataclass
from uuid import uuid4

import duckdb
from moto.glue.models import FakeTable
from sqlglot import exp

from sandbox.athena.files import ObjectFiles
from sandbox.athena.values import AthenaError, duckdb_type

# By type of the catalog's column, the types of a Parquet column that Trino's reader accepts. Others are HIVE_BAD_DATA.
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT")
_READABLE = {
    "TINYINT": _INTEGERS,
    "SMALLINT": _INTEGERS,
    "INT": _INTEGERS,
    "BIGINT": (*_INTEGERS, "BIGINT", "UINTEGER"),
    "REAL": ("FLOAT",),
    "DOUBLE": ("FLOAT", "DOUBLE"),
    "DECIMAL": (*_INTEGERS, "BIGINT", "DECIMAL"),
    "TEXT": ("VARCHAR", "BLOB", "ENUM", "JSON"),
    "BLOB": ("BLOB", "VARCHAR"),
    "BOOLEAN": ("BOOLEAN",),
    "DATE": ("DATE",),
    "TIMESTAMP": ("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE"),
}
_UNUSED_CHARACTER = "\x1f"  # as the delimiter, it makes each line one cell
_DEFAULT_DELIMITER = "\x01"


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """A table of the catalog. `columns` and `keys` (partition columns) are (name, Hive type).

    `view_sql` is the SELECT of a view, "" for a table.
    """

    glue_table: FakeTable
    columns: tuple[tuple[str, str], ...]
    keys: tuple[tuple[str, str], ...]
    location: str
    serde: str
    options: dict[str, str]
    view_sql: str = ""

    def partitions(self) -> list[tuple[tuple[str, ...], str]]:
        """Return values and location of each partition."""
        entries = [partition.partition_input for partition in self.glue_table.partitions.values()]
        return [
            (tuple(entry["Values"]), (entry.get("StorageDescriptor") or {}).get("Location", "")) for entry in entries
        ]

    def partition_name(self, values: tuple[str, ...]) -> str:
        """Return year=2024/month=01 for the values 2024 and 01."""
        return "/".join(f"{name}={value}" for (name, _), value in zip(self.keys, values, strict=True))


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def select(
    connection: duckdb.DuckDBPyConnection, files: ObjectFiles, table: CatalogTable, paths: list[str], with_path: bool
) -> str:
    """Return a SELECT of the table's rows from these files, in the catalog's columns and types.

    Raises:
        AthenaError: a Parquet file has a column of another type (HIVE_BAD_DATA).
    """
    if not paths:
        nulls = [f"NULL::{duckdb_type(kind)} AS {identifier(name)}" for name, kind in (*table.columns, *table.keys)]
        path = ['NULL::VARCHAR AS "$path"'] if with_path else []
        return f"SELECT {', '.join([*nulls, *path])} WHERE false"
    listed = f"[{', '.join(map(literal, paths))}]"
    if "parquet" in table.serde:
        columns, reader = _parquet(connection, files, table, listed)
    elif "json" in table.serde:
        columns, reader = _json(table, listed)
    elif "opencsv" in table.serde:
        columns, reader = _quoted_csv(table, listed)
    else:
        columns, reader = _delimited(table, listed)
    columns += [f"CAST({identifier(name)} AS {duckdb_type(kind)}) AS {identifier(name)}" for name, kind in table.keys]
    filename = uuid4().hex  # no file has a column of this name
    if with_path:
        uris = ", ".join(f"{literal(path)}: {literal(files.uris[path])}" for path in paths)
        columns.append(f'map_extract_value(MAP {{{uris}}}, {identifier(filename)}) AS "$path"')
    partitions = "true, hive_types_autocast=false" if table.keys else "false"
    return f"SELECT {', '.join(columns)} FROM {reader}, filename={literal(filename)}, hive_partitioning={partitions})"


Reader = tuple[list[str], str]
"""The selected columns, and the call of one of DuckDB's readers without its closing bracket."""


def _parquet(connection: duckdb.DuckDBPyConnection, files: ObjectFiles, table: CatalogTable, listed: str) -> Reader:
    facts = "lower(name), any_value(name), duckdb_type, any_value(type), any_value(file_name)"
    schema = connection.execute(f"SELECT {facts} FROM parquet_schema({listed}) GROUP BY lower(name), duckdb_type")
    present, declared = dict[str, str](), dict(table.columns)
    for column, written, kind, physical, path in schema.fetchall():
        # Impala and Hive write a text as bytes without an annotation; DuckDB's cast would escape them.
        is_text = kind == "BLOB" and column in declared and duckdb_type(declared[column]).partition("(")[0] == "TEXT"
        present[column] = f"decode({identifier(written)})" if is_text else identifier(written)
        allowed = _READABLE.get(duckdb_type(declared[column]).partition("(")[0]) if column in declared else None
        if allowed and kind and kind.partition("(")[0] not in allowed:
            expected = exp.DataType.build(declared[column], dialect="hive").sql("trino").lower()
            message = f"Field {column}'s type {physical} in parquet file {files.uris[path]} is incompatible with type"
            raise AthenaError(f"HIVE_BAD_DATA: {message} {expected} defined in table schema")
    columns = []
    for name, hive in table.columns:
        cell = f"CAST({present.get(name, 'NULL')} AS {duckdb_type(hive)})"
        if duckdb_type(hive) == "TIMESTAMP":
            cell = f"to_milliseconds({cell})"
        columns.append(f"{cell} AS {identifier(name)}")
    return columns, f"read_parquet({listed}, union_by_name=true"


def _json(table: CatalogTable, listed: str) -> Reader:
    kinds = ", ".join(f"{literal(name)}: {literal(duckdb_type(kind))}" for name, kind in table.columns)
    columns = [identifier(name) for name, _ in table.columns]
    return columns, f"read_json({listed}, columns={{{kinds}}}, format='newline_delimited'"


def _quoted_csv(table: CatalogTable, listed: str) -> Reader:
    """Read as OpenCSVSerde does: an empty cell is an empty text, and a cell of another type fails the query."""
    texts = ", ".join(f"{literal(name)}: 'VARCHAR'" for name, _ in table.columns)
    delimiter, quote = table.options.get("separatorChar", ","), literal(table.options.get("quoteChar", '"'))
    reader = f"{_csv(table, listed)}, columns={{{texts}}}, delim={literal(delimiter)}, quote={quote}, escape={quote}"
    columns = []
    for name, hive in table.columns:
        cell, kind = identifier(name), duckdb_type(hive)
        text = f"({cell} || '')"  # of a bare column DuckDB gives the type to its CSV reader, which then fails
        typed = f"TRY_CAST({text} AS {kind})"
        if kind == "DATE":  # OpenCSVSerde reads days since 1970-01-01
            typed = f"(DATE '1970-01-01' + TRY_CAST({text} AS INTEGER))"
        message = f"concat('HIVE_BAD_DATA: Error parsing field value ''', {cell}, ''' for field ', {literal(name)})"
        checked = f"if({typed} IS NULL AND {cell} IS NOT NULL, error({message}), {typed}) AS {cell}"
        columns.append(cell if kind.startswith("TEXT") else checked)
    return columns, f"{reader}, null_padding=true, nullstr={literal(uuid4().hex)}, parallel=false"


def _delimited(table: CatalogTable, listed: str) -> Reader:
    """Read as LazySimpleSerDe does: no quoting, null is \\N, and a cell of another type is null."""
    reader = (
        f"{_csv(table, listed)}, columns={{'line': 'VARCHAR'}}, delim={literal(_UNUSED_CHARACTER)}, quote='', escape=''"
    )
    cells = f"string_split(line, {literal(table.options.get('field.delim', _DEFAULT_DELIMITER))})"
    columns = [
        f"TRY_CAST(nullif({cells}[{place}], '\\N') AS {duckdb_type(kind)}) AS {identifier(name)}"
        for place, (name, kind) in enumerate(table.columns, 1)
    ]
    return columns, reader


def _csv(table: CatalogTable, listed: str) -> str:
    skipped = int(table.options.get("skip.header.line.count", 0))
    return f"read_csv({listed}, auto_detect=false, header=false, skip={skipped}"
