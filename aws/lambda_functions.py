"""Lambda: invoke a function once and return its response."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import ReadTimeoutError

from acceptance.errors import AnswerLost, NoFreeRun, StepFailed, WaitTimedOut
from acceptance.foreign_words import ForeignWords
from aws.calls import Client, aws_call, forbid_retries, is_ambiguous, is_transient
from aws.waiting import REAL_CLOCK, Clock, pauses

LOG_LINES = 20
_AWAITED = {"InvocationType": "RequestResponse", "LogType": "Tail"}


@dataclass(frozen=True, slots=True)
class Invocation:
    """Lambda's response. `payload` is parsed JSON, or the text if it is not JSON; `log_tail` is the log's last 4 KB.

    An asynchronous call has no payload, log or version: status 202 only says that Lambda will run it.
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
    """Invoke the function and wait for its response unless `asynchronous`. `lambda_` is made with `no_retry_config`.

    The call is repeated only if Lambda did not run the function: Lambda was busy, or the request never reached it.

    Raises:
        StepFailed: Lambda refused the call, or the function failed; its error and the end of its log are the words.
        WaitTimedOut: no response in time. The function may still be running; Lambda has no way to stop a call.
        AnswerLost: the response was lost, so nobody knows whether the function ran.
        ValueError: the client repeats requests on its own.
    """
    forbid_retries(lambda_, "run a function")
    options = {"InvocationType": "Event"} if asynchronous else _AWAITED
    body = json.dumps(payload, ensure_ascii=False).encode()
    deadline = clock.now() + within.total_seconds()
    for pause_s in pauses(0.5, 10.0):
        try:
            with aws_call(f"invoke {function}"):
                answer = lambda_.invoke(FunctionName=function, Payload=body, **options)
                invocation = _invocation(answer)
        except StepFailed as failure:
            left_s = deadline - clock.now()
            if is_ambiguous(failure):
                raise _without_answer(function, within, failure) from failure
            if not is_transient(failure) or left_s <= 0:
                raise
            clock.sleep(min(pause_s, left_s))
        else:
            break
    if answer.get("FunctionError"):
        raise _function_failed(function, invocation)
    return invocation


def _without_answer(function: str, within: timedelta, failure: StepFailed) -> StepFailed:
    if isinstance(failure.__cause__, ReadTimeoutError):
        waited_s = within.total_seconds()
        return WaitTimedOut(f"invoke {function}: no response after {waited_s:g} s; the function may still be running")
    return AnswerLost(f"{failure}; the function may or may not have run, so Aceite did not invoke it again")


def _invocation(answer: Mapping[str, Any]) -> Invocation:
    return Invocation(
        request_id=answer["ResponseMetadata"].get("RequestId", ""),
        status_code=answer["StatusCode"],
        payload=_parsed(answer["Payload"].read().decode(errors="replace")),
        log_tail=base64.b64decode(answer.get("LogResult", "")).decode(errors="replace"),
    )


def _parsed(content: str) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        return content


def whole_words(function: str, request_id: str) -> str:
    """Return where Lambda keeps all that the function said in this call."""
    name = function.split(":function:")[-1].split(":")[0]
    return f"CloudWatch, log group /aws/lambda/{name}, the log stream of request {request_id}"


def _function_failed(function: str, invocation: Invocation) -> StepFailed:
    """Return the failure; it is NoFreeRun if Glue refused the function one more run of a job."""
    error = invocation.payload if isinstance(invocation.payload, dict) else {}
    kind, message = str(error.get("errorType") or ""), str(error.get("errorMessage") or "")
    failed = NoFreeRun if _NO_FREE_RUN in kind + message else StepFailed
    kind = kind if _KIND.fullmatch(kind) else ""
    lines = [message or repr(invocation.payload)]
    log = [line for line in invocation.log_tail.splitlines() if line.strip()][-LOG_LINES:]
    if log:
        lines += ["The end of its log:", *(f"  {line}" for line in log)]
    words = ForeignWords("\n".join(lines), whole_words(function, invocation.request_id))
    return failed(f"{function} failed{kind and f', {kind}'} (request {invocation.request_id})", words)


_NO_FREE_RUN = "ConcurrentRunsExceededException"
"""Glue's error, which every AWS SDK has in the name or in the text of its own."""
_KIND = re.compile(r"(Runtime\.)?[A-Za-z]{1,40}(Error|Exception|Exit|Timeout|Timedout|Interrupt|Memory)")
"""The type of a function's error. The function chooses it, so anything else could be a word of its data."""
