"""The Glue catalog and the S3 of one account, as Athena sees them."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

import duckdb
from moto.glue.models import GlueBackend
from moto.s3.models import FakeKey, S3Backend
from sqlglot import exp

from sandbox.athena import readers
from sandbox.athena.dialect import position
from sandbox.athena.files import ObjectFiles
from sandbox.athena.pruning import asked_for
from sandbox.athena.readers import Table, identifier
from sandbox.athena.values import AthenaError
from sandbox.policies.caller import denial, require_glue
from sandbox.services.moto_s3 import page


class Catalog:
    """The Glue catalog and the S3 of one account, as Athena sees them."""

    def __init__(self, glue: GlueBackend, s3: S3Backend) -> None:
        self.glue, self.s3 = glue, s3

    def table(self, database: str, name: str, sql: str) -> Table:
        """Raises AthenaError with the place in `sql` if there is none."""
        require_glue("GetDatabase", database)
        require_glue("GetTable", database, name)
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
        folder = prefix.rstrip("/") + "/" if prefix else ""
        if denial("s3:ListBucket", f"arn:aws:s3:::{bucket}", s3_prefix=folder):
            raise AthenaError(f"PERMISSION_DENIED: Permission denied on S3 path: {location}")
        if bucket not in self.s3.buckets:
            raise AthenaError(f"NoSuchBucket: The specified bucket {bucket} does not exist")
        listed, _ = page(self.s3.buckets[bucket].keys, folder, None, "", None)
        for found in listed:
            if found.size and not found.name.rsplit("/", 1)[-1].startswith(("_", ".")):
                if denial("s3:GetObject", f"arn:aws:s3:::{bucket}/{found.name}"):
                    raise AthenaError(f"PERMISSION_DENIED: Permission denied on S3 path: s3://{bucket}/{found.name}")
                yield found.name, found

    def mount(
        self,
        connection: duckdb.DuckDBPyConnection,
        files: ObjectFiles,
        database: str,
        table: Table,
        with_path: bool,
        wanted: Sequence[exp.Expression] = (),
    ) -> None:
        """A view of the rows of the partitions that are in the catalog; if asked, with the hidden column "$path".

        `wanted` are the conditions by which the query asks for partitions.
        """
        name = table.found.name
        if table.keys:
            require_glue("GetPartitions", database, name)
        places = asked_for(connection, table, wanted) if table.keys else [((), table.location)]
        paths = []
        for place, (values, location) in enumerate(places):
            # DuckDB reads the partition's values from the path, and skips files by them.
            folder = "/".join(
                f"{key}={quote(value, safe='')}" for (key, _), value in zip(table.keys, values, strict=True)
            )
            for number, (key, found) in enumerate(self.objects(location)):
                uri = f"s3://{found.bucket_name}/{key}"
                path = f"{database}.{name}/{place}/{folder}/{number}-{quote(key.rsplit('/', 1)[-1])}"
                paths.append(files.add(path, uri, found))
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(database)}")
        view = f"{identifier(database)}.{identifier(name)}"
        connection.execute(f"CREATE VIEW {view} AS {readers.select(connection, files, table, paths, with_path)}")


def split_uri(uri: str) -> tuple[str, str]:
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in ("s3", "s3a", "s3n") or not bucket:
        raise AthenaError(f"INVALID_TABLE_PROPERTY: '{uri}' is not an s3:// location")
    return bucket, key


def _columns(shown: list[dict[str, str]] | None) -> tuple[tuple[str, str], ...]:
    return tuple((column["Name"].lower(), column["Type"]) for column in shown or ())
