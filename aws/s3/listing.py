"""One page of a listing, recognised by its bytes when it is the one that was seen before.

Parsing a page takes boto3 two hundred times what hashing it does, most of it for the times, and twice for S3's errors
under status 200. So a page is taken from boto3 before it parses it, and boto3 is handed an empty one instead; all else
stays boto3's: credentials, signing, retries, errors, endpoints, proxies. Only a page that is not the known one is
parsed, here.
"""

import hashlib
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from acceptance.deliveries.delivery import LandingObject
from acceptance.deliveries.key_ranges import Page
from acceptance.errors import StepFailed
from aws.calls import Client, aws_call

_LISTING = b"<ListBucketResult"
_EMPTY = b'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult></ListBucketResult>'
_FIRST, _LAST, _TRUNCATED = b"<Contents>", b"</Contents>", b"<IsTruncated>true</IsTruncated>"


@dataclass(slots=True)
class _Taken:
    """The body of the answer, if it is a listing: S3 may say 200 and then an error, which is boto3's to raise."""

    body: bytes = b""


_taken: ContextVar[_Taken | None] = ContextVar("taken", default=None)


def recognising(s3: Client) -> Client:
    """Teaches the client to hand pages over unparsed; `list_page` needs that. Returns the same client."""
    # By its "*" it comes before botocore's own handler of before-parse.s3.*, which parses the body to look for errors.
    s3.meta.events.register("before-parse.*.ListObjectsV2", _take, unique_id="aceite-take-page")
    return s3


def list_page(s3: Client, bucket: str, prefix: str, after: str, asked: int, known: str = "") -> Page | None:
    """The first `asked` keys (1 to 1,000) below the prefix and after a key; None if the digest of that is `known`.

    Raises:
        StepFailed: S3 does not answer, or not with a listing.
    """
    what = f"list s3://{bucket}/{prefix}"
    taken = _Taken()
    token = _taken.set(taken)
    try:
        with aws_call(what):
            # boto3 asks for url-encoded keys, so that any key survives the answer's XML.
            s3.list_objects_v2(Bucket=bucket, Prefix=prefix, StartAfter=after, MaxKeys=asked)
    finally:
        _taken.reset(token)
    digest = _digest(taken.body)
    if digest == known:
        return None
    try:
        objects, truncated = _parse(bucket, taken.body)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise StepFailed(f"{what}: what answered is no listing ({error}); is it S3, and no proxy before it?") from error
    return Page(objects, digest, truncated, asked)


def uploads_in_progress(s3: Client, bucket: str, prefix: str) -> frozenset[str]:
    """The keys of the multipart uploads below the prefix that were begun and are neither complete nor aborted."""
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
    with aws_call(f"list the uploads in progress below s3://{bucket}/{prefix}"):
        return frozenset(upload["Key"] for page in pages for upload in page.get("Uploads", ()))


def landing_object(bucket: str, item: Any) -> LandingObject:
    """From an item of a listing that boto3 parsed. S3 keeps whole seconds."""
    return LandingObject(
        bucket=bucket,
        key=item["Key"],
        etag=item["ETag"].strip('"'),
        size=item["Size"],
        last_modified=item["LastModified"].astimezone(UTC).replace(microsecond=0),
    )


def _take(response_dict: Any, **_: Any) -> None:
    taken = _taken.get()
    body = response_dict.get("body") or b""
    if taken is not None and response_dict.get("status_code") == 200 and _LISTING in body[:400]:
        taken.body, response_dict["body"] = body, _EMPTY


def _digest(body: bytes) -> str:
    """Of the items, and of whether there are more behind them: what an answer says besides may differ each time."""
    start, end = body.find(_FIRST), body.rfind(_LAST)
    listed = memoryview(body)[start:end] if start >= 0 else body
    truncated = body.find(_TRUNCATED, 0, max(start, 0)) >= 0 or body.find(_TRUNCATED, max(end, 0)) >= 0
    return hashlib.blake2b(listed, digest_size=16, key=b"truncated" if truncated else b"whole").hexdigest()


def _parse(bucket: str, body: bytes) -> tuple[tuple[LandingObject, ...], bool]:
    """The objects, and whether there are more behind them. Raises ParseError, LookupError or ValueError."""
    root = ElementTree.fromstring(body)
    space, name, _ = root.tag.rpartition("ListBucketResult")
    if not name:
        raise ValueError(f"it is a {root.tag}")
    key, etag, size, time = (f"{space}{field}" for field in ("Key", "ETag", "Size", "LastModified"))
    written = unquote_plus if root.findtext(f"{space}EncodingType") == "url" else str
    items = ({child.tag: child.text or "" for child in item} for item in root.iterfind(f"{space}Contents"))
    objects = tuple(
        LandingObject(bucket, written(item[key]), item[etag].strip('"'), int(item[size]), _second(item[time]))
        for item in items
    )
    return objects, root.findtext(f"{space}IsTruncated") == "true"


def _second(time: str) -> datetime:
    return datetime.fromisoformat(time).astimezone(UTC).replace(microsecond=0)
