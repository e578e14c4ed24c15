"""The Lambda functions of every pipeline. What a function does for a dataset is its role in the plan."""

import boto3
from conversion import convert
from faults import Fault
from request import read_request


def handler(event, context):
    request = read_request(event if isinstance(event, dict) else {"event": event})
    role, target = request.dataset["roles"][context.function_name]
    print(f"{role} {request.delivery.first.uri}, business date {request.delivery.business_date}")
    if request.fault == Fault.LAMBDA_ERROR:
        raise RuntimeError(f"{context.function_name} failed on purpose: the landed object asks for {request.fault}")
    return _ROLES[role](request, target)


def copy(request, target):
    landed = request.delivery.first
    bucket, key = request.place(target)
    boto3.client("s3").copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": landed.bucket, "Key": landed.key})
    return {"copied": f"s3://{bucket}/{key}"}


def start(request, target):
    landed = request.delivery.first
    settings = {name: value for name, value in request.settings.items() if isinstance(value, str | int) and name != "parameter"}
    arguments = {**settings, "bucket": landed.bucket, "key": landed.key}
    job = settings.get("job", target)
    run = boto3.client("glue").start_job_run(
        JobName=job, Arguments={f"--{name}": str(value) for name, value in arguments.items()}
    )
    return {"job": job, "run": run["JobRunId"]}


def ingest(request, target):
    return {"written": convert(request)}


def acknowledge(request, target):
    return {"seen": request.delivery.first.uri}


_ROLES = {"copy": copy, "start": start, "ingest": ingest, "acknowledge": acknowledge}
