"""One landed file becomes one Parquet object in its partition. Reads as Spark does: a cell that does not fit is null."""

import csv
import hashlib
import io
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import boto3
import duckdb
from faults import Fault, spoil

NULL = "\ue000"  # marks a null in the file that DuckDB reads; of the private use area


def convert(request):
    """The URI of the object. Its name comes from the landed object's, so that a second delivery replaces the first."""
    if request.fault == Fault.GLUE_FAILURE:
        raise RuntimeError(f"the conversion failed on purpose: the landed object asks for {request.fault}")
    if request.fault == Fault.WRONG_PARTITION:
        delivery = request.delivery
        request = replace(request, delivery=replace(delivery, business_date=delivery.business_date + timedelta(days=1)))
    dataset, settings = request.dataset, request.settings
    database, table = settings.get("database", dataset["database"]), settings.get("table", dataset["table"])
    glue, s3 = boto3.client("glue"), boto3.client("s3")
    storage = glue.get_table(DatabaseName=database, Name=table)["Table"]["StorageDescriptor"]
    folder = "/".join([storage["Location"].rstrip("/"), *(f"{name}={value}" for name, value in request.partition.items())])
    landed = request.delivery.first
    name = f"part-{hashlib.sha256(landed.uri.encode()).hexdigest()[:8]}-{Path(landed.file).stem}.parquet"
    bucket, _, prefix = folder.removeprefix("s3://").partition("/")
    source_bucket, source_key = request.source
    content = s3.get_object(Bucket=source_bucket, Key=source_key)["Body"].read()
    s3.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=_parquet(content, dataset, request.fault))
    if dataset["partition"] and request.fault != Fault.NO_PARTITION:
        partition = {"Values": list(request.partition.values()), "StorageDescriptor": {**storage, "Location": f"{folder}/"}}
        try:
            glue.create_partition(DatabaseName=database, TableName=table, PartitionInput=partition)
        except glue.exceptions.AlreadyExistsException:
            pass
    return f"{folder}/{name}"


def _parquet(content, dataset, fault):
    columns = dataset["columns"]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("SET TimeZone='UTC'")
        plain, target = Path(folder) / "plain.csv", Path(folder) / "rows.parquet"
        with plain.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(_rows(content.decode(dataset["landing"]["encoding"], "replace"), dataset))
        texts = {f"c{place}": "VARCHAR" for place in range(len(columns))}
        typed = ", ".join(f"{_typed(f'c{place}', column)} AS {_quoted(column['name'])}" for place, column in enumerate(columns))
        read = "read_csv(?, auto_detect=false, header=false, columns=?, nullstr=?, quote='\"', escape='\"')"
        # In two steps: in one, DuckDB would give the types to its CSV reader, which fails where TRY_CAST makes a null.
        connection.execute(f"CREATE TABLE landed AS SELECT * FROM {read}", [str(plain), texts, NULL])
        connection.execute(f"CREATE TABLE delivered AS SELECT {typed} FROM landed")
        spoil(connection, fault, [(column["name"], column["type"], column["key"]) for column in columns])
        connection.execute("COPY delivered TO '" + str(target).replace("'", "''") + "' (FORMAT PARQUET)")
        return target.read_bytes()


def _rows(text, dataset):
    """The cells of the contract's columns, in its order. A row that is too short ends in nulls."""
    landing, columns = dataset["landing"], dataset["columns"]
    dialect = {"quotechar": landing["quote"]} if landing["quote"] else {"quoting": csv.QUOTE_NONE}
    csv.field_size_limit(2**31 - 1)
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=landing["delimiter"], **dialect)
    header = [column["landed"] for column in columns]
    if landing["header"]:
        header = next(rows, header)
    places = {name.lower(): place for place, name in enumerate(header)}
    wanted = [places.get(column["landed"].lower(), len(header)) for column in columns]
    for row in rows:
        if row:
            cells = [row[place] if place < min(len(row), len(header)) else landing["null_text"] for place in wanted]
            yield [NULL if cell == landing["null_text"] else cell for cell in cells]


def _typed(cell, column):
    kind, pattern = column["type"], (column["format"] or "").replace("'", "''")
    if pattern:
        return f"CAST(try_strptime({cell}, '{pattern}') AS {kind})"
    if kind == "timestamp":  # an offset is applied: the session is in UTC
        return f"CAST(TRY_CAST({cell} AS TIMESTAMPTZ) AS TIMESTAMP)"
    return f"TRY_CAST({cell} AS {kind})"


def _quoted(name):
    return '"' + name.replace('"', '""') + '"'
