"""Each landed file becomes one Parquet object in its partition. Reads as Spark does: what does not fit is null."""

import contextlib
import csv
import hashlib
import io
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
from faults import Fault, ImpossibleFault, spoil  # type: ignore[import-not-found]
from request import Request, client  # type: ignore[import-not-found]

NULL = "\ue000"  # marks a null in the file that DuckDB reads; of the private use area


def convert(request: Request) -> str:
    """The URI of the object. Its name comes from the landed key: delivered again it is replaced, and no other is."""
    if request.fault == Fault.GLUE_FAILURE:
        raise RuntimeError(f"the conversion failed on purpose: the landed object asks for {request.fault}")
    dataset, settings, landed = request.dataset, request.settings, request.landed
    table = {"DatabaseName": settings.get("database", dataset["database"])}
    name = settings.get("table", dataset["table"])
    glue, s3 = client("glue"), client("s3")
    storage = glue.get_table(**table, Name=name)["Table"]["StorageDescriptor"]
    partition = _partition(request)
    folder = "/".join([storage["Location"].rstrip("/"), *(f"{column}={value}" for column, value in partition.items())])
    bucket, _, prefix = folder.removeprefix("s3://").partition("/")
    key = f"{prefix}/part-{hashlib.sha256(landed.uri.encode()).hexdigest()[:8]}-{Path(landed.file).stem}.parquet"
    source_bucket, source_key = request.source
    content = s3.get_object(Bucket=source_bucket, Key=source_key)["Body"].read()
    s3.put_object(Bucket=bucket, Key=key, Body=_parquet(content, dataset, request.fault))
    if partition and request.fault != Fault.NO_PARTITION:
        added = {"Values": list(partition.values()), "StorageDescriptor": {**storage, "Location": f"{folder}/"}}
        with contextlib.suppress(glue.exceptions.AlreadyExistsException):
            glue.create_partition(**table, TableName=name, PartitionInput=added)
    return f"s3://{bucket}/{key}"


def _partition(request: Request) -> dict[str, str]:
    right: dict[str, str] = request.partition
    if request.fault == Fault.NO_PARTITION and not right:
        raise ImpossibleFault(f"{request.fault}: the table has no partitions")
    if request.fault != Fault.WRONG_PARTITION:
        return right
    next_day = request.delivery.business_date + timedelta(days=1)
    wrong: dict[str, str] = replace(request, delivery=replace(request.delivery, business_date=next_day)).partition
    if wrong == right:
        raise ImpossibleFault(f"{request.fault}: the partition {right} does not depend on the business date")
    return wrong


def _parquet(content: bytes, dataset: Mapping[str, Any], fault: Fault | None) -> bytes:
    columns = dataset["columns"]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("SET TimeZone='UTC'")
        plain, target = Path(folder) / "plain.csv", Path(folder) / "rows.parquet"
        with plain.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(_rows(content.decode(dataset["landing"]["encoding"], "replace"), dataset))
        texts = {f"c{place}": "VARCHAR" for place in range(len(columns))}
        read = "read_csv(?, auto_detect=false, header=false, columns=?, nullstr=?, quote='\"', escape='\"')"
        # In two steps: in one, DuckDB would give the types to its CSV reader, which fails where TRY_CAST makes a null.
        connection.execute(f"CREATE TABLE landed AS SELECT * FROM {read}", [str(plain), texts, NULL])
        typed = ", ".join(_typed(f"c{place}", column) for place, column in enumerate(columns))
        connection.execute(f"CREATE TABLE delivered AS SELECT {typed} FROM landed")
        spoil(connection, fault, [(column["name"], column["type"], column["primary_key"]) for column in columns])
        connection.execute("COPY delivered TO '" + str(target).replace("'", "''") + "' (FORMAT PARQUET)")
        return target.read_bytes()


def _rows(text: str, dataset: Mapping[str, Any]) -> Iterator[list[str]]:
    """The cells of the contract's columns, in its order. A row that is too short ends in nulls."""
    landing, columns = dataset["landing"], dataset["columns"]
    quoting: dict[str, Any] = {"quotechar": landing["quote"]} if landing["quote"] else {"quoting": csv.QUOTE_NONE}
    csv.field_size_limit(2**31 - 1)
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=landing["delimiter"], **quoting)
    header = [column["landed"] for column in columns]
    if landing["header"]:
        header = next(rows, header)
    places = {name.lower(): place for place, name in enumerate(header)}
    wanted = [places.get(column["landed"].lower(), len(header)) for column in columns]
    for row in rows:
        if row:
            cells = [row[place] if place < min(len(row), len(header)) else landing["null_text"] for place in wanted]
            yield [NULL if cell == landing["null_text"] else cell for cell in cells]


def _typed(cell: str, column: Mapping[str, Any]) -> str:
    kind, pattern = column["type"], (column["landed_format"] or "").replace("'", "''")
    name: str = column["name"].replace('"', '""')
    typed = f"TRY_CAST({cell} AS {kind})"
    if pattern:
        typed = f"CAST(try_strptime({cell}, '{pattern}') AS {kind})"
    elif kind == "timestamp":  # an offset is applied: the session is in UTC
        typed = f"CAST(TRY_CAST({cell} AS TIMESTAMPTZ) AS TIMESTAMP)"
    return f'{typed} AS "{name}"'
