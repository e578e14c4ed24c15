"""Reads the Glue catalog and S3 on behalf of Athena's caller, and checks the caller's permissions."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import duckdb
from moto.glue.models import GlueBackend
from moto.s3.models import FakeKey, S3Backend
from sqlglot import exp

from aws.glue.catalog import CatalogTable as GlueTable
from aws.glue.catalog import described_table
from sandbox.athena import readers
from sandbox.athena.files import ObjectFiles
from sandbox.athena.open_formats import iceberg
from sandbox.athena.projection import projected_partitions
from sandbox.athena.pruning import Partition, conditions, matching_partitions
from sandbox.athena.readers import CatalogTable, identifier
from sandbox.athena.sql.dialect import PREPARATION, parse, tables
from sandbox.athena.sql.errors import position
from sandbox.athena.values import AthenaError
from sandbox.policies.caller import CALLER, denial, require_glue
from sandbox.services.lake_formation import is_registered
from sandbox.services.moto_s3 import page
from sandbox.services.resource_links import followed


class Catalog:
    """The Glue catalog and the S3 of one account, as Athena sees them."""

    def __init__(self, glue: GlueBackend, s3: S3Backend, catalog_id: str = "") -> None:
        self.glue, self.s3, self.id = glue, s3, catalog_id

    def table(self, database: str, name: str, sql: str) -> CatalogTable:
        """Return the table, of a resource link the one behind it.

        Raise AthenaError with the position in `sql` if it does not exist.
        """
        require_glue("GetDatabase", database, catalog_id=self.id)
        require_glue("GetTable", database, name, self.id)
        if database not in self.glue.databases:
            raise AthenaError(f"SCHEMA_NOT_FOUND: {position(sql, database)}: Schema '{database}' does not exist")
        if name not in self.glue.databases[database].tables:
            place = position(sql, name)
            raise AthenaError(f"TABLE_NOT_FOUND: {place}: Table 'awsdatacatalog.{database}.{name}' does not exist")
        glue_table = followed(self.glue.databases[database].tables[name], self.glue.region_name)
        described = glue_table.as_dict()
        if target := described.get("TargetTable"):
            require_glue("GetTable", target["DatabaseName"], target["Name"], target["CatalogId"])
        storage = described.get("StorageDescriptor") or {}
        serde = storage.get("SerdeInfo") or {}
        return CatalogTable(
            glue_table,
            _columns(_current(storage.get("Columns"))),
            _columns(described.get("PartitionKeys")),
            storage.get("Location", "").rstrip("/"),
            f"{serde.get('SerializationLibrary')} {storage.get('InputFormat')}".lower(),
            {**(serde.get("Parameters") or {}), **(described.get("Parameters") or {})},
            _view_text(described_table(database, described)),
        )

    def objects(self, location: str) -> Iterator[tuple[str, FakeKey]]:
        """Yield key and object of each object below a location, without empty and hidden ones.

        Raises:
            AthenaError: the bucket does not exist, or the caller may not list it or read an object.
        """
        bucket, prefix = split_uri(location)
        folder = prefix.rstrip("/") + "/" if prefix else ""
        granted = is_registered(location)
        if granted and denial("lakeformation:GetDataAccess", "*"):
            raise AthenaError(f"PERMISSION_DENIED: Lake Formation gives no access to {location}")
        if not granted and denial("s3:ListBucket", f"arn:aws:s3:::{bucket}", s3_prefix=folder):
            raise AthenaError(f"PERMISSION_DENIED: Permission denied on S3 path: {location}")
        if bucket not in self.s3.buckets:
            raise AthenaError(f"NoSuchBucket: The specified bucket {bucket} does not exist")
        listed, _ = page(self.s3.buckets[bucket].keys, folder, None, "", None)
        for item in listed:
            if item.size and not item.name.rsplit("/", 1)[-1].startswith(("_", ".")):
                if not granted and denial("s3:GetObject", f"arn:aws:s3:::{bucket}/{item.name}"):
                    raise AthenaError(f"PERMISSION_DENIED: Permission denied on S3 path: s3://{bucket}/{item.name}")
                yield item.name, item

    def require_writing(self, location: str) -> None:
        """Raise AthenaError unless the caller may read and put the objects of a table of Iceberg there."""
        list(self.objects(location))
        bucket, prefix = split_uri(location)
        for folder in () if is_registered(location) else ("data", "metadata"):
            if denial("s3:PutObject", f"arn:aws:s3:::{bucket}/{prefix.strip('/')}/{folder}/new"):
                raise AthenaError(f"PERMISSION_DENIED: Permission denied on S3 path: {location}/{folder}")

    def delete_objects(self, location: str) -> None:
        """Delete what lies below a table's location. Raise AthenaError unless the caller may."""
        bucket, _ = split_uri(location)
        keys = [key for key, _ in self.objects(location)] if bucket in self.s3.buckets else []
        for key in keys:
            if denial("s3:DeleteObject", f"arn:aws:s3:::{bucket}/{key}"):
                raise AthenaError(f"PERMISSION_DENIED: Permission denied on S3 path: s3://{bucket}/{key}")
        for key in keys:
            self.s3.delete_object(bucket, key)

    def create_iceberg_view(
        self,
        connection: duckdb.DuckDBPyConnection,
        files: ObjectFiles,
        database: str,
        table: CatalogTable,
        snapshot: int | None,
    ) -> None:
        """Create a view of the rows of one snapshot, by default the current one."""
        of = iceberg.snapshot_of(table, snapshot)
        paths = {}
        for number, uri in enumerate((*of.data, *of.deletes)):
            bucket, key = split_uri(uri)
            item = self.s3.get_object(bucket, key)
            if item is None:
                raise AthenaError(f"ICEBERG_CANNOT_OPEN_SPLIT: {uri} does not exist")
            paths[uri] = files.add(f"{database}.{table.glue_table.name}/{number}.parquet", uri, item)
        list(self.objects(table.location))  # the caller must be allowed to read them
        data = {paths[uri]: (uri, needed) for uri, needed in of.data.items()}
        select = iceberg.select(connection, table, data, [paths[uri] for uri in of.deletes])
        create_view(connection, database, table.glue_table.name, select)

    def create_view(
        self,
        connection: duckdb.DuckDBPyConnection,
        files: ObjectFiles,
        database: str,
        table: CatalogTable,
        with_path: bool,
        filters: Sequence[exp.Expression] = (),
    ) -> None:
        """Create a view of the table's rows, by the partitions in the catalog, or by those that the table projects.

        `with_path` adds the hidden column "$path". `filters` are the query's conditions on the partition keys.
        """
        name, paths = table.glue_table.name, []
        for index, (values, location) in enumerate(self._partitions(connection, database, table, filters)):
            # DuckDB reads the partition's values from the path, and skips files by these values.
            folder = "/".join(
                f"{key}={quote(value, safe='')}" for (key, _), value in zip(table.keys, values, strict=True)
            )
            for number, (key, item) in enumerate(self.objects(location)):
                uri = f"s3://{item.bucket_name}/{key}"
                path = f"{database}.{name}/{index}/{folder}/{number}-{quote(key.rsplit('/', 1)[-1])}"
                paths.append(files.add(path, uri, item))
        create_view(connection, database, name, readers.select(connection, files, table, paths, with_path))

    def require_access(self, database: str, sql: str) -> None:
        """Raise Denied or AthenaError unless the caller may read what the query reads.

        An engine that reads by permissions of its own is asked after this.
        """
        if CALLER.get() is None:
            return
        tree = parse(sql)
        with duckdb.connect() as connection:
            for statement in PREPARATION:
                connection.execute(statement)
            for table in tables(tree):
                schema, name = (table.db or database).lower(), table.name.lower().partition("$")[0]
                entry = self.table(schema, name, sql)
                if entry.view_sql:
                    self.require_access(schema, entry.view_sql)
                    continue
                filters = conditions(tree, table, [key for key, _ in entry.keys])
                for _, location in self._partitions(connection, schema, entry, filters):
                    list(self.objects(location))

    def _partitions(
        self,
        connection: duckdb.DuckDBPyConnection,
        database: str,
        table: CatalogTable,
        filters: Sequence[exp.Expression],
    ) -> Sequence[Partition]:
        """Return the partitions that a query needs; a table without keys is one."""
        if not table.keys:
            return [((), table.location)]
        require_glue("GetPartitions", database, table.glue_table.name, self.id)
        projected = projected_partitions(table, lambda location: (key for key, _ in self.objects(location)))
        return matching_partitions(connection, table, table.partitions() if projected is None else projected, filters)


def create_view(connection: duckdb.DuckDBPyConnection, database: str, name: str, select: str) -> None:
    """Create a view of DuckDB; it stays as it is if it exists."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(database)}")
    connection.execute(f"CREATE VIEW IF NOT EXISTS {identifier(database)}.{identifier(name)} AS {select}")


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key. Raise AthenaError if the text is no s3:// URI."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in ("s3", "s3a", "s3n") or not bucket:
        raise AthenaError(f"INVALID_TABLE_PROPERTY: '{uri}' is not an s3:// location")
    return bucket, key


def _view_text(table: GlueTable) -> str:
    if table.is_view and not table.view_sql:
        raise AthenaError(f"INVALID_VIEW: {table.name} is not a view of Athena")
    return table.view_sql


def _current(listed: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Return the columns without those that somebody dropped from an Iceberg table."""
    said = "iceberg.field.current"
    return [column for column in listed or () if (column.get("Parameters") or {}).get(said) != "false"]


def _columns(listed: list[dict[str, str]] | None) -> tuple[tuple[str, str], ...]:
    return tuple((column["Name"].lower(), column["Type"]) for column in listed or ())
