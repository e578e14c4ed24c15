"""The Glue job of the account's story, a Python shell of 3.9: a staged CSV becomes one text file of its partition."""

import contextlib
import csv
import sys

import boto3
from awsglue.utils import getResolvedOptions

NULL, SEPARATOR = "\\N", "\t"  # as LazySimpleSerDe has them

told = getResolvedOptions(sys.argv, ["aws_region", "key", "bucket", "database", "table"])
s3, glue = (boto3.client(service, region_name=told["aws_region"]) for service in ("s3", "glue"))

_, day, file = told["key"].split("/")
table = {"DatabaseName": told["database"], "TableName": told["table"]}
storage = glue.get_table(DatabaseName=told["database"], Name=told["table"])["Table"]["StorageDescriptor"]
folder = f"{storage['Location'].rstrip('/')}/day={day}/"
bucket, _, prefix = folder[len("s3://") :].partition("/")

content = s3.get_object(Bucket=told["bucket"], Key=told["key"])["Body"].read().decode("utf-8")
names = [column["Name"] for column in storage["Columns"]]
rows = [[row[name] or NULL for name in names] for row in csv.DictReader(content.splitlines())]
lines = "".join(SEPARATOR.join(row) + "\n" for row in rows)
s3.put_object(Bucket=bucket, Key=f"{prefix}{file}.txt", Body=lines.encode("utf-8"))

with contextlib.suppress(glue.exceptions.AlreadyExistsException):
    glue.create_partition(
        **table, PartitionInput={"Values": [day], "StorageDescriptor": {**storage, "Location": folder}}
    )
