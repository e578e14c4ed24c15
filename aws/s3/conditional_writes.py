"""S3: writes that hold only under a condition, so that of several runs one is the first."""

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
    """Writes the object unless it is there. True: it now holds this body and nobody else wrote it; False: it was there.

    boto3 repeats a request whose answer was lost, and the repetition then meets the object of the first attempt: the
    bytes decide whose it is. So a body should name its writer. `locking` is what `retention.locking` answered.
    """

    def put() -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type, IfNoneMatch="*", **locking)

    with aws_call(f"put s3://{bucket}/{key} once"):
        met = _conditionally(put, clock)
        return met is None or _is_ours(s3, bucket, key, body, met)


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
    """Replaces the object if its etag is still this one. False: somebody replaced or deleted it meanwhile.

    As with `put_once`, the bytes decide whose the replacement is that a repeated request meets.
    """

    def put() -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type, IfMatch=f'"{etag}"')

    with aws_call(f"replace s3://{bucket}/{key}"):
        met = _conditionally(put, clock)
        return met is None or _is_ours(s3, bucket, key, body, met)


def _is_ours(s3: Client, bucket: str, key: str, body: bytes, met: ClientError) -> bool:
    """Whether the object that a repeated put met is the one that its first attempt wrote, whose answer was lost."""
    if not met.response.get("ResponseMetadata", {}).get("RetryAttempts", 0):
        return False
    try:
        return bool(s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body)
    except ClientError as error:
        if error_code(error) in _ABSENT:
            return False
        raise


def _conditionally(put: Callable[[], None], clock: Clock) -> ClientError | None:
    """None if the put was done, or the error that says that its condition does not hold.

    S3 answers 409 while another conditional write of the same key is under way: then nothing is decided yet.
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
