"""Everything that AWS calls share: client type, retries, request ids, and how boto3's errors are classified."""

import re
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ProxyConnectionError,
)

from acceptance.errors import StepFailed, WaitTimedOut
from acceptance.foreign_words import without_secrets
from aws.error_codes import Effect, effect_of, error_code

Client = Any
"""A boto3 client. boto3 creates client classes at run time, so there is no class to import."""


@contextmanager
def aws_call(what: str) -> Iterator[None]:
    """Turn boto3's errors into StepFailed: `what` we asked for, then AWS's own code and message."""
    try:
        yield
    except ClientError as error:
        raise StepFailed(f"{what}: {describe_client_error(error)}") from error
    except BotoCoreError as error:
        raise StepFailed(f"{what}: {without_secrets(str(error))}") from error


def answer_or_none(codes: Container[str], operation: Callable[..., Any], **request: Any) -> Any:
    """Return the answer of a client's operation, or None if AWS refuses with one of these error codes."""
    try:
        return operation(**request)
    except ClientError as error:
        if error_code(error) in codes:
            return None
        raise


def is_transient(error: object) -> bool:
    """Return True if AWS or the network caused the error, so that a retry may succeed. Never True for WaitTimedOut."""
    trouble = _trouble(error)
    if isinstance(error, WaitTimedOut) or trouble is None:
        return False
    if isinstance(trouble, ClientError):
        return effect_of(trouble) in {Effect.NOT_YET, Effect.UNKNOWN}
    return isinstance(trouble, (*_NETWORK, CredentialRetrievalError))


def is_denied(error: object) -> bool:
    """Return True if AWS denied access. A policy that changed a moment ago may not have reached all of AWS yet."""
    trouble = _trouble(error)
    return isinstance(trouble, ClientError) and error_code(trouble) in _DENIED


def is_ambiguous(error: object) -> bool:
    """Return True if the request may have had its effect: the response was lost or late, or AWS itself failed."""
    trouble = _trouble(error)
    if isinstance(trouble, ClientError):
        return effect_of(trouble) is Effect.UNKNOWN
    return isinstance(trouble, _NETWORK) and not isinstance(trouble, _NEVER_SENT)


def no_retry_config(within: timedelta) -> dict[str, Any]:
    """Return botocore options of a client that sends each request once and waits `within` for the response.

    By default boto3 repeats a request when the connection breaks or the response is late, and so would start a thing
    twice.
    """
    return {
        "retries": {"total_max_attempts": 1, "mode": "standard"},
        "read_timeout": within.total_seconds(),
        "connect_timeout": 10,
        "tcp_keepalive": True,  # a function may send nothing for minutes, and gateways drop idle connections
    }


def forbid_retries(client: Client, what: str) -> None:
    """Raise ValueError if the client repeats requests on its own."""
    attempts = (client.meta.config.retries or {}).get("total_max_attempts")
    if attempts != 1:
        raise ValueError(
            f"this client makes up to {attempts or 'a default number of'} attempts and could {what} twice; create it "
            "with no_retry_config(within)"
        )


def retry_when_denied(client: Client) -> Client:
    """Make the client repeat a denied request for some seconds: a new policy takes that long to reach all of AWS.

    A denied request had no effect, so any operation may be repeated. Returns the client; idempotent.
    """
    client.meta.events.register("needs-retry", _pause_when_denied, unique_id="aceite.denied")
    return client


def was_denied(failure: StepFailed) -> bool:
    """Return True if AWS refused what failed because of a policy."""
    cause = failure.__cause__
    return isinstance(cause, ClientError) and error_code(cause) in _DENIED


def _pause_when_denied(response: Any, attempts: int, operation: Any, **_: Any) -> float | None:
    if response is None or operation.name in _MAY_BE_DENIED or attempts > len(_DENIED_PAUSES_S):
        return None
    code = response[1].get("Error", {}).get("Code", "") if response[0].status_code >= 400 else ""
    return _DENIED_PAUSES_S[attempts - 1] if code in _DENIED else None


@contextmanager
def recorded_request_ids() -> Iterator[Mapping[str, str]]:
    """Yield a mapping that fills inside the block: the last request id of each operation, such as `ssm:PutParameter`.

    When a step polls, the last request's id is kept.
    """
    ids: dict[str, str] = {}
    token = _IDS.set(ids)
    try:
        yield ids
    finally:
        _IDS.reset(token)


def record_requests(client: Any) -> Any:
    """Record the ids of the boto3 client's requests from now on. Returns the client; idempotent."""
    client.meta.events.register("after-call", _record, unique_id="aceite.requests")
    return client


def _record(parsed: Any, model: Any, **_: Any) -> None:
    ids = _IDS.get()
    if ids is None or not isinstance(parsed, dict):
        return
    request_id = parsed.get("ResponseMetadata", {}).get("RequestId")
    if request_id:
        ids[f"{model.service_model.service_name}:{model.name}"] = request_id


def _trouble(error: object) -> BotoCoreError | ClientError | None:
    """Return the first boto3 error in the chain of causes."""
    while isinstance(error, BaseException):
        if isinstance(error, BotoCoreError | ClientError):
            return error
        error = error.__cause__
    return None


def describe_client_error(error: ClientError) -> str:
    """Return `Code: message (request <id>)`, with a remedy if the code alone implies it."""
    answer = error.response
    message = answer.get("Error", {}).get("Message") or "no message"
    text = f"{error_code(error)}: {without_secrets(message)}"
    request_id = answer.get("ResponseMetadata", {}).get("RequestId")
    if request_id:
        text += f" (request {request_id})"
    if error_code(error) in _DENIED:
        named = _NAMED_ACTION.search(message)  # of another service at times: a key in KMS, for an object in S3
        needed = named[1] if named else _ACTIONS.get(error.operation_name, f"the action for {error.operation_name}")
        text += f"; the credentials need {needed} (or the bucket, key or function belongs to another account)"
    return text


def without_request_ids(text: str) -> str:
    """Return the text of an error without what differs each time that the same trouble comes."""
    return _REQUEST_ID.sub("", text)


_REQUEST_ID = re.compile(r" \(request [^)]*\)")
_NAMED_ACTION = re.compile(r"not authorized to perform: (\w+:\w+)")
_IDS: ContextVar[dict[str, str] | None] = ContextVar("request ids of the step", default=None)
_ACTIONS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject, and s3:ListBucket to tell a missing object from a forbidden one",
    "ListObjectsV2": "s3:ListBucket",
    "PutObject": "s3:PutObject",
}
_DENIED = frozenset({"403", "AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation"})
_DENIED_PAUSES_S = (0.25, 0.5, 1.0, 2.0)
_MAY_BE_DENIED = frozenset({"GetObjectLockConfiguration"})
"""Operations that many roles may not call and that no verdict needs: a denial is not retried."""
_NETWORK = (HTTPClientError, ConnectionError, IncompleteReadError)
_NEVER_SENT = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)
