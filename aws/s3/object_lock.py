"""S3 Object Lock: until when S3 protects an object that we put now."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from aws.calls import Client, aws_call, error_code

_NO_LOCK = frozenset({"ObjectLockConfigurationNotFoundError", "NotImplemented", "MethodNotAllowed", "InvalidRequest"})


def locking(s3: Client, bucket: str, mode: str, retention: timedelta | None, now: datetime) -> Mapping[str, Any]:
    """Return the arguments of `put_object` that lock the object; none for a bucket without Object Lock.

    Without a `retention` S3 is not asked: the bucket's default rule holds, if it has one. Raise StepFailed if we may
    not read the bucket's configuration.
    """
    if retention is None:
        return {}
    with aws_call(f"read the Object Lock configuration of s3://{bucket}"):
        try:
            lock = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
        except ClientError as error:
            if error_code(error) in _NO_LOCK:
                return {}
            raise
    if lock.get("ObjectLockEnabled") != "Enabled":
        return {}
    # Our lock replaces the bucket's default, so it must be at least as long and as strict.
    rule = lock.get("Rule", {}).get("DefaultRetention", {})
    default = timedelta(days=rule.get("Days", 0) + 366 * rule.get("Years", 0))
    return {
        "ObjectLockMode": "COMPLIANCE" if "COMPLIANCE" in (mode, rule.get("Mode")) else mode,
        "ObjectLockRetainUntilDate": now + max(retention, default),
    }
