"""Makes tables of Iceberg, and writes a delivery into one, by pyiceberg: the extra `iceberg` of Aceite."""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import count
from typing import Any

import boto3

from acceptance.contract.hive_types import HiveKind, HiveType

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

    numbering = count(len(columns) + 1)
    fields = [
        NestedField(number, column, _type(HiveType.parse(type_), numbering), required=False)
        for number, (column, type_) in enumerate(columns.items(), 1)
    ]
    numbers = {field.name: field.field_id for field in fields}
    parts = [PartitionField(numbers[key], 1000 + place, IdentityTransform(), key) for place, key in enumerate(keys)]
    catalog(session, endpoint, catalog_id).create_table(
        name, Schema(*fields), location.rstrip("/"), PartitionSpec(*parts) if parts else PartitionSpec()
    )


def write(name: tuple[str, str], rows: Any, partition: Mapping[str, Any], alone: bool, catalog_id: str = "") -> str:
    """Write rows, a table of Arrow, and return the new snapshot. `alone`: they replace those of the partition.

    Raises:
        ValueError: pyiceberg would write a null within a column otherwise.
    """
    import pyarrow as pa
    from pyiceberg.expressions import AlwaysTrue, And, EqualTo

    session = boto3.Session()
    table = catalog(session, str(session.client("glue").meta.endpoint_url), catalog_id).load_table(name)
    for column, value in partition.items():
        rows = rows.append_column(column, pa.array([value] * rows.num_rows))
    schema = table.schema().as_arrow()
    rows = rows.select(schema.names).cast(schema)
    if changed := [column for column in rows.column_names if any(map(_loses_nulls, rows.column(column).chunks))]:
        raise ValueError(
            "the sandbox writes no null list or map of structs into a table of Iceberg, because pyiceberg makes an "
            f"empty one of it: {', '.join(changed)}"
        )
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


def _loses_nulls(array: Any) -> bool:
    """Return True if a list or a map of structs is null in it: pyiceberg 0.12 writes an empty one instead."""
    import pyarrow as pa

    kind, array = array.type, array.drop_null() if pa.types.is_struct(array.type) else array
    if pa.types.is_struct(kind):
        return any(map(_loses_nulls, array.flatten()))
    if pa.types.is_map(kind):
        lost = array.null_count and pa.types.is_struct(kind.item_type)
        return bool(lost) or _loses_nulls(array.items)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        lost = array.null_count and pa.types.is_struct(kind.value_type)
        return bool(lost) or _loses_nulls(array.flatten())
    return False


def _type(hive: HiveType, numbers: Iterator[int]) -> Any:
    """Return Iceberg's type. `numbers` number the fields within it; the catalog numbers them anew."""
    from pyiceberg import types

    if hive.kind.is_nested:
        within = [(next(numbers), _type(of, numbers)) for of in hive.of]
        match hive.kind:
            case HiveKind.ARRAY:
                return types.ListType(*within[0], element_required=False)
            case HiveKind.MAP:
                return types.MapType(*within[0], *within[1], value_required=False)
        named = zip(within, hive.fields, strict=True)
        return types.StructType(*(types.NestedField(n, name, of, required=False) for (n, of), name in named))
    if hive.kind is HiveKind.DECIMAL:
        return types.DecimalType(hive.precision, hive.scale)
    known = {
        HiveKind.INT: types.IntegerType,
        HiveKind.BIGINT: types.LongType,
        HiveKind.FLOAT: types.FloatType,
        HiveKind.DOUBLE: types.DoubleType,
        HiveKind.BOOLEAN: types.BooleanType,
        HiveKind.DATE: types.DateType,
        HiveKind.TIMESTAMP: types.TimestampType,
        HiveKind.STRING: types.StringType,
    }
    if hive.kind not in known:
        raise TypeError(f"Iceberg has no type {hive}; allowed: {', '.join(known)}, decimal, array, map, struct")
    return known[hive.kind]()
