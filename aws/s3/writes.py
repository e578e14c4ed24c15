"""S3 writes: of several runs that write the same key, exactly one succeeds, and Object Lock protects what it wrote."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from botocore.exceptions import ClientError

from aws.calls import Client, answer_or_none, aws_call
from aws.error_codes import error_code
from aws.s3.objects import ABSENT, PRECONDITION_FAILED
from aws.waiting import REAL_CLOCK, Clock, pauses

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_CONFLICT_ATTEMPTS = 8
_CONFLICT = frozenset({"409", "ConditionalRequestConflict"})
_NO_LOCK = frozenset({"ObjectLockConfigurationNotFoundError", "NotImplemented", "MethodNotAllowed", "InvalidRequest"})


def put_once(
    s3: Client,
    bucket: str,
    key: str,
    body: bytes,
    content_type: str = "application/octet-stream",
    *,
    locking: Mapping[str, Any] = _NOTHING,
    metadata: Mapping[str, str] = _NOTHING,
    clock: Clock = REAL_CLOCK,
) -> bool:
    """Write the object unless the key exists. Return True if we wrote it, False if it was already there.

    If boto3 retries after a lost response, the retry finds our own object. Comparing the bytes tells it from someone
    else's, so a body should name its writer. `locking` comes from the function of that name.
    """
    put = _put(bucket, key, body, content_type, locking, metadata)
    with aws_call(f"put s3://{bucket}/{key} once"):
        return _put_conditionally(s3, {**put, "IfNoneMatch": "*"}, clock)


def replace_if(
    s3: Client,
    bucket: str,
    key: str,
    body: bytes,
    etag: str,
    content_type: str = "application/json",
    *,
    locking: Mapping[str, Any] = _NOTHING,
    metadata: Mapping[str, str] = _NOTHING,
) -> bool:
    """Replace the object if it still has this etag. Return False if somebody replaced or deleted it meanwhile.

    As in `put_once`, the bytes tell our own replacement, written before a retry, from someone else's.
    """
    put = _put(bucket, key, body, content_type, locking, metadata)
    with aws_call(f"replace s3://{bucket}/{key}"):
        return _put_conditionally(s3, {**put, "IfMatch": f'"{etag}"'}, REAL_CLOCK)


def put(s3: Client, bucket: str, key: str, body: bytes, content_type: str, max_age_s: int) -> None:
    """Write the object, whatever is there. Browsers and proxies may keep it for `max_age_s`."""
    with aws_call(f"put s3://{bucket}/{key}"):
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type, CacheControl=f"max-age={max_age_s}")


def copy_version(s3: Client, bucket: str, key: str, etag: str, to: str, locking: Mapping[str, Any] = _NOTHING) -> bool:
    """Copy the object to another key if it still has this etag. Return False if it has not. Its tags are left out."""
    source = {"Bucket": bucket, "Key": key}
    copy = {"Bucket": bucket, "Key": to, "CopySource": source, "CopySourceIfMatch": f'"{etag}"', **locking}
    with aws_call(f"copy s3://{bucket}/{key} to {to}"):
        gone = PRECONDITION_FAILED | ABSENT
        return answer_or_none(gone, s3.copy_object, TaggingDirective="REPLACE", **copy) is not None


def _put(
    bucket: str, key: str, body: bytes, content_type: str, locking: Mapping[str, Any], metadata: Mapping[str, str]
) -> dict[str, Any]:
    put = {"Bucket": bucket, "Key": key, "Body": body, "ContentType": content_type, **locking}
    return {**put, "Metadata": dict(metadata)} if metadata else put


def _put_conditionally(s3: Client, put: Mapping[str, Any], clock: Clock) -> bool:
    """Put the object. Return False if the condition does not hold.

    S3 answers 409 while another conditional write of the same key is under way, so that answer is retried.
    """
    for attempt, pause_s in enumerate(pauses(0.1, 2.0), start=1):
        try:
            s3.put_object(**put)
        except ClientError as error:
            if error_code(error) in PRECONDITION_FAILED | ABSENT:
                return _is_ours(s3, put, error)
            if error_code(error) not in _CONFLICT or attempt == _CONFLICT_ATTEMPTS:
                raise
            clock.sleep(pause_s)
        else:
            return True
    raise AssertionError("pauses is endless")


def _is_ours(s3: Client, put: Mapping[str, Any], conflict: ClientError) -> bool:
    """Return True if boto3 retried and the object holds our bytes: our first attempt wrote it."""
    if not conflict.response.get("ResponseMetadata", {}).get("RetryAttempts", 0):
        return False
    answer = answer_or_none(ABSENT, s3.get_object, Bucket=put["Bucket"], Key=put["Key"])
    return answer is not None and bool(answer["Body"].read() == put["Body"])


def locking(s3: Client, bucket: str, mode: str, retention: timedelta | None, now: datetime) -> Mapping[str, Any]:
    """Return the arguments of `put_object` that lock the object; none for a bucket without Object Lock.

    Without a `retention` S3 is not asked: the bucket's default rule holds, if it has one. Raise StepFailed if we may
    not read the bucket's configuration.
    """
    if retention is None:
        return {}
    with aws_call(f"read the Object Lock configuration of s3://{bucket}"):
        answer = answer_or_none(_NO_LOCK, s3.get_object_lock_configuration, Bucket=bucket)
    lock = answer["ObjectLockConfiguration"] if answer else {}
    if lock.get("ObjectLockEnabled") != "Enabled":
        return {}
    # Our lock replaces the bucket's default, so it must be at least as long and as strict.
    rule = lock.get("Rule", {}).get("DefaultRetention", {})
    default = timedelta(days=rule.get("Days", 0) + 366 * rule.get("Years", 0))
    return {
        "ObjectLockMode": "COMPLIANCE" if "COMPLIANCE" in (mode, rule.get("Mode")) else mode,
        "ObjectLockRetainUntilDate": now + max(retention, default),
    }
