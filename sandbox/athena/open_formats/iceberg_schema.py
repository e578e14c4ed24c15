"""Schemas of Iceberg from the Glue catalog's types, and rows that fit one, for whoever writes a table by pyiceberg."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from acceptance.contract.hive_types import HiveKind, HiveType


def schema_and_partitions(columns: Mapping[str, str], keys: Sequence[str]) -> tuple[Any, Any]:
    """Return the schema of these columns (name -> Hive type), and the identity partitions by `keys`.

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
    return Schema(*fields), PartitionSpec(*parts) if parts else PartitionSpec()


def fitted(rows: Any, schema: Any) -> Any:
    """Return rows, a table of Arrow that has these columns, in the types and the order of a schema of Iceberg.

    Raises:
        ValueError: pyiceberg would write a null within a column otherwise.
    """
    wanted = schema.as_arrow()
    rows = rows.select(wanted.names).cast(wanted)
    if changed := [column for column in rows.column_names if any(map(_loses_nulls, rows.column(column).chunks))]:
        raise ValueError(
            "the sandbox writes no null list or map of structs into a table of Iceberg, because pyiceberg makes an "
            f"empty one of it: {', '.join(changed)}"
        )
    return rows


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
