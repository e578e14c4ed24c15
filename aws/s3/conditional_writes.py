"""S3 conditional writes: of several runs that write the same key, exactly one succeeds."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from botocore.exceptions import ClientError

from aws.calls import Client, aws_call, error_code
from aws.waiting import REAL_CLOCK, Clock, pauses

_CONFLICT_ATTEMPTS = 8

_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
_PRECONDITION_FAILED = frozenset({"412", "PreconditionFailed"})
_CONFLICT = frozenset({"409", "ConditionalRequestConflict"})


def put_once(
    s3: Client,
    bucket: str,
    key: str,
    body: bytes,
    content_type: str = "application/octet-stream",
    *,
    locking: Mapping[str, Any] = MappingProxyType({}),
    clock: Clock = REAL_CLOCK,
) -> bool:
    """Write the object unless the key exists. Return True if we wrote it, False if it was already there.

    If boto3 retries after a lost response, the retry finds our own object. Comparing the bytes tells it from someone
    else's, so a body should name its writer. `locking` comes from `object_lock.locking`.
    """

    def put() -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type, IfNoneMatch="*", **locking)

    with aws_call(f"put s3://{bucket}/{key} once"):
        conflict = _conditionally(put, clock)
        return conflict is None or _is_ours(s3, bucket, key, body, conflict)


def replace_if(
    s3: Client,
    bucket: str,
    key: str,
    body: bytes,
    etag: str,
    content_type: str = "application/json",
    *,
    clock: Clock = REAL_CLOCK,
) -> bool:
    """Replace the object if it still has this etag. Return False if somebody replaced or deleted it meanwhile.

    As in `put_once`, the bytes tell our own replacement, written before a retry, from someone else's.
    """

    def put() -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type, IfMatch=f'"{etag}"')

    with aws_call(f"replace s3://{bucket}/{key}"):
        conflict = _conditionally(put, clock)
        return conflict is None or _is_ours(s3, bucket, key, body, conflict)


def _is_ours(s3: Client, bucket: str, key: str, body: bytes, conflict: ClientError) -> bool:
    """Return True if boto3 retried and the object holds our bytes: our first attempt wrote it."""
    if not conflict.response.get("ResponseMetadata", {}).get("RetryAttempts", 0):
        return False
    try:
        return bool(s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body)
    except ClientError as error:
        if error_code(error) in _ABSENT:
            return False
        raise


def _conditionally(put: Callable[[], None], clock: Clock) -> ClientError | None:
    """Put, and return None, or the error that says that the condition does not hold.

    S3 answers 409 while another conditional write of the same key is under way, so that answer is retried.
    """
    for attempt, pause_s in enumerate(pauses(0.1, 2.0), start=1):
        try:
            put()
        except ClientError as error:
            if error_code(error) in _PRECONDITION_FAILED | _ABSENT:
                return error
            if error_code(error) not in _CONFLICT or attempt == _CONFLICT_ATTEMPTS:
                raise
            clock.sleep(pause_s)
        else:
            return None
    raise AssertionError("pauses is endless")
