"""What every call on AWS has in common: its client, how its errors become ours, and what an error leaves open."""

from collections.abc import Iterator
from contextlib import contextmanager
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

Client = Any
"""A boto3 client. boto3 makes the classes of its clients while it runs, so there is none to name."""


@contextmanager
def aws_call(what: str) -> Iterator[None]:
    """Turns AWS's errors into StepFailed: what was asked for, then AWS's own code and text."""
    try:
        yield
    except ClientError as error:
        raise StepFailed(f"{what}: {explained(error)}") from error
    except BotoCoreError as error:
        raise StepFailed(f"{what}: {error}") from error


def error_code(error: ClientError) -> str:
    """The code in the answer's body, or the HTTP status as text where there is no body, as for HEAD."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_passing(error: object) -> bool:
    """Whether AWS or the network was the trouble, so that the next try may succeed. A wait that is over is over."""
    trouble = _trouble(error)
    if isinstance(error, WaitTimedOut) or trouble is None:
        return False
    if isinstance(trouble, ClientError):
        return error_code(trouble) in _BUSY or _status(trouble) >= 500
    return isinstance(trouble, (*_NETWORK, CredentialRetrievalError))


def is_denied(error: object) -> bool:
    """Whether the credentials were refused. A policy of a moment ago may not have reached all of AWS yet."""
    trouble = _trouble(error)
    return isinstance(trouble, ClientError) and error_code(trouble) in _DENIED


def is_unclear(error: object) -> bool:
    """Whether the request may have had its effect all the same: the answer was lost, late, or AWS's own failure."""
    trouble = _trouble(error)
    if isinstance(trouble, ClientError):
        return error_code(trouble) not in _BUSY and _status(trouble) >= 500
    return isinstance(trouble, _NETWORK) and not isinstance(trouble, _NEVER_SENT)


def once_config(within: timedelta) -> dict[str, Any]:
    """botocore options of a client that sends each request once, and awaits the answer for `within`.

    By itself boto3 repeats a request when the connection breaks or the answer is late: what it starts, it starts twice.
    """
    return {
        "retries": {"total_max_attempts": 1, "mode": "standard"},
        "read_timeout": within.total_seconds(),
        "connect_timeout": 10,
        "tcp_keepalive": True,  # a function may be silent for minutes, and gateways drop silent connections
    }


def must_not_repeat(client: Client, what: str) -> None:
    """Raises ValueError if the client would send a request again by itself."""
    attempts = (client.meta.config.retries or {}).get("total_max_attempts")
    if attempts != 1:
        raise ValueError(
            f"this client makes up to {attempts or 'a default number of'} attempts, and would {what} again; make it "
            "with once_config(within)"
        )


def patient(client: Client) -> Client:
    """The client, which asks again for some seconds when it is denied: policies take as long to be known everywhere.

    A denied request had no effect, so whichever it is may be repeated. Asking for this again changes nothing.
    """
    client.meta.events.register("needs-retry", _pause_when_denied, unique_id="aceite.denied")
    return client


def _pause_when_denied(response: Any, attempts: int, operation: Any, **_: Any) -> float | None:
    if response is None or operation.name in _MAY_BE_DENIED or attempts > len(_DENIED_PAUSES_S):
        return None
    code = response[1].get("Error", {}).get("Code", "") if response[0].status_code >= 400 else ""
    return _DENIED_PAUSES_S[attempts - 1] if code in _DENIED else None


def _trouble(error: object) -> BotoCoreError | ClientError | None:
    """The first of boto3's errors among the causes."""
    while isinstance(error, BaseException):
        if isinstance(error, BotoCoreError | ClientError):
            return error
        error = error.__cause__
    return None


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def explained(error: ClientError) -> str:
    """`Code: message (request <id>)`, with the remedy where the code alone tells it."""
    answer = error.response
    text = f"{error_code(error)}: {answer.get('Error', {}).get('Message') or 'no message'}"
    request_id = answer.get("ResponseMetadata", {}).get("RequestId")
    if request_id:
        text += f" (request {request_id})"
    if error_code(error) in _DENIED:
        needed = _ACTIONS.get(error.operation_name, f"the action for {error.operation_name}")
        text += f"; the credentials need {needed} (or the bucket, key or function is not theirs)"
    return text


_ACTIONS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject, and s3:ListBucket to tell a missing object from a forbidden one",
    "ListObjectsV2": "s3:ListBucket",
    "PutObject": "s3:PutObject",
}
_DENIED = frozenset({"403", "AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation"})
_DENIED_PAUSES_S = (0.25, 0.5, 1.0, 2.0)
_MAY_BE_DENIED = frozenset({"GetObjectLockConfiguration"})
"""Operations that many are not allowed, and that no verdict needs."""
_BUSY = frozenset(
    {
        "ConcurrentRunsExceededException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ResourceNumberLimitExceededException",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
        "TooManyUpdates",
    }
)
"""AWS did nothing, and says that it may later."""
_NETWORK = (HTTPClientError, ConnectionError, IncompleteReadError)
_NEVER_SENT = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)
