"""What every call on AWS has in common: its client, and how its errors become ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from acceptance.errors import StepFailed

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
