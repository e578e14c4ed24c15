"""The Glue Data Catalog: read a table and its partitions."""

import base64
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from acceptance.contract.hive_types import WHOLE_NUMBERS, HiveKind, catalog_type, whole_number
from aws.calls import Client, answer_or_none, aws_call
from aws.glue.projection import projected_location, projects

_ABSENT = frozenset({"EntityNotFoundException"})


@dataclass(frozen=True, slots=True)
class CatalogColumn:
    """`name` is in small letters, as Athena has it: Terraform and the CDK keep theirs in Glue as they are written.

    `type` is as the contract writes it: lower-case without spaces, `int` and not `integer`, decimals with sizes.
    """

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """`kind` is Glue's TableType. `governed`: Lake Formation gives out its files, by grants that open no S3.

    `catalog_id` is empty for the account's own catalog. `target` are the account, database and name of the table behind
    a resource link, `view_sql` the SELECT of a view that Athena made.
    """

    database: str
    name: str
    columns: tuple[CatalogColumn, ...]
    partition_keys: tuple[CatalogColumn, ...]
    location: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    governed: bool = False
    catalog_id: str = ""
    target: tuple[str, str, str] | None = None
    view_sql: str = ""

    @property
    def projected(self) -> bool:
        return projects(self.parameters)

    @property
    def is_view(self) -> bool:
        return "VIEW" in self.kind.upper()

    @property
    def open_format(self) -> str:
        """The name of the open table format, "" for a table of Hive."""
        provider = self.parameters.get("table_type") or self.parameters.get("spark.sql.sources.provider") or ""
        return _OPEN_FORMATS.get(provider.strip().lower(), "")

    @property
    def is_iceberg(self) -> bool:
        return self.open_format == _OPEN_FORMATS["iceberg"]

    @property
    def unlisted(self) -> str:
        """Why its objects say nothing about a delivery, so that nobody lists them; "" for a table of Hive."""
        if self.is_view:
            return "it is a view"
        if self.is_iceberg:
            return "Iceberg itself says which of them are the table's"
        return "Lake Formation governs it" if self.governed else ""

    def problem(self, partition: Collection[str]) -> str:
        """Return why no delivery can be judged, or "". `partition` are the contract's partition columns."""
        if self.is_view or (self.is_iceberg and self.columns):
            return ""
        if self.target and not self.columns:
            return (
                f"it is a resource link to {'.'.join(self.target)}, of which the role sees nothing; grant DESCRIBE on "
                "the link, and SELECT and DESCRIBE on that table, in Lake Formation"
            )
        if self.open_format and partition:
            return (
                f"it is a table of {self.open_format}, whose partitions are in its own files and not in the Glue "
                "catalog, where Aceite looks; use a Hive table, or a contract without partition columns, which judges "
                "the whole table"
            )
        keys = [key.name for key in self.partition_keys]
        if set(keys) != set(partition):
            return (
                f"its partition keys are {', '.join(keys) or 'none'}, and those of the contract "
                f"{', '.join(partition) or 'none'}; mark exactly the table's with `partitioned: true`, or make the "
                "table anew"
            )
        return ""


_OPEN_FORMATS = {"iceberg": "Apache Iceberg", "delta": "Delta Lake"}


@dataclass(frozen=True, slots=True)
class CatalogPartition:
    """`values` are in the order of the table's partition keys."""

    values: tuple[str, ...]
    location: str


def in_catalog(catalog_id: str) -> dict[str, str]:
    """Return the argument by which a call of Glue names another catalog than the account's own."""
    return {"CatalogId": catalog_id} if catalog_id else {}


def read_table(glue: Client, database: str, table: str, catalog_id: str = "") -> CatalogTable | None:
    """Return the table, or None if it or its database does not exist. Glue follows a resource link."""
    asked = {"DatabaseName": database, "Name": table, **in_catalog(catalog_id)}
    with aws_call(f"read the table {database}.{table}"):
        found = answer_or_none(_ABSENT, glue.get_table, **asked)
    if found is None:
        return None
    return described_table(database, found["Table"], catalog_id)


def described_table(database: str, answer: Mapping[str, Any], catalog_id: str = "") -> CatalogTable:
    """Return the table that Glue describes so."""
    storage = answer.get("StorageDescriptor", {})
    return CatalogTable(
        database=database,
        name=answer["Name"],
        columns=_columns(storage.get("Columns", ())),
        partition_keys=_columns(answer.get("PartitionKeys", ())),
        location=storage.get("Location", ""),
        parameters=answer.get("Parameters", {}),
        kind=answer.get("TableType", ""),
        governed=bool(answer.get("IsRegisteredWithLakeFormation")),
        catalog_id=catalog_id,
        target=_target(answer.get("TargetTable", {})),
        view_sql=_view_sql(answer.get("ViewOriginalText", "")),
    )


def _view_sql(text: str) -> str:
    """Return the SELECT that Athena keeps as JSON, in base 64, in a comment."""
    kept = re.fullmatch(r"\s*/\* Presto View: ([\w+/=]+) \*/\s*", text)
    try:
        return str(json.loads(base64.b64decode(kept[1]))["originalSql"]) if kept else ""
    except (ValueError, KeyError, TypeError):
        return ""


def _target(link: Mapping[str, str]) -> tuple[str, str, str] | None:
    return (link["CatalogId"], link["DatabaseName"], link["Name"]) if {"CatalogId", "Name"} <= link.keys() else None


def read_partition(
    glue: Client, database: str, table: str, values: Sequence[str], catalog_id: str = ""
) -> CatalogPartition | None:
    """Return the partition with these values, in the order of the table's partition keys, or None if there is none."""
    with aws_call(f"read the partition {'/'.join(values)} of {database}.{table}"):
        asked = {"DatabaseName": database, "TableName": table, **in_catalog(catalog_id)}
        found = answer_or_none(_ABSENT, glue.get_partition, **asked, PartitionValues=list(values))
    if found is None:
        return None
    partition = found["Partition"]
    return CatalogPartition(tuple(partition["Values"]), partition.get("StorageDescriptor", {}).get("Location", ""))


def find_partition(glue: Client, table: CatalogTable, values: Mapping[str, str]) -> CatalogPartition | None:
    """Return the partition with these values by column, or None. Of a table that projects its partitions none is read.

    The catalog compares texts. Hive and Spark write a whole number as month=1, others as month=01 like the key. Athena
    reads both as the same month, so this looks for both.
    """
    if table.projected:
        keys = [key.name for key in table.partition_keys]
        location = projected_location(table.parameters, table.location, keys, values)
        return None if location is None else CatalogPartition(tuple(values.get(key, "") for key in keys), location)
    written = [(key, values.get(key.name, "")) for key in table.partition_keys]
    plain = tuple(_plain(key, value) for key, value in written)
    for texts in dict.fromkeys((plain, tuple(value for _, value in written))):
        partition = read_partition(glue, table.database, table.name, texts, table.catalog_id)
        if partition is not None:
            return partition
    return None


def _plain(key: CatalogColumn, value: str) -> str:
    number = whole_number(value) if HiveKind.named(key.type) in WHOLE_NUMBERS else None
    return value if number is None else str(number)


def _columns(columns: Sequence[Mapping[str, Any]]) -> tuple[CatalogColumn, ...]:
    """Return the columns without those that somebody dropped from an Iceberg table, which Glue goes on listing."""
    return tuple(
        CatalogColumn(column["Name"].lower(), catalog_type(column["Type"]))
        for column in columns
        if column.get("Parameters", {}).get("iceberg.field.current") != "false"
    )
