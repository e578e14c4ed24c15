"""The tables of the Glue catalog as DuckDB views over the objects in S3, typed by the catalog."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import duckdb
from fsspec import AbstractFileSystem
from moto.glue.models import FakeTable, GlueBackend
from moto.s3.models import FakeDeleteMarker, FakeKey, S3Backend
from sqlglot import exp

from sandbox.athena.dialect import position
from sandbox.athena.values import AthenaError, duckdb_type

# What a column of the catalog may be read from; anything else is HIVE_BAD_DATA, as in Trino's Parquet reader.
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
_NO_DELIMITER = "\x1f"  # reads a text file line by line


class ObjectFiles(AbstractFileSystem):
    """The objects that one query may read, as files for DuckDB. Counts the bytes that are read."""

    protocol = "objects"
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self._objects: dict[str, FakeKey] = {}
        self.uris: dict[str, str] = {}
        self.read_bytes = 0
        self.cancelled = False

    def add(self, path: str, uri: str, found: FakeKey) -> str:
        self._objects[path] = found
        self.uris[f"objects://{path}"] = uri
        return f"objects://{path}"

    def glob(self, path: str, **_: Any) -> list[str]:
        path = self._strip_protocol(path)
        return [path] if path in self._objects else []

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        return {"name": path, "size": self._objects[self._strip_protocol(path)].size, "type": "file"}

    def modified(self, path: str) -> datetime:
        return self._objects[self._strip_protocol(path)].last_modified

    def _open(self, path: str, mode: str = "rb", **_: Any) -> "_CountedBytes":
        return _CountedBytes(self, self._objects[self._strip_protocol(path)].value)


class _CountedBytes(io.BytesIO):
    def __init__(self, files: ObjectFiles, content: bytes) -> None:
        super().__init__(content)
        self.size, self._files = len(content), files

    def read(self, size: int | None = -1) -> bytes:
        if self._files.cancelled:
            raise OSError("the query was cancelled")
        content = super().read(size)
        self._files.read_bytes += len(content)
        return content


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the catalog. `columns` and `keys` (partition columns) are (name, Hive type)."""

    found: FakeTable
    columns: tuple[tuple[str, str], ...]
    keys: tuple[tuple[str, str], ...]
    location: str
    serde: str
    options: dict[str, str]

    def partitions(self) -> list[tuple[tuple[str, ...], str]]:
        """Values and location of each partition."""
        shown = [partition.partition_input for partition in self.found.partitions.values()]
        return [(tuple(entry["Values"]), (entry.get("StorageDescriptor") or {}).get("Location", "")) for entry in shown]

    def partition_name(self, values: tuple[str, ...]) -> str:
        return "/".join(f"{name}={value}" for (name, _), value in zip(self.keys, values, strict=True))


class Catalog:
    """The Glue catalog and the S3 of one account, as Athena sees them."""

    def __init__(self, glue: GlueBackend, s3: S3Backend) -> None:
        self.glue, self.s3 = glue, s3

    def table(self, database: str, name: str, sql: str) -> Table:
        """Raises AthenaError with the place in `sql` if there is none."""
        if database not in self.glue.databases:
            raise AthenaError(f"SCHEMA_NOT_FOUND: {position(sql, database)}: Schema '{database}' does not exist")
        if name not in self.glue.databases[database].tables:
            where = position(sql, name)
            raise AthenaError(f"TABLE_NOT_FOUND: {where}: Table 'awsdatacatalog.{database}.{name}' does not exist")
        found = self.glue.databases[database].tables[name]
        shown = found.as_dict()
        storage = shown.get("StorageDescriptor") or {}
        serde = storage.get("SerdeInfo") or {}
        return Table(
            found,
            _columns(storage.get("Columns")),
            _columns(shown.get("PartitionKeys")),
            storage.get("Location", "").rstrip("/"),
            f"{serde.get('SerializationLibrary')} {storage.get('InputFormat')}".lower(),
            {**(serde.get("Parameters") or {}), **(shown.get("Parameters") or {})},
        )

    def objects(self, location: str) -> Iterator[tuple[str, FakeKey]]:
        """Key and object of everything below a location, without empty and hidden ones."""
        bucket, prefix = split_uri(location)
        if bucket not in self.s3.buckets:
            raise AthenaError(f"NoSuchBucket: The specified bucket {bucket} does not exist")
        keys, prefix = self.s3.buckets[bucket].keys, prefix.rstrip("/") + "/" if prefix else ""
        for name in [name for name in keys.order if name.startswith(prefix)]:
            found, hidden = keys.get(name), name.rsplit("/", 1)[-1].startswith(("_", "."))
            if found is not None and not hidden and not isinstance(found, FakeDeleteMarker) and found.size:
                yield name, found

    def mount(self, connection: duckdb.DuckDBPyConnection, files: ObjectFiles, database: str, table: Table) -> None:
        """A view of the table's rows, with the hidden column "$path"; only partitions that are in the catalog."""
        name = table.found.name
        places = table.partitions() if table.keys else [((), table.location)]
        paths = []
        for place, (values, location) in enumerate(places):
            # DuckDB reads the partition's values from the path, and skips files by them.
            folder = "/".join(f"{key}={quote(value, safe='')}" for (key, _), value in zip(table.keys, values, strict=True))
            for number, (key, found) in enumerate(self.objects(location)):
                uri = f"s3://{found.bucket_name}/{key}"
                path = f"{database}.{name}/{place}/{folder}/{number}-{quote(key.rsplit('/', 1)[-1])}"
                paths.append(files.add(path, uri, found))
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_name(database)}")
        view = f"{_name(database)}.{_name(name)}"
        connection.execute(f"CREATE VIEW {view} AS {_select(connection, files, table, paths)}")


def split_uri(uri: str) -> tuple[str, str]:
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in ("s3", "s3a", "s3n") or not bucket:
        raise AthenaError(f"INVALID_TABLE_PROPERTY: '{uri}' is not an s3:// location")
    return bucket, key


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _columns(shown: list[dict[str, str]] | None) -> tuple[tuple[str, str], ...]:
    return tuple((column["Name"].lower(), column["Type"]) for column in shown or ())


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _select(connection: duckdb.DuckDBPyConnection, files: ObjectFiles, table: Table, paths: list[str]) -> str:
    if not paths:
        nulls = [f"NULL::{duckdb_type(kind)} AS {_name(name)}" for name, kind in (*table.columns, *table.keys)]
        return f'SELECT {", ".join(nulls)}, NULL::VARCHAR AS "$path" WHERE false'
    listed = f"[{', '.join(map(literal, paths))}]"
    options = "filename=true, hive_partitioning=" + ("true, hive_types_autocast=false" if table.keys else "false")
    if "parquet" in table.serde:
        source, columns = _parquet(connection, files, table, listed, options)
    elif "json" in table.serde:
        kinds = ", ".join(f"{literal(name)}: {literal(duckdb_type(kind))}" for name, kind in table.columns)
        source = f"read_json({listed}, columns={{{kinds}}}, format='newline_delimited', {options})"
        columns = [_name(name) for name, _ in table.columns]
    elif "opencsv" in table.serde:
        source, columns = _quoted_csv(table, listed, options)
    else:
        source, columns = _delimited(table, listed, options)
    keys = [f"CAST({_name(name)} AS {duckdb_type(kind)}) AS {_name(name)}" for name, kind in table.keys]
    return f'SELECT {", ".join([*columns, *keys])}, filename AS "$path" FROM {source}'


def _parquet(
    connection: duckdb.DuckDBPyConnection, files: ObjectFiles, table: Table, listed: str, options: str
) -> tuple[str, list[str]]:
    facts = f"SELECT lower(name), any_value(name), duckdb_type, any_value(type), any_value(file_name) FROM parquet_schema({listed})"
    present: dict[str, str] = {}
    declared = dict(table.columns)
    for column, written, kind, physical, path in connection.execute(f"{facts} GROUP BY lower(name), duckdb_type").fetchall():
        present[column] = written
        wanted = duckdb_type(declared.get(column, "array<int>"))
        allowed = _READABLE.get(wanted.partition("(")[0])
        if allowed and kind and kind.partition("(")[0] not in allowed:
            message = f"Field {column}'s type {physical} in parquet file {files.uris[path]} is incompatible with type"
            shown = exp.DataType.build(declared[column], dialect="hive").sql("trino").lower().replace(", ", ",")
            raise AthenaError(f"HIVE_BAD_DATA: {message} {shown} defined in table schema")
    columns = [
        f"CAST({_name(present[name]) if name in present else 'NULL'} AS {duckdb_type(kind)}) AS {_name(name)}"
        for name, kind in table.columns
    ]
    return f"read_parquet({listed}, union_by_name=true, {options})", columns


def _quoted_csv(table: Table, listed: str, options: str) -> tuple[str, list[str]]:
    """OpenCSVSerde: every cell is a text, an empty one too; a cell that is not of the column's type fails the query."""
    quoted = literal(table.options.get("quoteChar", '"'))
    texts = ", ".join(f"{literal(name)}: 'VARCHAR'" for name, _ in table.columns)
    source = (
        f"read_csv({listed}, auto_detect=false, columns={{{texts}}}, delim={literal(table.options.get('separatorChar', ','))}, "
        f"quote={quoted}, escape={quoted}, header=false, skip={int(table.options.get('skip.header.line.count', 0))}, "
        f"null_padding=true, nullstr={literal(_NO_DELIMITER)}, parallel=false, {options})"
    )
    columns = []
    for name, hive in table.columns:
        cell, kind = _name(name), duckdb_type(hive)
        text = f"({cell} || '')"  # a bare column's type DuckDB would give to its CSV reader, which then fails
        typed = f"(DATE '1970-01-01' + TRY_CAST({text} AS INTEGER))" if kind == "DATE" else f"TRY_CAST({text} AS {kind})"
        failed = f"error('HIVE_BAD_DATA: Error parsing field value ''' || {cell} || ''' for field {name.replace(chr(39), '')}')"
        columns.append(cell if kind.startswith("TEXT") else f"if({typed} IS NULL AND {cell} IS NOT NULL, {failed}, {typed}) AS {cell}")
    return source, columns


def _delimited(table: Table, listed: str, options: str) -> tuple[str, list[str]]:
    """LazySimpleSerDe: no quoting, null is \\N, and a cell that is not of the column's type is null."""
    source = (
        f"read_csv({listed}, auto_detect=false, columns={{'line': 'VARCHAR'}}, delim={literal(_NO_DELIMITER)}, quote='', escape='', "
        f"header=false, skip={int(table.options.get('skip.header.line.count', 0))}, {options})"
    )
    delimiter = literal(table.options.get("field.delim") or table.options.get("serialization.format") or "\x01")
    columns = [
        f"TRY_CAST(nullif(string_split(line, {delimiter})[{place}], '\\N') AS {duckdb_type(kind)}) AS {_name(name)}"
        for place, (name, kind) in enumerate(table.columns, 1)
    ]
    return source, columns
