"""Makes tables of Iceberg, and writes a delivery into one, by pyiceberg: the extra `iceberg` of Aceite."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import boto3

Facts = Mapping[str, Any]
"""A column, as the plan has it: name and type."""


def is_iceberg(table: Facts) -> bool:
    """Return True for a table that Glue describes as one of Iceberg."""
    return str((table.get("Parameters") or {}).get("table_type", "")).upper() == "ICEBERG"


def create(
    session: boto3.Session,
    endpoint: str,
    name: tuple[str, str],
    columns: Facts,
    keys: Sequence[str],
    location: str,
    catalog_id: str = "",
) -> None:
    """Create the table. `name` is database and table, columns are name -> Hive type, keys those of its partitions.

    `catalog_id` is Glue's id of another catalog than the account's own.

    Raises:
        ModuleNotFoundError: pyiceberg is not installed.
        TypeError: Iceberg has no such type.
    """
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.transforms import IdentityTransform
    from pyiceberg.types import NestedField

    fields = [
        NestedField(number, column, _type(type_), required=False)
        for number, (column, type_) in enumerate(columns.items(), 1)
    ]
    numbers = {field.name: field.field_id for field in fields}
    parts = [PartitionField(numbers[key], 1000 + place, IdentityTransform(), key) for place, key in enumerate(keys)]
    catalog(session, endpoint, catalog_id).create_table(
        name, Schema(*fields), location.rstrip("/"), PartitionSpec(*parts) if parts else PartitionSpec()
    )


def write(name: tuple[str, str], rows: Any, partition: Mapping[str, Any], alone: bool, catalog_id: str = "") -> str:
    """Write rows, a table of Arrow, and return the new snapshot. `alone`: they replace those of the partition."""
    import pyarrow as pa
    from pyiceberg.expressions import AlwaysTrue, And, EqualTo

    session = boto3.Session()
    table = catalog(session, str(session.client("glue").meta.endpoint_url), catalog_id).load_table(name)
    for column, value in partition.items():
        rows = rows.append_column(column, pa.array([value] * rows.num_rows))
    schema = table.schema().as_arrow()
    rows = rows.select(schema.names).cast(schema)
    if alone:
        table.overwrite(rows, reduce(And, (EqualTo(*pair) for pair in partition.items()), AlwaysTrue()))
    else:
        table.append(rows)
    return str(table.refresh().metadata.current_snapshot_id)


def catalog(session: boto3.Session, endpoint: str, catalog_id: str = "") -> Any:
    """Return a Glue catalog of this AWS, by default that of the account."""
    from pyiceberg.catalog.glue import GlueCatalog

    credentials = session.get_credentials()
    assert credentials is not None
    told = {
        "endpoint": endpoint,
        "region": session.region_name,
        "access-key-id": credentials.access_key,
        "secret-access-key": credentials.secret_key,
    }
    settings = {f"{of}.{key}": text for of in ("glue", "s3") for key, text in told.items()}
    return GlueCatalog("glue", **settings, **({"glue.id": catalog_id} if catalog_id else {}))


def _type(hive: str) -> Any:
    from pyiceberg import types

    if hive.startswith("decimal("):
        precision, scale = hive.removeprefix("decimal(").removesuffix(")").split(",")
        return types.DecimalType(int(precision), int(scale))
    known = {
        "int": types.IntegerType,
        "bigint": types.LongType,
        "float": types.FloatType,
        "double": types.DoubleType,
        "boolean": types.BooleanType,
        "date": types.DateType,
        "timestamp": types.TimestampType,
        "string": types.StringType,
    }
    if hive not in known:
        raise TypeError(f"Iceberg has no type {hive}; allowed: {', '.join(known)}, decimal(precision,scale)")
    return known[hive]()
