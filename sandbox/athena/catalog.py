"""Reads the Glue catalog and S3 on behalf of Athena's caller, and checks the caller's permissions."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

import duckdb
from moto.glue.models import GlueBackend
from moto.s3.models import FakeKey, S3Backend
from sqlglot import exp

from sandbox.athena import readers
from sandbox.athena.dialect import position
from sandbox.athena.files import ObjectFiles
from sandbox.athena.projection import projected_partitions
from sandbox.athena.pruning import Partition, matching_partitions
from sandbox.athena.readers import CatalogTable, identifier
from sandbox.athena.values import AthenaError
from sandbox.policies.caller import denial, require_glue
from sandbox.services.moto_s3 import page


class Catalog:
    """The Glue catalog and the S3 of one account, as Athena sees them."""

    def __init__(self, glue: GlueBackend, s3: S3Backend) -> None:
        self.glue, self.s3 = glue, s3

    def table(self, database: str, name: str, sql: str) -> CatalogTable:
        """Return the table. Raise AthenaError with the position in `sql` if it does not exist."""
        require_glue("GetDatabase", database)
        require_glue("GetTable", database, name)
        if database not in self.glue.databases:
            raise AthenaError(f"SCHEMA_NOT_FOUND: {position(sql, database)}: Schema '{database}' does not exist")
        if name not in self.glue.databases[database].tables:
            place = position(sql, name)
            raise AthenaError(f"TABLE_NOT_FOUND: {place}: Table 'awsdatacatalog.{database}.{name}' does not exist")
        glue_table = self.glue.databases[database].tables[name]
        described = glue_table.as_dict()
        storage = described.get("StorageDescriptor") or {}
        serde = storage.get("SerdeInfo") or {}
        return CatalogTable(
            glue_table,
            _columns(storage.get("Columns")),
            _columns(described.get("PartitionKeys")),
            storage.get("Location", "").rstrip("/"),
            f"{serde.get('SerializationLibrary')} {storage.get('InputFormat')}".lower(),
            {**(serde.get("Parameters") or {}), **(described.get("Parameters") or {})},
        )

    def objects(self, location: str) -> Iterator[tuple[str, FakeKey]]:
        """Yield key and object of each object below a location, without empty and hidden ones.

        Raises:
            AthenaError: the bucket does not exist, or the caller may not list it or read an object.
        """
        bucket, prefix = split_uri(location)
        folder = prefix.rstrip("/") + "/" if prefix else ""
        if denial("s3:ListBucket", f"arn:aws:s3:::{bucket}", s3_prefix=folder):
            raise AthenaError(f"PERMISSION_DENIED: Permission denied on S3 path: {location}")
        if bucket not in self.s3.buckets:
            raise AthenaError(f"NoSuchBucket: The specified bucket {bucket} does not exist")
        listed, _ = page(self.s3.buckets[bucket].keys, folder, None, "", None)
        for item in listed:
            if item.size and not item.name.rsplit("/", 1)[-1].startswith(("_", ".")):
                if denial("s3:GetObject", f"arn:aws:s3:::{bucket}/{item.name}"):
                    raise AthenaError(f"PERMISSION_DENIED: Permission denied on S3 path: s3://{bucket}/{item.name}")
                yield item.name, item

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
        name = table.glue_table.name
        if table.keys:
            require_glue("GetPartitions", database, name)
        projected = projected_partitions(table, lambda location: (key for key, _ in self.objects(location)))
        partitions: Sequence[Partition] = [((), table.location)]
        if table.keys:
            listed = table.partitions() if projected is None else projected
            partitions = matching_partitions(connection, table, listed, filters)
        paths = []
        for index, (values, location) in enumerate(partitions):
            # DuckDB reads the partition's values from the path, and skips files by these values.
            folder = "/".join(
                f"{key}={quote(value, safe='')}" for (key, _), value in zip(table.keys, values, strict=True)
            )
            for number, (key, item) in enumerate(self.objects(location)):
                uri = f"s3://{item.bucket_name}/{key}"
                path = f"{database}.{name}/{index}/{folder}/{number}-{quote(key.rsplit('/', 1)[-1])}"
                paths.append(files.add(path, uri, item))
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(database)}")
        view = f"{identifier(database)}.{identifier(name)}"
        connection.execute(f"CREATE VIEW {view} AS {readers.select(connection, files, table, paths, with_path)}")


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key. Raise AthenaError if the text is no s3:// URI."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in ("s3", "s3a", "s3n") or not bucket:
        raise AthenaError(f"INVALID_TABLE_PROPERTY: '{uri}' is not an s3:// location")
    return bucket, key


def _columns(listed: list[dict[str, str]] | None) -> tuple[tuple[str, str], ...]:
    return tuple((column["Name"].lower(), column["Type"]) for column in listed or ())
