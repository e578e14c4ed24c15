"""The handler of every Lambda function. The plan says what a function does for a dataset."""

from collections.abc import Sequence
from typing import Any

from conversion import convert  # type: ignore[import-not-found]
from injected_faults import PipelineFault  # type: ignore[import-not-found]
from request import Request, RequestError, client, read_requests  # type: ignore[import-not-found]

Requests = Sequence[Request]
"""The requests of one event: at least one, all of one dataset."""


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Do the actions of this function for the landed objects that the event names."""
    requests = read_requests(event if isinstance(event, dict) else {"event": event}, context.function_name)
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


def ingest(requests: Requests, target: str) -> dict[str, Any]:
    """Convert each landed object into the table."""
    return {"written": _one_or_all([convert(request) for request in requests])}


def _one_or_all(uris: list[str]) -> str | list[str]:
    return uris[0] if len(uris) == 1 else uris


_ACTIONS = {"copy": copy, "start": start, "ingest": ingest}
