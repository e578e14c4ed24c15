"""S3 objects: list them, read them, and download exactly the version that was announced."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from pydantic import ValidationError

from acceptance.deliveries.delivery import LandingObject
from acceptance.errors import ObjectDeleted, ObjectReplaced, StepFailed, UnexpectedObject
from aws.calls import Client, answer_or_none, aws_call
from aws.error_codes import error_code
from aws.s3.listing import landing_object
from aws.waiting import REAL_CLOCK, Clock, poll_until

MOST_BYTES = 100_000_000
"""The largest object that we read into memory: evidence, manifests, claims and locks are far smaller."""

_CHUNK_BYTES = 1024 * 1024

_REMEDY = "find out who put it there, and remove it"
ABSENT = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchVersion"})
PRECONDITION_FAILED = frozenset({"412", "PreconditionFailed"})


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in memory, with its etag and the metadata that its writer gave it."""

    content: bytes
    etag: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A local copy of one landing object. `sha256` is the hexadecimal digest of the file at `path`."""

    path: Path
    size_bytes: int
    sha256: str
    version_id: str | None


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key of s3://bucket/key.

    Raises:
        StepFailed: `uri` is not such a URI.
    """
    bucket, slash, key = uri.removeprefix("s3://").partition("/")
    if not (uri.startswith("s3://") and bucket and slash and key):
        raise StepFailed(f"{uri!r} is not the address of an S3 object; write s3://bucket/key")
    return bucket, key


def list_objects(s3: Client, bucket: str, prefix: str) -> Iterator[LandingObject]:
    """Yield every object below the prefix, in S3's order of keys (UTF-8 bytes), with one page in memory at a time."""
    # boto3 asks for URL-encoded keys and decodes them, so that any key survives the XML of the response.
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    with aws_call(f"list s3://{bucket}/{prefix}"):
        for page in pages:
            for item in page.get("Contents", ()):
                yield landing_object(bucket, item)


def object_exists(s3: Client, uri: str) -> bool:
    """Return True if the object exists; for a URI that ends in /, if any object but a folder marker is below it.

    Raises:
        StepFailed: S3 does not tell. Without s3:ListBucket it answers 403 for a missing object.
    """
    bucket, key = split_uri(uri)
    if key.endswith("/"):
        with aws_call(f"list {uri}"):
            items = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=2).get("Contents", ())
        return any(item["Key"] != key for item in items)
    with aws_call(f"look for {uri}"):
        return answer_or_none(ABSENT, s3.head_object, Bucket=bucket, Key=key) is not None


def versions_at(s3: Client, uri: str) -> frozenset[LandingObject]:
    """Return the object at the URI; for a URI that ends in /, all objects below it except the folder marker."""
    bucket, key = split_uri(uri)
    below = key.endswith("/")
    return frozenset(one for one in list_objects(s3, bucket, key) if (one.key != key if below else one.key == key))


def listed_object(s3: Client, bucket: str, key: str) -> LandingObject | None:
    """Return the object as a listing shows it now, or None if it does not exist."""
    with aws_call(f"list s3://{bucket}/{key}"):
        # Of the keys that begin with this one, S3 lists this one first.
        items = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", ())
    return next((landing_object(bucket, item) for item in items if item["Key"] == key), None)


def await_object(
    s3: Client,
    uri: str,
    *,
    within: timedelta,
    known: frozenset[LandingObject] = frozenset(),
    clock: Clock = REAL_CLOCK,
) -> None:
    """Wait until `object_exists` holds for an object that is not in `known` (left behind by an earlier delivery).

    Raises:
        WaitTimedOut: no such object appeared in time.
    """
    poll_until(
        lambda: bool(versions_at(s3, uri) - known) if known else object_exists(s3, uri),
        bool,
        what=f"wait for {'any object below ' if uri.endswith('/') else ''}{uri}",
        at_most_s=within.total_seconds(),
        clock=clock,
        shown=lambda _: "unchanged" if known else "absent",
    )


def read_bytes(s3: Client, bucket: str, key: str, most_bytes: int = MOST_BYTES) -> bytes | None:
    """Return the object's bytes, or None if it does not exist. Raises as `read_object` does."""
    found = read_object(s3, bucket, key, most_bytes)
    return found.content if found else None


def read_json(s3: Client, bucket: str, key: str, most_bytes: int = MOST_BYTES) -> tuple[dict[str, Any], str] | None:
    """Return the JSON object in it and its etag, or None if it does not exist.

    Raises:
        StepFailed: S3 does not return it.
        UnexpectedObject: it is larger than `most_bytes`, or does not hold a JSON object.
    """
    found = read_object(s3, bucket, key, most_bytes)
    if found is None:
        return None
    try:
        value = json.loads(found.content)
    except (ValueError, RecursionError) as error:
        raise UnexpectedObject(f"s3://{bucket}/{key} is not JSON: {error}; {_REMEDY}") from error
    if not isinstance(value, dict):
        raise UnexpectedObject(f"s3://{bucket}/{key} holds a JSON {type(value).__name__}, not an object; {_REMEDY}")
    return value, found.etag


def read_object(s3: Client, bucket: str, key: str, most_bytes: int = MOST_BYTES) -> StoredObject | None:
    """Return the object, or None if it does not exist.

    Raises:
        StepFailed: S3 does not return it.
        UnexpectedObject: it is larger than `most_bytes`.
    """
    uri = f"s3://{bucket}/{key}"
    with aws_call(f"read {uri}"):
        answer = answer_or_none(ABSENT, s3.get_object, Bucket=bucket, Key=key)
        if answer is None:
            return None
        size = answer["ContentLength"]
        if size > most_bytes:
            answer["Body"].close()
            raise UnexpectedObject(
                f"{uri} has {size:,} bytes; Aceite writes and reads at most {most_bytes:,}: {_REMEDY}"
            )
        return StoredObject(answer["Body"].read(), answer["ETag"].strip('"'), answer.get("Metadata", {}))


def etag_of(s3: Client, bucket: str, key: str) -> str | None:
    """Return the object's etag, or None if it does not exist. Raises StepFailed if S3 does not tell."""
    with aws_call(f"look for s3://{bucket}/{key}"):
        answer = answer_or_none(ABSENT, s3.head_object, Bucket=bucket, Key=key)
        return str(answer["ETag"]).strip('"') if answer else None


def download(s3: Client, landed: LandingObject, path: Path) -> Downloaded:
    """Copy exactly the listed version to `path`, in constant memory. An error leaves no file.

    Raises:
        ObjectReplaced, ObjectDeleted: somebody did that since it was listed.
        StepFailed: S3 does not return it.
    """
    digest, size_bytes = hashlib.sha256(), 0
    try:
        with path.open("wb") as file, _listed_version(s3, landed) as answer:
            for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
                file.write(chunk)
                digest.update(chunk)
                size_bytes += len(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    version_id = answer.get("VersionId")
    return Downloaded(path, size_bytes, digest.hexdigest(), None if version_id in (None, "null") else str(version_id))


def read_at_most(s3: Client, landed: LandingObject, most_bytes: int) -> bytes:
    """Return the first bytes of exactly the listed version. Raise StepFailed as `download` does."""
    with _listed_version(s3, landed) as answer:
        content: bytes = answer["Body"].read(most_bytes)
        return content


def object_digest(s3: Client, landed: LandingObject, algorithm: str, between: Callable[[], None] = lambda: None) -> str:
    """Return the digest of exactly the listed version, in lower-case hexadecimal. Raise StepFailed as `download` does.

    Calls `between` after each megabyte.
    """
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with _listed_version(s3, landed) as answer:
        for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
            digest.update(chunk)
            between()
    return digest.hexdigest()


@contextmanager
def _listed_version(s3: Client, landed: LandingObject) -> Iterator[Mapping[str, Any]]:
    """Yield S3's answer for exactly the listed version. Errors while its body is read become StepFailed too."""
    with aws_call(f"get {landed.uri}"):
        try:
            yield s3.get_object(Bucket=landed.bucket, Key=landed.key, IfMatch=f'"{landed.etag}"')
        except ClientError as error:
            since = f"it since it had the etag {landed.etag}"
            if error_code(error) in PRECONDITION_FAILED:
                reason = f"somebody replaced {since}; the new version is another delivery"
                raise ObjectReplaced(f"{landed.uri}: {reason}") from error
            if error_code(error) in ABSENT:
                raise ObjectDeleted(f"{landed.uri}: somebody deleted {since}; deliver it again") from error
            raise


def unexpected_object(bucket: str, key: str, expected: str, error: Exception) -> UnexpectedObject:
    reason = f"{error.errors()[0]['msg']}: {error.errors()[0]['loc']}" if isinstance(error, ValidationError) else error
    return UnexpectedObject(f"s3://{bucket}/{key} is not {expected} that Aceite wrote ({reason}); {_REMEDY}")
