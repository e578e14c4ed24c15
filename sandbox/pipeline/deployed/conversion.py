"""Each landed file becomes one Parquet object in its partition."""

import contextlib
import hashlib
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
from injected_faults import ImpossibleFault, PipelineFault, spoil  # type: ignore[import-not-found]
from reading import load, quoted  # type: ignore[import-not-found]
from request import Request, client  # type: ignore[import-not-found]

from acceptance.deliveries.delivery import LandingObject


def convert(request: Request) -> str:
    """The URI of the object. Its name comes from the landed key: delivered again it is replaced, and no other is."""
    if request.fault == PipelineFault.GLUE_FAILURE:
        raise RuntimeError(f"the conversion failed on purpose: the landed object asks for {request.fault}")
    dataset, settings, landed = request.dataset, request.settings, request.landed
    table = {"DatabaseName": settings.get("database", dataset["database"])}
    name = settings.get("table", dataset["table"])
    glue, s3 = client("glue"), client("s3")
    storage = glue.get_table(**table, Name=name)["Table"]["StorageDescriptor"]
    partition = _partition(request)
    folder = "/".join([storage["Location"].rstrip("/"), *(f"{column}={value}" for column, value in partition.items())])
    bucket, _, prefix = folder.removeprefix("s3://").partition("/")
    key = f"{prefix}/{_name(landed)}"
    source_bucket, source_key = request.source
    content = s3.get_object(Bucket=source_bucket, Key=source_key)["Body"].read()
    s3.put_object(Bucket=bucket, Key=key, Body=_parquet(content, request))
    if dataset["alone"] and partition == request.partition:
        _empty(bucket, prefix, {f"{prefix}/{_name(member)}" for member in request.delivery.members})
    if partition and request.fault != PipelineFault.NO_PARTITION:
        added = {"Values": list(partition.values()), "StorageDescriptor": {**storage, "Location": f"{folder}/"}}
        with contextlib.suppress(glue.exceptions.AlreadyExistsException):
            glue.create_partition(**table, TableName=name, PartitionInput=added)
    return f"s3://{bucket}/{key}"


def _partition(request: Request) -> dict[str, str]:
    right: dict[str, str] = request.partition
    if request.fault == PipelineFault.NO_PARTITION and not right:
        raise ImpossibleFault(f"{request.fault}: the table has no partitions")
    if request.fault != PipelineFault.WRONG_PARTITION:
        return right
    next_day = request.delivery.business_date + timedelta(days=1)
    wrong: dict[str, str] = replace(request, delivery=replace(request.delivery, business_date=next_day)).partition
    if wrong == right:
        raise ImpossibleFault(f"{request.fault}: the partition {right} does not depend on the business date")
    return wrong


def _name(landed: LandingObject) -> str:
    return f"part-{hashlib.sha256(landed.uri.encode()).hexdigest()[:8]}-{Path(landed.file).stem}.parquet"


def _empty(bucket: str, prefix: str, kept: set[str]) -> None:
    """A partition that holds one delivery alone loses what earlier ones left in it."""
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
        values |= {name: _literal(text) for name, text in request.names_of_file.items()}
        selected = ", ".join(f"{value} AS {quoted(name)}" for name, value in values.items())
        connection.execute(f"CREATE TABLE delivered AS SELECT {selected} FROM landed")
        compared = [column for column in columns if column["compared"]]
        spoil(connection, request.fault, [(each["name"], each["type"], each["primary_key"]) for each in compared])
        target = Path(folder) / "rows.parquet"
        connection.execute(f"COPY delivered TO {_literal(str(target))} (FORMAT PARQUET)")
        return target.read_bytes()


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
