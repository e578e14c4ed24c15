"""Avro files, written by fastavro, which the product's own reader is not."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import fastavro

PLAIN = {int: "long", float: "double", bool: "boolean", str: "string"}


def logical(type_: str, name: str, **facts: Any) -> dict[str, Any]:
    return {"type": type_, "logicalType": name, **facts}


def avro_schema(columns: Mapping[str, Any]) -> dict[str, Any]:
    """A record of fields by their names."""
    return {"type": "record", "name": "Row", "fields": [{"name": name, "type": each} for name, each in columns.items()]}


def avro(columns: Mapping[str, Any], rows: Sequence[Sequence[Any]], codec: str = "null", **options: Any) -> bytes:
    out = io.BytesIO()
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    fastavro.writer(out, avro_schema(columns), records, codec=codec, **options)
    return out.getvalue()


def avro_of_plain_values(row: Mapping[str, Any]) -> bytes:
    return avro({name: PLAIN[type(value)] for name, value in row.items()}, [list(row.values())])
