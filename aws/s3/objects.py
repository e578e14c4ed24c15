"""S3: list what landed, fetch exactly the version that was announced."""

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
from acceptance.errors import StepFailed, StrangeObject
from aws.calls import Client, aws_call, error_code
from aws.s3.listing import landing_object
from aws.waiting import REAL_CLOCK, Clock, poll_until

MOST_BYTES = 100_000_000
"""Of what is held in memory as a whole: evidence, manifests, claims and notes are far smaller."""

_CHUNK_BYTES = 1024 * 1024

_REMEDY = "see who put it there, and remove it"
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchVersion"})
_PRECONDITION_FAILED = frozenset({"412", "PreconditionFailed"})


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What a listing does not tell. `version_id` is None without versioning; metadata keys are lower-case."""

    version_id: str | None
    content_type: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A copy of one landing object. `sha256` is of the bytes in `path`, in hexadecimal."""

    path: Path
    size_bytes: int
    sha256: str
    version_id: str | None


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of s3://bucket/key.

    Raises:
        StepFailed: it is not such a URI.
    """
    bucket, slash, key = uri.removeprefix("s3://").partition("/")
    if not (uri.startswith("s3://") and bucket and slash and key):
        raise StepFailed(f"{uri!r} is not the address of an S3 object; write s3://bucket/key")
    return bucket, key


def list_objects(s3: Client, bucket: str, prefix: str) -> Iterator[LandingObject]:
    """Every object below the prefix, in the order of S3's keys (UTF-8 bytes), one page in memory at a time."""
    # boto3 asks for url-encoded keys and decodes them, so that any key survives the answer's XML.
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    with aws_call(f"list s3://{bucket}/{prefix}"):
        for page in pages:
            for item in page.get("Contents", ()):
                yield landing_object(bucket, item)


def object_exists(s3: Client, uri: str) -> bool:
    """Whether the object is there; for a uri that ends in /, whether any object is below it, a folder marker aside.

    Raises:
        StepFailed: S3 does not tell. Without s3:ListBucket it answers 403 for an object that is not there.
    """
    bucket, key = split_uri(uri)
    if key.endswith("/"):
        with aws_call(f"list {uri}"):
            found = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=2).get("Contents", ())
        return any(item["Key"] != key for item in found)
    with aws_call(f"look for {uri}"):
        try:
            s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error_code(error) in _ABSENT:
                return False
            raise
    return True


def versions_at(s3: Client, uri: str) -> frozenset[LandingObject]:
    """What is at the uri now; for a uri that ends in /, everything below it, the folder's own marker aside."""
    bucket, key = split_uri(uri)
    below = key.endswith("/")
    return frozenset(
        found for found in list_objects(s3, bucket, key) if (found.key != key if below else found.key == key)
    )


def await_object(
    s3: Client,
    uri: str,
    *,
    within: timedelta,
    known: frozenset[LandingObject] = frozenset(),
    clock: Clock = REAL_CLOCK,
) -> None:
    """Returns when `object_exists` holds for something that is not in `known`: what an earlier delivery left behind.

    Raises:
        WaitTimedOut: it did not come in time.
    """
    poll_until(
        lambda: bool(versions_at(s3, uri) - known) if known else object_exists(s3, uri),
        bool,
        what=f"wait for {'any object below ' if uri.endswith('/') else ''}{uri}",
        at_most_s=within.total_seconds(),
        clock=clock,
        shown=lambda _: "as it was before" if known else "absent",
    )


def read_bytes(s3: Client, bucket: str, key: str) -> bytes | None:
    """The object's bytes, or None if there is no such object.

    Raises:
        StepFailed: S3 does not give it, or it is larger than MOST_BYTES.
    """
    with aws_call(f"read s3://{bucket}/{key}"):
        try:
            answer = s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error_code(error) in _ABSENT:
                return None
            raise
        return _whole(answer, f"s3://{bucket}/{key}")


def _whole(answer: Mapping[str, Any], uri: str) -> bytes:
    if answer["ContentLength"] > MOST_BYTES:
        answer["Body"].close()
        raise StrangeObject(
            f"{uri} has {answer['ContentLength']:,} bytes, at most {MOST_BYTES:,} are read: Aceite put no such object; "
            "{_REMEDY}"
        )
    content: bytes = answer["Body"].read()
    return content


def read_json(s3: Client, bucket: str, key: str) -> tuple[dict[str, Any], str] | None:
    """The JSON object in it and its etag, or None if there is no such object.

    Raises:
        StepFailed: S3 does not give it.
        StrangeObject: it is larger than MOST_BYTES, or it does not hold a JSON object.
    """
    with aws_call(f"read s3://{bucket}/{key}"):
        try:
            answer = s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error_code(error) in _ABSENT:
                return None
            raise
        content = _whole(answer, f"s3://{bucket}/{key}")
    try:
        value = json.loads(content)
    except ValueError as error:
        raise StrangeObject(f"s3://{bucket}/{key} is not JSON: {error}; {_REMEDY}") from error
    if not isinstance(value, dict):
        raise StrangeObject(f"s3://{bucket}/{key} holds a JSON {type(value).__name__}, not an object; {_REMEDY}")
    return value, answer["ETag"].strip('"')


def describe(s3: Client, landed: LandingObject) -> ObjectFacts:
    """The object's version, content type and user metadata.

    Raises:
        StepFailed: it was replaced or deleted since it was listed, or S3 does not tell.
    """
    with aws_call(f"describe {landed.uri}"), _same_version(landed):
        answer = s3.head_object(Bucket=landed.bucket, Key=landed.key, IfMatch=f'"{landed.etag}"')
    return ObjectFacts(_version_id(answer), answer.get("ContentType", ""), dict(answer.get("Metadata", {})))


def download(s3: Client, landed: LandingObject, path: Path) -> Downloaded:
    """Copies exactly the version that was listed to `path`, in constant memory. On an error nothing is left there.

    Raises:
        StepFailed: it was replaced or deleted since it was listed, or S3 does not give it.
    """
    digest, size_bytes = hashlib.sha256(), 0
    try:
        with aws_call(f"download {landed.uri}"), _same_version(landed), path.open("wb") as file:
            answer = s3.get_object(Bucket=landed.bucket, Key=landed.key, IfMatch=f'"{landed.etag}"')
            for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
                file.write(chunk)
                digest.update(chunk)
                size_bytes += len(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Downloaded(path, size_bytes, digest.hexdigest(), _version_id(answer))


@contextmanager
def _same_version(landed: LandingObject) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error_code(error) in _PRECONDITION_FAILED:
            reason = (
                f"it was replaced since it was listed with etag {landed.etag}; the new version is a delivery of its own"
            )
        elif error_code(error) in _ABSENT:
            reason = f"it was deleted since it was listed with etag {landed.etag}; deliver it again"
        else:
            raise
        raise StepFailed(f"{landed.uri}: {reason}") from error


def _version_id(answer: Mapping[str, Any]) -> str | None:
    version_id = answer.get("VersionId")
    return None if version_id in (None, "null") else str(version_id)


def read_at_most(s3: Client, landed: LandingObject, most_bytes: int) -> bytes:
    """The first bytes of exactly this version.

    Raises:
        StepFailed: it was replaced or deleted since it was listed, or cannot be read.
    """
    with aws_call(f"get {landed.uri} with the etag {landed.etag}"):
        body = s3.get_object(Bucket=landed.bucket, Key=landed.key, IfMatch=landed.etag)["Body"]
        content: bytes = body.read(most_bytes)
        return content


def digest_of(s3: Client, landed: LandingObject, algorithm: str, between: Callable[[], None] = lambda: None) -> str:
    """Of the bytes of exactly this version, in lower-case hexadecimal. `between` is called after each megabyte.

    Raises StepFailed as `read_at_most` does.
    """
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with aws_call(f"get {landed.uri} with the etag {landed.etag}"):
        body = s3.get_object(Bucket=landed.bucket, Key=landed.key, IfMatch=landed.etag)["Body"]
        for chunk in body.iter_chunks(_CHUNK_BYTES):
            digest.update(chunk)
            between()
    return digest.hexdigest()


def strange_object(bucket: str, key: str, expected: str, error: Exception) -> StrangeObject:
    said = f"{error.errors()[0]['msg']}: {error.errors()[0]['loc']}" if isinstance(error, ValidationError) else error
    return StrangeObject(
        f"s3://{bucket}/{key} is no {expected} of Aceite's ({said}); see who put it there, and remove it"
    )
