"""The Lambda functions of the pipeline that the account's story is about. They have nothing but what AWS gives them."""

import json

import boto3

# A new role's rights come one after the other. A call that waits for them is a failure that AWS may repeat.
s3, ssm, glue = boto3.client("s3"), boto3.client("ssm"), boto3.client("glue")


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


def facts_of(event):
    return json.loads(ssm.get_parameter(Name=event["parameter"])["Parameter"]["Value"])
