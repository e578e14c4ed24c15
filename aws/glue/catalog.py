"""Glue: what the catalog says of a table and its partitions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from acceptance.contract.hive_types import WHOLE_NUMBERS, whole_number
from aws.calls import Client, aws_call, error_code


@dataclass(frozen=True, slots=True)
class CatalogColumn:
    """`type` in lower case without spaces, as in the contract."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class CatalogTable:
    database: str
    name: str
    columns: tuple[CatalogColumn, ...]
    partition_keys: tuple[CatalogColumn, ...]
    location: str


@dataclass(frozen=True, slots=True)
class CatalogPartition:
    """`values` in the order of the table's partition keys."""

    values: tuple[str, ...]
    location: str


def read_table(glue: Client, database: str, table: str) -> CatalogTable | None:
    """The table as the catalog has it, or None if the table or its database is not there."""
    with aws_call(f"read the table {database}.{table}"):
        try:
            found = glue.get_table(DatabaseName=database, Name=table)["Table"]
        except ClientError as error:
            if error_code(error) == "EntityNotFoundException":
                return None
            raise
    storage = found.get("StorageDescriptor", {})
    return CatalogTable(
        database=database,
        name=found["Name"],
        columns=_columns(storage.get("Columns", ())),
        partition_keys=_columns(found.get("PartitionKeys", ())),
        location=storage.get("Location", ""),
    )


def read_partition(glue: Client, database: str, table: str, values: Sequence[str]) -> CatalogPartition | None:
    """The partition with these values, in the order of the table's partition keys, or None if the catalog has none."""
    with aws_call(f"read the partition {'/'.join(values)} of {database}.{table}"):
        try:
            found = glue.get_partition(DatabaseName=database, TableName=table, PartitionValues=list(values))[
                "Partition"
            ]
        except ClientError as error:
            if error_code(error) == "EntityNotFoundException":
                return None
            raise
    return CatalogPartition(tuple(found["Values"]), found.get("StorageDescriptor", {}).get("Location", ""))


def find_partition(glue: Client, table: CatalogTable, values: Mapping[str, str]) -> CatalogPartition | None:
    """The partition with these values by column, or None.

    The catalog compares texts: of a whole number, Hive and Spark write month=1, and others month=01 as it may stand in
    a key. To Athena both are the same month, so both are looked for.
    """
    written = [(key, values.get(key.name, "")) for key in table.partition_keys]
    numbers = ((whole_number(value) if key.type in WHOLE_NUMBERS else None, value) for key, value in written)
    plain = tuple(value if number is None else str(number) for number, value in numbers)
    for texts in dict.fromkeys((plain, tuple(value for _, value in written))):
        found = read_partition(glue, table.database, table.name, texts)
        if found is not None:
            return found
    return None


def _columns(columns: Sequence[Mapping[str, Any]]) -> tuple[CatalogColumn, ...]:
    return tuple(CatalogColumn(column["Name"], "".join(column["Type"].lower().split())) for column in columns)
