"""Reads tables of Iceberg as Athena does: the data files of one snapshot, and the columns by their numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import duckdb

from sandbox.athena.readers import CatalogTable, identifier, literal
from sandbox.athena.values import AthenaError, duckdb_type

REFS = "$refs"
"""The end of the name of the hidden table of branches and tags."""


def is_iceberg(table: CatalogTable) -> bool:
    return table.options.get("table_type", "").upper() == "ICEBERG"


def refs(table: CatalogTable) -> str:
    """Return a SELECT of the hidden table of branches."""
    current = _read(table).metadata.current_snapshot_id
    only = "" if current is not None else " WHERE false"
    return f"SELECT 'main' AS name, 'BRANCH' AS type, CAST({current or 0} AS BIGINT) AS snapshot_id{only}"


@dataclass(frozen=True)
class Snapshot:
    """The files of one snapshot, as URIs in s3://. `data` has for each file the columns that it must itself hold.

    `deletes` are files that name rows of those by their place, as a MERGE of Athena writes them (merge on read).
    """

    data: Mapping[str, frozenset[int]]
    deletes: Sequence[str]


def snapshot_of(table: CatalogTable, snapshot: int | None) -> Snapshot:
    """Return the files of a snapshot, by default of the current one.

    Raises:
        AthenaError: there is no such snapshot, or the sandbox would read something in it otherwise than Athena.
    """
    read = _read(table)
    if snapshot is not None and read.metadata.snapshot_by_id(snapshot) is None:
        raise AthenaError(f"INVALID_ARGUMENTS: Iceberg snapshot ID does not exists: {snapshot}")
    _refuse_other_fields_within(read.metadata)
    try:
        tasks = list(read.scan(snapshot_id=snapshot).plan_files())
    except ValueError as error:
        if "equality deletes" not in str(error):
            raise
        raise AthenaError("NOT_SUPPORTED: the sandbox reads no deletes of Iceberg by equality (Flink)") from None
    files = [each for task in tasks for each in (task.file, *task.delete_files)]
    if others := {each.file_format.value for each in files} - {"PARQUET"}:
        raise AthenaError(f"NOT_SUPPORTED: the sandbox reads no files of Iceberg in {', '.join(sorted(others))}")
    deletes = dict.fromkeys(each.file_path for task in tasks for each in task.delete_files)
    return Snapshot({task.file.file_path: _only_within(read, task.file.spec_id) for task in tasks}, list(deletes))


def select(
    connection: duckdb.DuckDBPyConnection,
    table: CatalogTable,
    data: Mapping[str, tuple[str, frozenset[int]]],
    deletes: Sequence[str],
) -> str:
    """Return a SELECT of the rows of these files, which DuckDB can open, in the catalog's columns and types.

    `data` is by the path that DuckDB opens: the file's URI, and the columns that it must hold. `deletes` are paths too.

    Raises:
        AthenaError: what a file lacks is elsewhere, so DuckDB would take it for null.
    """
    if not data:
        nulls = [f"NULL::{duckdb_type(kind)} AS {identifier(name)}" for name, kind in table.columns]
        return f"SELECT {', '.join(nulls)} WHERE false"
    fields = {field.name.lower(): field.field_id for field in _read(table).schema().fields}
    _refuse_lacking(connection, {path: needed for path, (_, needed) in data.items()})
    schema = ", ".join(
        f"{fields[name]}: {{name: {literal(name)}, type: {literal(duckdb_type(kind))}, default_value: NULL}}"
        for name, kind in table.columns
    )
    columns = ", ".join(identifier(name) for name, _ in table.columns)
    rows = f"read_parquet({_list(data)}, schema=MAP {{{schema}}}"
    if not deletes:
        return f"SELECT {columns} FROM {rows})"
    uris = ", ".join(f"({literal(path)}, {literal(uri)})" for path, (uri, _) in data.items())
    deleted = (
        f"SELECT 1 FROM read_parquet({_list(deletes)}) AS gone JOIN (VALUES {uris}) AS named (path, uri) "
        'ON named.uri = gone.file_path WHERE named.path = held."$file" AND gone.pos = held.file_row_number'
    )
    held = f"{rows}, filename='$file', file_row_number=true) AS held"  # any Parquet has a hidden file_row_number too
    return f"SELECT {columns} FROM {held} WHERE NOT EXISTS ({deleted})"


def _list(paths: Iterable[str]) -> str:
    return f"[{', '.join(map(literal, paths))}]"


def _refuse_other_fields_within(metadata: Any) -> None:
    """Raise AthenaError if a field within a nested column had another name: DuckDB finds these by their names."""
    names, numbers = dict[int, str](), dict[str, int]()
    for schema in (*metadata.schemas, metadata.schema()):
        of_columns = {field.name: field.field_id for field in schema.fields}
        for number in schema.field_ids:
            column, _, within = str(schema.find_column_name(number)).partition(".")
            place = f"{of_columns.get(column)}.{within}"
            if within and (names.setdefault(number, place) != place or numbers.setdefault(place, number) != number):
                raise AthenaError(
                    f"NOT_SUPPORTED: the sandbox reads no nested column of Iceberg in which a field was renamed, or "
                    f"dropped and added again: {column}.{within}"
                )


def _only_within(read: Any, spec_id: int) -> frozenset[int]:
    """Return the columns that a file must hold: else their value is only in the metadata of the table."""
    from pyiceberg.transforms import IdentityTransform

    spec, fields = read.specs()[spec_id], read.schema().fields
    defaults = {field.field_id for field in fields if field.initial_default is not None}
    current = {field.field_id for field in fields}
    identities = {field.source_id for field in spec.fields if isinstance(field.transform, IdentityTransform)}
    return frozenset(defaults | identities & current)


def _refuse_lacking(connection: duckdb.DuckDBPyConnection, needed: Mapping[str, frozenset[int]]) -> None:
    """Raise AthenaError if a file has columns without numbers, or lacks one that it must hold."""
    sql = f"SELECT file_name, list(field_id) FROM parquet_schema({_list(needed)}) GROUP BY file_name"
    for path, listed in connection.execute(sql).fetchall():
        held = {number for number in listed if number is not None}
        if not held:
            raise AthenaError(
                "NOT_SUPPORTED: the sandbox reads no file of Iceberg whose columns have no numbers, as one has that "
                "was added to the table (add_files, migrate)"
            )
        if needed[path] - held:
            raise AthenaError(
                "NOT_SUPPORTED: the sandbox reads no file of Iceberg that lacks a partition column or a default value"
            )


def _read(table: CatalogTable) -> Any:
    from pyiceberg.table import StaticTable
    from pyiceberg.table.metadata import TableMetadataUtil

    from sandbox.athena.open_formats.object_io import Objects, content_of

    place = table.options.get("metadata_location", "")
    metadata = TableMetadataUtil.parse_raw(content_of(place).decode())
    return StaticTable(("sandbox", table.glue_table.name), metadata, place, Objects(), cast(Any, None))
