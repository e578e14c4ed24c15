"""The Lambda functions of every pipeline. What a function does for a dataset is in the plan."""

from typing import Any

from conversion import convert  # type: ignore[import-not-found]
from faults import Fault  # type: ignore[import-not-found]
from request import Request, RequestError, client, read_request  # type: ignore[import-not-found]


def handler(event: Any, context: Any) -> dict[str, str]:
    request = read_request(event if isinstance(event, dict) else {"event": event})
    actions = request.dataset["actions"].get(context.function_name)
    if actions is None:
        raise RequestError(f"{context.function_name} has no part in the pipeline of {request.dataset['dataset']}")
    print(f"{request.delivery.first.uri}, business date {request.delivery.business_date}: {actions}")
    if request.fault == Fault.LAMBDA_ERROR:
        raise RuntimeError(f"{context.function_name} failed on purpose: the landed object asks for {request.fault}")
    done: dict[str, str] = {}
    for action, target in actions:
        done |= _ACTIONS[action](request, target)
    return done


def copy(request: Request, target: str) -> dict[str, str]:
    landed = request.delivery.first
    bucket, key = request.place(target)
    client("s3").copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": landed.bucket, "Key": landed.key})
    return {"copied": f"s3://{bucket}/{key}"}


def start(request: Request, target: str) -> dict[str, str]:
    landed, told = request.delivery.first, request.settings.items()
    settings = {name: str(value) for name, value in told if isinstance(value, str | int) and name != "parameter"}
    arguments = {**settings, "bucket": landed.bucket, "key": landed.key}
    job = settings.get("job", target)
    started = client("glue").start_job_run(
        JobName=job, Arguments={f"--{name}": value for name, value in arguments.items()}
    )
    return {"job": job, "run": started["JobRunId"]}


def ingest(request: Request, target: str) -> dict[str, str]:
    return {"written": convert(request)}


_ACTIONS = {"copy": copy, "start": start, "ingest": ingest}
