"""Writes tables of Iceberg as Athena does: creates them, and appends rows by commits to the Glue catalog."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any, cast

from moto.glue.exceptions import AlreadyExistsException, EntityNotFoundException
from moto.glue.models import GlueBackend

from sandbox.athena.open_formats.iceberg_schema import fitted, schema_and_partitions
from sandbox.athena.values import AthenaError
from sandbox.policies.caller import require_glue
from sandbox.services.table_versions import ConcurrentModification, update_table

Name = tuple[str, str]
"""Database and table."""
CODECS = ("zstd", "snappy", "gzip")
"""The values of write_compression that Parquet has; the first one is Athena's default."""


def create(
    glue: "GlueCalls", name: Name, columns: Mapping[str, str], keys: Sequence[str], location: str, codec: str
) -> None:
    """Create a table without a snapshot. Columns are name -> Hive type, `keys` are the columns of its partitions.

    Raises:
        AthenaError: Iceberg has no such type, the table exists, or its database does not.
    """
    require_pyiceberg()
    from pyiceberg.exceptions import NoSuchNamespaceError, TableAlreadyExistsError

    try:
        schema, partitions = schema_and_partitions(columns, keys)
    except (TypeError, ValueError) as error:
        raise AthenaError(f"NOT_SUPPORTED: {error}") from None
    try:
        _catalog(glue).create_table(
            name, schema, location, partitions, properties={"write.parquet.compression-codec": codec}
        )
    except TableAlreadyExistsError:
        raise AthenaError(f"FAILED: AlreadyExistsException: Table {'.'.join(name)} already exists") from None
    except NoSuchNamespaceError:
        raise AthenaError(f"FAILED: SemanticException [Error 10072]: Database does not exist: {name[0]}") from None


class Writer:
    """Appends to a table as it is when the query begins; who commits meanwhile loses nothing.

    Raises:
        AthenaError: the table has a column that is not of the type of which the Glue catalog tells.
    """

    def __init__(self, glue: "GlueCalls", name: Name) -> None:
        require_pyiceberg()
        self._table = _catalog(glue).load_table(name)
        _refuse_other_types(self._table.schema())

    def append(self, rows: Any) -> None:
        """Append rows, a table of Arrow whose columns have the catalog's names. No row is no commit.

        Raises:
            AthenaError: a null in a column that has none, rows that pyiceberg would write otherwise, or others have
                committed again and again.
        """
        from pyiceberg.exceptions import CommitFailedException

        fields = self._table.schema().fields
        rows = rows.select([field.name.lower() for field in fields]).rename_columns([field.name for field in fields])
        for field in fields:
            if field.required and rows.column(field.name).null_count:
                raise AthenaError(f"CONSTRAINT_VIOLATION: NULL value not allowed for NOT NULL column: {field.name}")
        try:
            rows = fitted(rows, self._table.schema())
        except ValueError as error:
            raise AthenaError(f"NOT_SUPPORTED: {error}") from None
        if not rows.num_rows:
            return
        try:
            self._table.append(rows)
        except CommitFailedException as error:
            said = "Failed to commit the transaction during insert"
            raise AthenaError(f"ICEBERG_COMMIT_ERROR: {said}: {error}") from None


class GlueCalls:
    """The calls of boto3's Glue that pyiceberg makes, answered by the sandbox's Glue itself in the caller's name."""

    exceptions = SimpleNamespace(
        AlreadyExistsException=AlreadyExistsException,
        ConcurrentModificationException=ConcurrentModification,
        EntityNotFoundException=EntityNotFoundException,
    )

    def __init__(self, glue: GlueBackend, catalog_id: str) -> None:
        self._glue, self._catalog_id = glue, catalog_id

    def get_database(self, **asked: Any) -> dict[str, Any]:
        self._require("GetDatabase", asked["Name"])
        return {"Database": self._glue.get_database(asked["Name"]).as_dict()}

    def get_table(self, **asked: Any) -> dict[str, Any]:
        self._require("GetTable", asked["DatabaseName"], asked["Name"])
        table = self._glue.get_table(asked["DatabaseName"], asked["Name"])
        return {"Table": deepcopy(table.as_dict())}  # pyiceberg changes what it is answered

    def create_table(self, **asked: Any) -> None:
        self._require("CreateTable", asked["DatabaseName"], asked["TableInput"]["Name"])
        self._glue.create_table(asked["DatabaseName"], asked["TableInput"]["Name"], asked["TableInput"])

    def update_table(self, **asked: Any) -> None:
        self._require("UpdateTable", asked["DatabaseName"], asked["TableInput"]["Name"])
        update_table(self._glue, asked["DatabaseName"], asked["TableInput"], asked["VersionId"])

    def _require(self, action: str, database: str, table: str = "") -> None:
        require_glue(action, database, table, self._catalog_id)


def require_pyiceberg() -> None:
    """Raise AthenaError if what writes tables of Iceberg is not installed."""
    if find_spec("pyiceberg") is None or find_spec("pyarrow") is None:
        raise AthenaError("NOT_SUPPORTED: the sandbox writes Iceberg by pyiceberg: `pip install 'aceite[iceberg]'`")


def _catalog(glue: GlueCalls) -> Any:
    from pyiceberg.catalog.glue import GlueCatalog

    files = {"py-io-impl": "sandbox.athena.open_formats.object_io.Objects"}
    return GlueCatalog("sandbox", client=cast(Any, glue), **files)


def _refuse_other_types(schema: Any) -> None:
    """Raise AthenaError if the catalog shows a type as another one, as text or timestamp."""
    from pyiceberg import types

    others = (types.TimestamptzType, types.TimeType, types.UUIDType, types.FixedType, types.BinaryType)
    for number in schema.field_ids:
        if isinstance(found := schema.find_type(number), others):
            column = schema.find_column_name(number)
            raise AthenaError(f"NOT_SUPPORTED: the sandbox inserts no {found} of Iceberg: {column}")
