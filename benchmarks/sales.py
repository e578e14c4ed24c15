"""Deliveries without a pipeline: what lands is the table. Each file is a partition that the catalog knows before.

So one costs what Aceite, Prefect and Athena cost, and nothing of a team's own functions and jobs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from acceptance.deliveries.delivery import Delivery
from acceptance.evidence.object_keys import EVIDENCE, evidence_prefix
from aws.s3.objects import list_objects

CONTRACTS = Path(__file__).parent / "contracts"
DATASET, BUCKET, DATABASE, TABLE = "sales", "landing", "database_sor", "sales"
ROWS = 10
_AT_ONCE = 100
"""Partitions that one call may make (Glue API reference, BatchCreatePartition)."""

_TEXT = {
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"field.delim": ","},
    },
}


@dataclass(frozen=True)
class File:
    """What one store sold on one day."""

    day: date
    number: int

    @property
    def partition(self) -> list[str]:
        return [f"{self.day:%Y%m%d}", f"{self.number:05}"]

    @property
    def folder(self) -> str:
        return f"sales/{'/'.join(self.partition)}/"

    @property
    def key(self) -> str:
        return f"{self.folder}{self.number:05}.csv"

    @cached_property
    def body(self) -> bytes:
        first = self.number * ROWS
        rows = (f"{first + row},apple,{row + 1},{row}.99\n" for row in range(ROWS))
        return ("sale_id,product,quantity,price\n" + "".join(rows)).encode()


def lay_table_over_landing(glue: Any) -> None:
    """In the place of the one that the sandbox made for a pipeline to fill."""
    made = glue.get_table(DatabaseName=DATABASE, Name=TABLE)["Table"]
    storage = {**_TEXT, "Columns": made["StorageDescriptor"]["Columns"], "Location": f"s3://{BUCKET}/sales/"}
    table = {"Name": TABLE, "TableType": "EXTERNAL_TABLE", "PartitionKeys": made["PartitionKeys"]}
    parameters = {"EXTERNAL": "TRUE", "skip.header.line.count": "1"}
    glue.delete_table(DatabaseName=DATABASE, Name=TABLE)
    glue.create_table(
        DatabaseName=DATABASE, TableInput={**table, "Parameters": parameters, "StorageDescriptor": storage}
    )


def add_partitions(glue: Any, files: Sequence[File]) -> None:
    columns = glue.get_table(DatabaseName=DATABASE, Name=TABLE)["Table"]["StorageDescriptor"]["Columns"]
    storage = {**_TEXT, "Columns": columns}
    partitions = [
        {"Values": file.partition, "StorageDescriptor": {**storage, "Location": f"s3://{BUCKET}/{file.folder}"}}
        for file in files
    ]
    for start in range(0, len(partitions), _AT_ONCE):
        answer = glue.batch_create_partition(
            DatabaseName=DATABASE, TableName=TABLE, PartitionInputList=partitions[start : start + _AT_ONCE]
        )
        assert not answer.get("Errors"), answer["Errors"]


def remove(glue: Any, s3: Any, file: File) -> None:
    """File and partition, so that a long run leaves no more behind than its evidence."""
    s3.delete_object(Bucket=BUCKET, Key=file.key)
    glue.delete_partition(DatabaseName=DATABASE, TableName=TABLE, PartitionValues=file.partition)


def landed(s3: Any, prefix: str) -> dict[str, str]:
    """The keys of the files below a prefix, by the ids of their deliveries."""
    day = date.fromisoformat(prefix.split("/")[1])
    return {Delivery(DATASET, day, (each,)).id: each.key for each in list_objects(s3, BUCKET, prefix)}


def evidence_key(day: date, delivery_id: str) -> str:
    return evidence_prefix(DATASET, day, delivery_id) + EVIDENCE


def has_evidence(s3: Any, day: date, delivery_id: str) -> bool:
    try:
        s3.head_object(Bucket="evidence", Key=evidence_key(day, delivery_id))
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True
