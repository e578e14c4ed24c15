"""One page of a listing, recognised by its bytes when it is the one that was seen before.

Parsing a page costs fifty times what hashing it does, so for an answer that is known boto3 is handed an empty one
instead. Everything else stays boto3's: credentials, signing, retries, endpoints, proxies.
"""

import hashlib
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from acceptance.delivery import LandingObject
from acceptance.errors import StepFailed
from acceptance.ranges import Page
from aws.calls import Client, aws_call

_EMPTY = b'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult></ListBucketResult>'
_FIRST, _LAST, _TRUNCATED = b"<Contents>", b"</Contents>", b"<IsTruncated>true</IsTruncated>"


@dataclass(slots=True)
class _Recognition:
    known: str
    digest: str = ""


_recognition: ContextVar[_Recognition | None] = ContextVar("recognition", default=None)


def recognising(s3: Client) -> Client:
    """Teaches the client to recognise pages; `list_page` needs that. Returns the same client."""
    s3.meta.events.register("before-parse.s3.ListObjectsV2", _recognise, unique_id="aceite-recognise")
    return s3


def list_page(s3: Client, bucket: str, prefix: str, after: str, asked: int, known: str = "") -> Page | None:
    """The first `asked` keys (1 to 1,000) below the prefix and after a key; None if the digest of that is `known`.

    Raises:
        StepFailed: S3 does not answer, or not with a listing.
    """
    recognition = _Recognition(known)
    token = _recognition.set(recognition)
    try:
        with aws_call(f"list s3://{bucket}/{prefix}"):
            # boto3 asks for url-encoded keys and decodes them, so that any key survives the answer's XML.
            answer = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, StartAfter=after, MaxKeys=asked)
    finally:
        _recognition.reset(token)
    if not recognition.digest:
        raise StepFailed(f"list s3://{bucket}/{prefix}: what answered is no listing; is it S3, and no proxy before it?")
    if recognition.digest == known:
        return None
    objects = tuple(landing_object(bucket, item) for item in answer.get("Contents", ()))
    return Page(objects, recognition.digest, bool(answer.get("IsTruncated")), asked)


def uploads_in_progress(s3: Client, bucket: str, prefix: str) -> frozenset[str]:
    """The keys of the multipart uploads below the prefix that were begun and are neither complete nor aborted."""
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
    with aws_call(f"list the uploads in progress below s3://{bucket}/{prefix}"):
        return frozenset(upload["Key"] for page in pages for upload in page.get("Uploads", ()))


def landing_object(bucket: str, item: Any) -> LandingObject:
    """From an item of a listing. S3 keeps whole seconds."""
    return LandingObject(
        bucket=bucket,
        key=item["Key"],
        etag=item["ETag"].strip('"'),
        size=item["Size"],
        last_modified=item["LastModified"].astimezone(UTC).replace(microsecond=0),
    )


def _recognise(response_dict: Any, **_: Any) -> None:
    recognition = _recognition.get()
    body = response_dict.get("body") or b""
    if recognition is None or response_dict.get("status_code") != 200:
        return
    start, end = body.find(_FIRST), body.rfind(_LAST)
    listed = body[start:end] if start >= 0 else b""
    truncated = _TRUNCATED in (body[:start] if start >= 0 else body) or _TRUNCATED in body[max(end, 0) :]
    digest = hashlib.blake2b(listed, digest_size=16, key=b"truncated" if truncated else b"whole").hexdigest()
    # An answer without any key is recognised too, but only a listing is an answer: S3 may say 200 and then an error.
    recognition.digest = digest if b"<ListBucketResult" in body[:400] else ""
    if recognition.known and recognition.digest == recognition.known:
        response_dict["body"] = _EMPTY
