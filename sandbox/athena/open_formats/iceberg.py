"""Reads tables of Iceberg as Athena does: the data files of one snapshot, and the columns by their numbers."""

import io
from collections.abc import Sequence
from typing import Any, cast

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

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


def data_files(table: CatalogTable, snapshot: int | None) -> Sequence[str]:
    """Return the s3:// URIs of the data files of a snapshot, by default the current one.

    Raises:
        AthenaError: there is no such snapshot, or it has files of deletes, which the sandbox does not read.
    """
    read = _read(table)
    if snapshot is not None and read.metadata.snapshot_by_id(snapshot) is None:
        raise AthenaError(f"INVALID_ARGUMENTS: Iceberg snapshot ID does not exists: {snapshot}")
    tasks = list(read.scan(snapshot_id=snapshot).plan_files())
    if any(task.delete_files for task in tasks):
        raise AthenaError("NOT_SUPPORTED: the sandbox reads no deletes of Iceberg (merge on read)")
    return [task.file.file_path for task in tasks]


def select(table: CatalogTable, paths: Sequence[str]) -> str:
    """Return a SELECT of the rows of these files, which DuckDB can open, in the catalog's columns and types."""
    if not paths:
        nulls = [f"NULL::{duckdb_type(kind)} AS {identifier(name)}" for name, kind in table.columns]
        return f"SELECT {', '.join(nulls)} WHERE false"
    numbers = {field.name.lower(): field.field_id for field in _read(table).schema().fields}
    schema = ", ".join(
        f"{numbers[name]}: {{name: {literal(name)}, type: {literal(duckdb_type(kind))}, default_value: NULL}}"
        for name, kind in table.columns
    )
    columns = ", ".join(identifier(name) for name, _ in table.columns)
    return f"SELECT {columns} FROM read_parquet([{', '.join(map(literal, paths))}], schema=MAP {{{schema}}})"


def _read(table: CatalogTable) -> Any:
    from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile
    from pyiceberg.table import StaticTable
    from pyiceberg.table.metadata import TableMetadataUtil

    class Held(InputFile):
        """An object of the sandbox's S3."""

        def __len__(self) -> int:
            return len(self._content())

        def exists(self) -> bool:
            return bool(self._content())

        def open(self, seekable: bool = True) -> InputStream:
            return cast(InputStream, io.BytesIO(self._content()))

        def _content(self) -> bytes:
            return content_of(self.location)

    class Objects(FileIO):
        def new_input(self, location: str) -> InputFile:
            return Held(location)

        def new_output(self, location: str) -> OutputFile:
            raise NotImplementedError

        def delete(self, location: str | InputFile | OutputFile) -> None:
            raise NotImplementedError

    place = table.options.get("metadata_location", "")
    metadata = TableMetadataUtil.parse_raw(content_of(place).decode())
    return StaticTable(("sandbox", table.glue_table.name), metadata, place, Objects(), cast(Any, None))


def content_of(uri: str) -> bytes:
    """Return the bytes of an object of the sandbox's S3. Raise AthenaError if it is gone."""
    bucket, _, key = uri.partition("://")[2].partition("/")
    item = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].get_object(bucket, key)
    if item is None:
        raise AthenaError(f"ICEBERG_MISSING_METADATA: {uri} does not exist")
    return bytes(item.value)
