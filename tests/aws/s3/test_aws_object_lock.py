"""Evidence stays as it is where its bucket has Object Lock."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from acceptance.errors import StepFailed
from aws.s3.writes import locking, put_once

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
YEAR = timedelta(days=365)


@pytest.fixture
def bucket(s3_bucket: str) -> str:
    return s3_bucket


@pytest.fixture
def locked(s3: Any) -> str:
    """A bucket with Object Lock and no rule of its own."""
    name = f"locked-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def with_rule(s3: Any, bucket: str, mode: str, **period: int) -> None:
    rule = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": mode, **period}}}
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=rule)


@pytest.mark.parametrize("retention", [None, YEAR])
def test_a_bucket_without_object_lock_is_asked_for_none(s3, bucket, retention):
    assert locking(s3, bucket, "GOVERNANCE", retention, NOW) == {}


def test_a_bucket_with_object_lock_keeps_what_is_put_for_as_long_as_was_set(s3, locked):
    told = locking(s3, locked, "COMPLIANCE", YEAR, datetime.now(UTC))
    assert put_once(s3, locked, "evidence.json", b"{}", "application/json", locking=told)
    kept = s3.head_object(Bucket=locked, Key="evidence.json")
    assert kept["ObjectLockMode"] == "COMPLIANCE"
    assert abs(kept["ObjectLockRetainUntilDate"] - datetime.now(UTC) - YEAR) < timedelta(minutes=5)
    with pytest.raises(ClientError):
        s3.delete_object(Bucket=locked, Key="evidence.json", VersionId=kept["VersionId"])


def test_without_a_setting_the_buckets_own_rule_holds(s3, locked):
    with_rule(s3, locked, "GOVERNANCE", Days=10)
    told = locking(s3, locked, "GOVERNANCE", None, NOW)
    assert told == {}
    assert put_once(s3, locked, "evidence.json", b"{}", "application/json", locking=told)
    version = s3.head_object(Bucket=locked, Key="evidence.json")["VersionId"]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=locked, Key="evidence.json", VersionId=version)


def test_a_setting_makes_the_buckets_rule_longer_and_never_shorter_or_weaker(s3, locked):
    with_rule(s3, locked, "COMPLIANCE", Years=2)
    told = locking(s3, locked, "GOVERNANCE", YEAR, NOW)
    assert told["ObjectLockMode"] == "COMPLIANCE"
    assert told["ObjectLockRetainUntilDate"] >= NOW + 2 * YEAR
    assert locking(s3, locked, "GOVERNANCE", 9 * YEAR, NOW)["ObjectLockRetainUntilDate"] == NOW + 9 * YEAR


def test_a_bucket_that_is_not_there_is_said(s3):
    with pytest.raises(StepFailed, match="Object Lock configuration of s3://there-is-none"):
        locking(s3, "there-is-none", "GOVERNANCE", YEAR, NOW)
