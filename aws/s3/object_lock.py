"""S3 Object Lock: how long what is put now must stay as it is."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from aws.calls import Client, aws_call, error_code

_NO_LOCK = frozenset({"ObjectLockConfigurationNotFoundError", "NotImplemented", "MethodNotAllowed", "InvalidRequest"})


def locking(s3: Client, bucket: str, mode: str, retention: timedelta | None, now: datetime) -> Mapping[str, Any]:
    """What `put_object` is told so that S3 locks the object; nothing for a bucket without Object Lock.

    Without a `retention` of ours nothing is asked, as the bucket's default rule holds, if it has one. A bucket that may
    not be asked raises StepFailed.
    """
    if retention is None:
        return {}
    with aws_call(f"read the Object Lock configuration of s3://{bucket}"):
        try:
            found = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
        except ClientError as error:
            if error_code(error) in _NO_LOCK:
                return {}
            raise
    if found.get("ObjectLockEnabled") != "Enabled":
        return {}
    # A lock that is asked for takes the place of the bucket's default: it may be longer and stricter, never less.
    rule = found.get("Rule", {}).get("DefaultRetention", {})
    default = timedelta(days=rule.get("Days", 0) + 366 * rule.get("Years", 0))
    return {
        "ObjectLockMode": "COMPLIANCE" if "COMPLIANCE" in (mode, rule.get("Mode")) else mode,
        "ObjectLockRetainUntilDate": now + max(retention, default),
    }
