"""Converts each landed file to one Parquet object in its partition."""

import contextlib
import hashlib
import io
import tempfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import iceberg  # type: ignore[import-not-found]
from injected_faults import ImpossibleFault, PipelineFault, change_rows  # type: ignore[import-not-found]
from reading import load, quoted  # type: ignore[import-not-found]
from request import Request, client  # type: ignore[import-not-found]

from acceptance.deliveries.delivery import LandingObject


def convert(request: Request) -> str:
    """Write the object and its partition; return the object's URI.

    The object's name comes from the landed key, so a repeated delivery replaces its own object and no other.
    """
    if request.fault == PipelineFault.GLUE_FAILURE:
        raise RuntimeError(f"the conversion failed on purpose: the landed object requests {request.fault}")
    dataset, settings, landed = request.dataset, request.settings, request.landed
    table = {"DatabaseName": settings.get("database", dataset["database"])}
    if dataset["catalog_id"]:
        table["CatalogId"] = dataset["catalog_id"]
    name = settings.get("table", dataset["table"])
    glue, s3 = client("glue"), client("s3")
    described = glue.get_table(**table, Name=name)["Table"]
    storage, partition = described["StorageDescriptor"], _partition(request)
    folder = "/".join([storage["Location"].rstrip("/"), *(f"{column}={value}" for column, value in partition.items())])
    bucket, _, prefix = folder.removeprefix("s3://").partition("/")
    key = f"{prefix}/{_name(landed)}"
    source_bucket, source_key = request.source
    content = s3.get_object(Bucket=source_bucket, Key=source_key)["Body"].read()
    rows = _parquet(content, request)
    if iceberg.is_iceberg(described):
        typed = {column: _typed(value, dataset["types"][column]) for column, value in partition.items()}
        read = pyarrow_table(rows)
        return str(iceberg.write((table["DatabaseName"], name), read, typed, dataset["alone"], dataset["catalog_id"]))
    s3.put_object(Bucket=bucket, Key=key, Body=rows)
    if dataset["alone"] and partition == request.partition:
        _delete_others(bucket, prefix, {f"{prefix}/{_name(member)}" for member in request.delivery.members})
    if partition and not dataset["crawled"] and request.fault != PipelineFault.NO_PARTITION:
        added = {"Values": list(partition.values()), "StorageDescriptor": {**storage, "Location": f"{folder}/"}}
        with contextlib.suppress(glue.exceptions.AlreadyExistsException):
            glue.create_partition(**table, TableName=name, PartitionInput=added)
    return f"s3://{bucket}/{key}"


def pyarrow_table(content: bytes) -> Any:
    import pyarrow.parquet

    return pyarrow.parquet.read_table(io.BytesIO(content))


def _typed(value: str, type_: str) -> Any:
    return date.fromisoformat(value) if type_ == "date" else value if type_ == "string" else int(value)


def _partition(request: Request) -> dict[str, str]:
    correct: dict[str, str] = request.partition
    if request.fault == PipelineFault.NO_PARTITION and not correct:
        raise ImpossibleFault(f"{request.fault}: the table has no partitions")
    if request.fault != PipelineFault.WRONG_PARTITION:
        return correct
    next_day = request.delivery.business_date + timedelta(days=1)
    wrong: dict[str, str] = replace(request, delivery=replace(request.delivery, business_date=next_day)).partition
    if wrong == correct:
        raise ImpossibleFault(f"{request.fault}: the partition {correct} does not depend on the business date")
    return wrong


def _name(landed: LandingObject) -> str:
    return f"part-{hashlib.sha256(landed.uri.encode()).hexdigest()[:8]}-{Path(landed.file).stem}.parquet"


def _delete_others(bucket: str, prefix: str, kept: set[str]) -> None:
    """Delete the objects of earlier deliveries from a partition that holds one delivery only."""
    s3 = client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
        for key in {item["Key"] for item in page.get("Contents", ())} - kept:
            s3.delete_object(Bucket=bucket, Key=key)


def _parquet(content: bytes, request: Request) -> bytes:
    columns = request.dataset["columns"]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("SET TimeZone='UTC'")
        load(connection, content, request.dataset["landing"], columns, Path(folder))
        values = {column["name"]: quoted(column["name"]) for column in columns}
        values |= dict.fromkeys(request.names_of_file, "?")
        selected = ", ".join(f"{value} AS {quoted(name)}" for name, value in values.items())
        texts = list(request.names_of_file.values())
        connection.execute(f"CREATE TABLE delivered AS SELECT {selected} FROM landed", texts)
        compared = [
            (quoted(column["name"]), column["type"], column["primary_key"]) for column in columns if column["compared"]
        ]
        change_rows(connection, request.fault, compared)
        target = Path(folder) / "rows.parquet"
        connection.table("delivered").write_parquet(str(target))
        return target.read_bytes()
