"""Lambda: call a function once, and tell what it answered."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import ReadTimeoutError

from acceptance.errors import AnswerLost, StepFailed, WaitTimedOut
from aws.calls import Client, aws_call, is_passing, is_unclear, must_not_repeat
from aws.waiting import REAL_CLOCK, Clock, pauses

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


def invoke(
    lambda_: Client,
    function: str,
    payload: Any,
    *,
    within: timedelta,
    asynchronous: bool = False,
    clock: Clock = REAL_CLOCK,
) -> Invocation:
    """Calls the function, and waits for its answer unless `asynchronous`. `lambda_` is made with `once_config`.

    It is called again only where Lambda says that it did not run it: where it was busy, or was never reached.

    Raises:
        StepFailed: Lambda refused the call, or the function failed; with its own error and the end of its log.
        WaitTimedOut: no answer in time, and Lambda has nothing to stop a call by. The function may still be running.
        AnswerLost: the function may have been called, or not: of a call whose answer is lost Lambda tells nothing.
        ValueError: the client would repeat the call by itself.
    """
    must_not_repeat(lambda_, "run a function")
    options = {"InvocationType": "Event"} if asynchronous else {"InvocationType": "RequestResponse", "LogType": "Tail"}
    body = json.dumps(payload, ensure_ascii=False).encode()
    deadline = clock.now() + within.total_seconds()
    for pause_s in pauses(0.5, 10.0):
        try:
            with aws_call(f"invoke {function}"):
                answer = lambda_.invoke(FunctionName=function, Payload=body, **options)
                invocation = _invocation(answer)
        except StepFailed as failure:
            left_s = deadline - clock.now()
            if is_unclear(failure):
                raise _without_answer(function, within, failure) from failure
            if not is_passing(failure) or left_s <= 0:
                raise
            clock.sleep(min(pause_s, left_s))
        else:
            break
    if answer.get("FunctionError"):
        raise StepFailed(_function_error(function, invocation))
    return invocation


def _without_answer(function: str, within: timedelta, failure: StepFailed) -> StepFailed:
    if isinstance(failure.__cause__, ReadTimeoutError):
        waited_s = within.total_seconds()
        return WaitTimedOut(f"invoke {function}: still no answer after {waited_s:g} s; it may still be running")
    return AnswerLost(f"{failure}; it is not known whether the function was called, so it was not called again")


def _invocation(answer: Mapping[str, Any]) -> Invocation:
    return Invocation(
        request_id=answer["ResponseMetadata"].get("RequestId", ""),
        status_code=answer["StatusCode"],
        payload=_parsed(answer["Payload"].read().decode()),
        log_tail=base64.b64decode(answer.get("LogResult", "")).decode(errors="replace"),
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
