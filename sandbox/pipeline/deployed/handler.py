"""The handler of every Lambda function. The plan says what a function does for a dataset."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote_plus
from uuid import uuid4

from conversion import convert  # type: ignore[import-not-found]
from injected_faults import PipelineFault  # type: ignore[import-not-found]
from request import Request, RequestError, client, read_requests  # type: ignore[import-not-found]

Requests = Sequence[Request]
"""The requests of one event: at least one, all of one dataset."""


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Do the actions of this function for the landed objects that the event names."""
    values = _notified(event) or _put(event) or (event if isinstance(event, dict) else {"event": event})
    requests = read_requests(values, context.function_name)
    dataset = requests[0].dataset
    actions = dataset["actions"].get(context.function_name)
    if actions is None:
        raise RequestError(f"{context.function_name} is not part of the pipeline of {dataset['dataset']}")
    for request in requests:
        print(f"{request.landed.uri}, business date {request.delivery.business_date}: {actions}")
        if request.fault == PipelineFault.LAMBDA_ERROR:
            raise RuntimeError(f"{context.function_name} failed on purpose: the landed object requests {request.fault}")
    results: dict[str, Any] = {}
    for action, target in actions:
        results |= _ACTIONS[action](requests, target)
    return results


def _notified(event: Any) -> dict[str, str]:
    """Return bucket and key of the object that S3 notifies of; empty for another event."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not records:
        return {}
    told = records[0]["s3"]
    return {"bucket": told["bucket"]["name"], "key": unquote_plus(told["object"]["key"])}


def _put(event: Any) -> dict[str, Any]:
    """Return the detail of an event of EventBridge; empty for another event."""
    if not isinstance(event, dict) or not {"detail-type", "detail"} <= event.keys():
        return {}
    detail = dict(event["detail"])
    if event.get("source") == "aws.s3":
        return {"bucket": detail["bucket"]["name"], "key": detail["object"]["key"]}
    return detail


def copy(requests: Requests, target: str) -> dict[str, Any]:
    """Copy each landed object to the target, a URI with placeholders."""
    return {"copied": _one_or_all([_copy(request, target) for request in requests])}


def _copy(request: Request, target: str) -> str:
    landed, (bucket, key) = request.landed, request.place(target)
    client("s3").copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": landed.bucket, "Key": landed.key})
    return f"s3://{bucket}/{key}"


def start(requests: Requests, target: str) -> dict[str, Any]:
    """Start one job run for all requests, with the settings of the event."""
    request = requests[0]
    items = request.settings.items()
    settings = {name: str(value) for name, value in items if isinstance(value, str | int) and name != "parameter"}
    arguments = {
        **settings,
        "dataset": request.dataset["dataset"],
        "bucket": request.landed.bucket,
        **request.key_or_prefix,
    }
    job = settings.get("job", target)
    started = client("glue").start_job_run(
        JobName=job, Arguments={f"--{name}": value for name, value in arguments.items()}
    )
    return {"job": job, "run": started["JobRunId"]}


def execute(requests: Requests, target: str) -> dict[str, Any]:
    """Start an execution of the state machine for all requests, with the first one's key or prefix."""
    request = requests[0]
    pages = client("stepfunctions").get_paginator("list_state_machines").paginate()
    (arn,) = (each["stateMachineArn"] for page in pages for each in page["stateMachines"] if each["name"] == target)
    input_ = json.dumps({"bucket": request.landed.bucket, **request.key_or_prefix})
    started = client("stepfunctions").start_execution(stateMachineArn=arn, name=str(uuid4()), input=input_)
    return {"execution": started["executionArn"]}


def ingest(requests: Requests, target: str) -> dict[str, Any]:
    """Convert each landed object into the table."""
    return {"written": _one_or_all([convert(request) for request in requests])}


def _one_or_all(uris: list[str]) -> str | list[str]:
    return uris[0] if len(uris) == 1 else uris


_ACTIONS = {"copy": copy, "start": start, "execute": execute, "ingest": ingest}
