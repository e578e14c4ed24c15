"""The Lambda functions of the pipeline that the account's story is about. They have nothing but what AWS gives them."""

import csv
import json
import time

import boto3

# A new role's rights come one after the other. A call that waits for them is a failure that AWS may repeat.
s3, ssm, glue, athena = (boto3.client(service) for service in ("s3", "ssm", "glue", "athena"))
TYPES = {"string": "varchar", "int": "integer", "float": "real", "timestamp": "timestamp(6)"}  # Athena's, by Glue's


def stage(event, context):
    """Copies the landed object."""
    facts = facts_of(event)
    source = {"Bucket": facts["source_bucket"], "Key": event["key"]}
    s3.copy_object(Bucket=facts["stage_bucket"], Key=event["key"], CopySource=source)
    return {"staged": f"s3://{facts['stage_bucket']}/{event['key']}"}


def start(event, context):
    """Starts the job that fills the table."""
    facts = facts_of(event)
    told = {"--key": event["key"], "--bucket": facts["stage_bucket"]}
    run = glue.start_job_run(
        JobName=facts["job"], Arguments={**told, "--database": facts["database"], "--table": facts["table"]}
    )
    return {"run": run["JobRunId"]}


def insert(event, context):
    """Fills a table of Iceberg by one query of Athena, and waits for its end."""
    content = s3.get_object(Bucket=event["bucket"], Key=event["key"])["Body"].read().decode("utf-8")
    table = glue.get_table(DatabaseName=event["database"], Name=event["table"])["Table"]
    columns, day = table["StorageDescriptor"]["Columns"], {"day": event["key"].split("/")[1]}
    rows = ", ".join(values_of({**row, **day}, columns) for row in csv.DictReader(content.splitlines()))
    started = athena.start_query_execution(
        QueryString=f'INSERT INTO "{event["database"]}"."{event["table"]}" VALUES {rows}', WorkGroup=event["workgroup"]
    )["QueryExecutionId"]
    while True:
        status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.5)
    if status["State"] != "SUCCEEDED":
        raise RuntimeError(f"{started} {status['State']}: {status.get('StateChangeReason')}")
    return {"query": started}


def values_of(row, columns):
    """Returns (CAST('1' AS bigint), NULL, ...)."""
    return f"({', '.join(literal_of(row.get(column['Name']), column['Type']) for column in columns)})"


def literal_of(text, kind):
    quoted = (text or "").replace("'", "''")
    return f"CAST('{quoted}' AS {TYPES.get(kind, kind)})" if text else "NULL"


def facts_of(event):
    return json.loads(ssm.get_parameter(Name=event["parameter"])["Parameter"]["Value"])
