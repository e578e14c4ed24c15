"""The Glue Data Catalog: read a table and its partitions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from acceptance.contract.hive_types import WHOLE_NUMBERS, HiveKind, catalog_type, whole_number
from aws.calls import Client, answer_or_none, aws_call
from aws.glue.projection import projected_location, projects

_ABSENT = frozenset({"EntityNotFoundException"})


@dataclass(frozen=True, slots=True)
class CatalogColumn:
    """`type` is as the contract writes it: lower-case without spaces, `int` and not `integer`, decimals with sizes."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class CatalogTable:
    database: str
    name: str
    columns: tuple[CatalogColumn, ...]
    partition_keys: tuple[CatalogColumn, ...]
    location: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""

    @property
    def projected(self) -> bool:
        return projects(self.parameters)

    def problem(self, *, partitioned: bool) -> str:
        """Return why no delivery can be judged, or "". A contract with partition columns is `partitioned`."""
        return table_problem(self.kind, self.parameters, partitioned=partitioned)


def table_problem(kind: str, parameters: Mapping[str, str], *, partitioned: bool) -> str:
    """Return why no delivery of such a table can be judged, or "". `kind` is Glue's TableType.

    `partitioned`: the contract has partition columns.
    """
    if "VIEW" in kind.upper():
        return "it is a view, which has no partitions and no files; name the table that it reads, or one made from it"
    provider = parameters.get("table_type") or parameters.get("spark.sql.sources.provider") or ""
    format_ = _OPEN_FORMATS.get(provider.strip().lower())
    if format_ and partitioned:
        return (
            f"it is a table of {format_}, whose partitions are in its own files and not in the Glue catalog, where "
            "Aceite looks; use a Hive table, or a contract without partition columns, which judges the whole table"
        )
    return ""


_OPEN_FORMATS = {"iceberg": "Apache Iceberg", "delta": "Delta Lake"}


@dataclass(frozen=True, slots=True)
class CatalogPartition:
    """`values` are in the order of the table's partition keys."""

    values: tuple[str, ...]
    location: str


def read_table(glue: Client, database: str, table: str) -> CatalogTable | None:
    """Return the table, or None if it or its database does not exist."""
    with aws_call(f"read the table {database}.{table}"):
        found = answer_or_none(_ABSENT, glue.get_table, DatabaseName=database, Name=table)
    if found is None:
        return None
    answer = found["Table"]
    storage = answer.get("StorageDescriptor", {})
    return CatalogTable(
        database=database,
        name=answer["Name"],
        columns=_columns(storage.get("Columns", ())),
        partition_keys=_columns(answer.get("PartitionKeys", ())),
        location=storage.get("Location", ""),
        parameters=answer.get("Parameters", {}),
        kind=answer.get("TableType", ""),
    )


def read_partition(glue: Client, database: str, table: str, values: Sequence[str]) -> CatalogPartition | None:
    """Return the partition with these values, in the order of the table's partition keys, or None if there is none."""
    with aws_call(f"read the partition {'/'.join(values)} of {database}.{table}"):
        asked = {"DatabaseName": database, "TableName": table, "PartitionValues": list(values)}
        found = answer_or_none(_ABSENT, glue.get_partition, **asked)
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
        partition = read_partition(glue, table.database, table.name, texts)
        if partition is not None:
            return partition
    return None


def _plain(key: CatalogColumn, value: str) -> str:
    number = whole_number(value) if HiveKind.named(key.type) in WHOLE_NUMBERS else None
    return value if number is None else str(number)


def _columns(columns: Sequence[Mapping[str, Any]]) -> tuple[CatalogColumn, ...]:
    return tuple(CatalogColumn(column["Name"], catalog_type(column["Type"])) for column in columns)
