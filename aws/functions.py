"""Lambda: call a function once, and tell what it answered."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import ReadTimeoutError

from acceptance.errors import StepFailed, WaitTimedOut
from aws.calls import Client, aws_call

LOG_LINES = 20


@dataclass(frozen=True, slots=True)
class Invocation:
    """What Lambda answered. `payload` is the parsed JSON, or the text where it is none; `log_tail` the log's last 4 KB.

    An asynchronous call has no payload, log or version: 202 only says that Lambda will run it.
    """

    request_id: str
    status_code: int
    payload: Any
    log_tail: str
    executed_version: str | None


def invoking_config(within: timedelta) -> dict[str, Any]:
    """botocore options of a client for `invoke`: no retries, and an answer is awaited for `within`.

    boto3 retries by itself when the connection breaks or the answer is late, and would run the function again.
    """
    return {
        "retries": {"total_max_attempts": 1, "mode": "standard"},
        "read_timeout": within.total_seconds(),
        "connect_timeout": 10,
        "tcp_keepalive": True,  # a function may be silent for minutes, and gateways drop silent connections
    }


def invoke(
    lambda_: Client, function: str, payload: Any, *, within: timedelta, asynchronous: bool = False
) -> Invocation:
    """Calls the function, and waits for its answer unless `asynchronous`. `lambda_` is made with `invoking_config`.

    Raises:
        StepFailed: Lambda refused the call, or the function failed; with its own error and the end of its log.
        WaitTimedOut: no answer in time. The function may still be running.
        ValueError: the client would repeat the call by itself.
    """
    _must_not_retry(lambda_)
    options = {"InvocationType": "Event"} if asynchronous else {"InvocationType": "RequestResponse", "LogType": "Tail"}
    body = json.dumps(payload, ensure_ascii=False).encode()
    try:
        with aws_call(f"invoke {function}"):
            answer = lambda_.invoke(FunctionName=function, Payload=body, **options)
            invocation = _invocation(answer)
    except StepFailed as failure:
        if isinstance(failure.__cause__, ReadTimeoutError):
            waited_s = within.total_seconds()
            raise WaitTimedOut(
                f"invoke {function}: still no answer after {waited_s:g} s; it may still be running"
            ) from failure
        raise
    if answer.get("FunctionError"):
        raise StepFailed(_function_error(function, invocation))
    return invocation


def _must_not_retry(lambda_: Client) -> None:
    attempts = (lambda_.meta.config.retries or {}).get("total_max_attempts")
    if attempts != 1:
        raise ValueError(
            f"this Lambda client makes up to {attempts or 'a default number of'} attempts, and would run a function "
            "again; make it with invoking_config(within)"
        )


def _invocation(answer: Mapping[str, Any]) -> Invocation:
    return Invocation(
        request_id=answer["ResponseMetadata"].get("RequestId", ""),
        status_code=answer["StatusCode"],
        payload=_parsed(answer["Payload"].read().decode()),
        log_tail=base64.b64decode(answer.get("LogResult", "")).decode(errors="replace"),
        executed_version=answer.get("ExecutedVersion"),
    )


def _parsed(content: str) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        return content


def _function_error(function: str, invocation: Invocation) -> str:
    error = invocation.payload if isinstance(invocation.payload, dict) else {}
    said = ": ".join(str(error[part]) for part in ("errorType", "errorMessage") if error.get(part))
    said = said or repr(invocation.payload)
    lines = [f"{function} failed: {said} (request {invocation.request_id})"]
    log = [line for line in invocation.log_tail.splitlines() if line.strip()][-LOG_LINES:]
    if log:
        lines += ["The end of its log:", *(f"  {line}" for line in log)]
    return "\n".join(lines)
