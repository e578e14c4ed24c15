"""Looks at buckets: they exist, in the pipeline's region, and can be listed, read and written. Nothing is written."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from aws.calls import Client
from aws.s3.encryption import SSE_S3, encryption_of
from cli.doctor.looks.findings import SANDBOX_MAKES, Look, advised, met, unchecked, unmet
from cli.doctor.looks.questions import Refusal, RefusalKind, ask, denied, refusal, refusal_of_doctor

_NEVER = "aceite-doctor"
"""Part of the name of an object that never exists, and an etag that no object has."""

_UP_TO_WILDCARD = re.compile(r"(\$\{.\}|[^*?])*")


def bucket(s3: Client, name: str, prefix: str, named_in: str) -> Look:
    """Check that the bucket exists, is in the client's region, and may be listed below the prefix."""
    client_region = s3.meta.region_name
    missing = unmet(
        f"there is no bucket {name}",
        f"`aws s3 mb s3://{name} --region {client_region}`, or correct its name in {named_in}",
        f"{SANDBOX_MAKES}; or correct its name in {named_in}",
    )
    head = ask(lambda: s3.head_bucket(Bucket=name))
    # A denial decides nothing yet: s3:ListBucket may be allowed below the prefix only.
    if isinstance(head, Refusal) and head.kind is not RefusalKind.DENIED:
        return refusal(head, missing, "s3:ListBucket", _arn(s3, name))
    headers = head.headers if isinstance(head, Refusal) else head["ResponseMetadata"]["HTTPHeaders"]
    region = headers.get("x-amz-bucket-region", client_region)
    if region != client_region:
        return unmet(
            f"it is in the region {region}, and the pipeline's is {client_region}",
            f"set ACEITE_AWS_REGION={region} if the pipeline is there, or name a bucket of {client_region} "
            f"in {named_in}",
        )
    listed = ask(lambda: s3.list_objects_v2(Bucket=name, Prefix=prefix, MaxKeys=1))
    if isinstance(listed, Refusal):
        return refusal(listed, missing, "s3:ListBucket", _arn(s3, name))
    return met(f"s3://{name}/{prefix} in {region} may be listed")


def readable(s3: Client, bucket: str, pattern: str) -> Look:
    """Check that objects of the pattern may be read.

    For a missing object S3 answers 404 to a caller who may read it and list the whole bucket, and 403 to others. A
    caller who may list only a part of the bucket is checked with an existing object.
    """
    answer = ask(lambda: s3.head_object(Bucket=bucket, Key=_key(pattern)))
    if isinstance(answer, Refusal) and answer.kind is RefusalKind.DENIED and not _may_list(s3, bucket):
        existing = _first_like(s3, bucket, pattern)
        if existing is None:
            return met(f"no object s3://{bucket}/{pattern} exists yet, so reading could not be tried")
        answer = ask(lambda: s3.head_object(Bucket=bucket, Key=existing))
    if isinstance(answer, Refusal) and answer.kind is not RefusalKind.MISSING:
        return refusal(answer, met(""), "s3:GetObject", _arn(s3, f"{bucket}/{pattern}"))
    return met(f"s3://{bucket}/{pattern} may be read")


def _may_list(s3: Client, bucket: str) -> bool:
    return not isinstance(ask(lambda: s3.list_objects_v2(Bucket=bucket, MaxKeys=1)), Refusal)


def _first_like(s3: Client, bucket: str, pattern: str) -> str | None:
    """Return the key of an object that matches the pattern, among the first thousand below its fixed prefix."""
    prefix = _key(_UP_TO_WILDCARD.match(pattern)[0])  # type: ignore[index]  # it matches also an empty text
    listed = ask(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=prefix))
    if isinstance(listed, Refusal):
        return None
    like = re.compile("".join(_as_regex(part) for part in re.findall(r"\$\{.\}|.", pattern)), re.DOTALL)
    return next((item["Key"] for item in listed.get("Contents", ()) if like.fullmatch(item["Key"])), None)


def _as_regex(part: str) -> str:
    return {"*": ".*", "?": "."}.get(part) or re.escape(part[2] if len(part) > 1 else part)


def writable(s3: Client, bucket: str, patterns: Iterable[str], encryption: str | None = None) -> Look:
    """Check that objects may be put. The condition of each put never holds, so S3 checks the permission only."""
    for pattern in patterns:
        key = _key(pattern)
        put = partial(s3.put_object, Bucket=bucket, Key=key, Body=b"", IfMatch=f'"{_NEVER}"')
        answer = ask(partial(put, **encryption_of(encryption)))
        if not isinstance(answer, Refusal):
            return unmet(
                f"the store ignores If-Match, by which runs claim deliveries (it made {key})",
                "keep the evidence in S3 itself, or in a store that honours conditional writes",
            )
        if not _may_put(answer):
            demanded = _encryption_demanded(put) if encryption is None else None
            return demanded or refusal(answer, met(""), "s3:PutObject", _arn(s3, f"{bucket}/{pattern}"))
    return met("objects may be put (tried with a condition that never holds)")


def _may_put(answer: Refusal) -> bool:
    return answer.kind is RefusalKind.MISSING or answer.code in ("412", "PreconditionFailed")


def _encryption_demanded(put: Callable[..., Mapping[str, Any]]) -> Look | None:
    """Return what to set if a put is only denied because it asks for no encryption; None if that is not so."""
    for header, setting in ((SSE_S3, SSE_S3), ("aws:kms", "KMS-KEY-ARN")):
        answer = ask(partial(put, ServerSideEncryption=header))
        if isinstance(answer, Refusal) and _may_put(answer):
            return unmet(
                "the bucket's policy, or one of your organisation, denies a put without the header "
                f"x-amz-server-side-encryption; with {header} it is allowed",
                f"set ACEITE_EVIDENCE_ENCRYPTION={setting}",
            )
    return None


def awaited(s3: Client, name: str, pattern: str, named_in: str) -> Look:
    """Check the location that a step awaits: list a pattern that ends in /, read any other."""
    below = pattern.endswith("/")
    result = bucket(s3, name, _key(pattern) if below else "", named_in)
    return result if below or not result.holds else readable(s3, name, pattern)


def retention(s3: Client, bucket: str, wanted: timedelta | None, mode: str) -> Look:
    """Check that the bucket's versioning and Object Lock allow the retention of the settings."""
    versioning = ask(lambda: s3.get_bucket_versioning(Bucket=bucket))
    locking = ask(lambda: s3.get_object_lock_configuration(Bucket=bucket))
    is_denied = isinstance(locking, Refusal) and locking.kind is RefusalKind.DENIED
    if wanted is None and (is_denied or isinstance(versioning, Refusal)):
        return met("none is required (ACEITE_EVIDENCE_RETENTION_DAYS)")
    if is_denied:
        return denied("s3:GetBucketObjectLockConfiguration", _arn(s3, bucket))
    if isinstance(versioning, Refusal):
        return refusal_of_doctor(versioning, unchecked("it does not exist"), "s3:GetBucketVersioning", _arn(s3, bucket))
    # S3 refuses the request for the configuration of a bucket without Object Lock.
    lock = {} if isinstance(locking, Refusal) else locking["ObjectLockConfiguration"]
    return _retention(bucket, versioning.get("Status") == "Enabled", lock, wanted, mode)


def _retention(bucket: str, versioned: bool, lock: Any, wanted: timedelta | None, mode: str) -> Look:
    locks = lock.get("ObjectLockEnabled") == "Enabled"
    rule = lock.get("Rule", {}).get("DefaultRetention", {})
    state = f"versioning {'on' if versioned else 'off'}, Object Lock {'on' if locks else 'off'}"
    if rule.get("Mode"):
        state += f" with a default of {rule['Mode']} for {rule.get('Days', 0) + 365 * rule.get('Years', 0)} days"
    if wanted is None and locks and versioned:
        return met(f"{state}; none is required (ACEITE_EVIDENCE_RETENTION_DAYS)")
    if wanted is None:
        return advised(
            f"{state}, and none is required: evidence that somebody deletes shows as missing, and is gone",
            f"switch on versioning and Object Lock of {bucket}, and set ACEITE_EVIDENCE_RETENTION_DAYS (3650, say)",
            "nothing to do here; docs/operating/on-real-aws.md says how the bucket on AWS should be",
        )
    required = f"{mode} for {wanted.days} days is required"
    if locks and versioned:
        return met(f"{state}; {required}")
    enable = ""
    if not versioned:
        enable = f"`aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled`, then "
    command = f"`aws s3api put-object-lock-configuration --bucket {bucket} --object-lock-configuration "
    return unmet(
        f"{state}, but {required}: evidence is put without a lock",
        f"{enable}{command}ObjectLockEnabled=Enabled`, or unset ACEITE_EVIDENCE_RETENTION_DAYS",
        "unset ACEITE_EVIDENCE_RETENTION_DAYS: the sandbox's bucket locks nothing",
    )


def _key(pattern: str) -> str:
    """Return a key that matches IAM's pattern and does not exist. In a pattern fields are *, digits of a date ?."""
    return re.sub(r"\$\{(.)\}|([*?])", lambda match: match[1] or {"*": _NEVER, "?": "0"}[match[2]], pattern)


def _arn(s3: Client, place: str) -> str:
    """Return the ARN of a bucket, or of bucket/keys, in the client's partition."""
    return f"arn:{s3.meta.partition}:s3:::{place}"
