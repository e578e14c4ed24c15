"""The task that invokes a Lambda function."""

from datetime import timedelta
from typing import Any

from prefect import task

from aws import lambda_functions as functions
from flows.installation.clients import load_clients
from flows.steps.retries import ONCE
from flows.steps.timeline import StepResult


@task(name="invoke function", **ONCE)
def invoke_function(function: str, payload: Any, asynchronous: bool, within: timedelta) -> StepResult:
    client = load_clients().once("lambda", within)
    answer = functions.invoke(client, function, payload, asynchronous=asynchronous, within=within)
    detail = "accepted for asynchronous execution" if asynchronous else f"answered {_short(answer.payload)}"
    return StepResult(answer, {"request_id": answer.request_id}, detail)


def _short(payload: object) -> str:
    text = str(payload)
    return text if len(text) <= 120 else text[:119] + "…"
