"""S3 listings: list one page, and recognise an unchanged page by the hash of its bytes.

boto3 needs two hundred times longer to parse a page than we need to hash it: most of that for the timestamps, and it
parses twice, to find errors under status 200. So we take the body before boto3 parses it and hand boto3 an empty
listing instead; credentials, signing, retries, errors, endpoints and proxies stay boto3's. This module parses a page
only if its hash is new.
"""

import hashlib
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
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
class _Response:
    """The body of a response, if it is a listing. S3 may answer 200 with an error, which boto3 has to raise."""

    body: bytes = b""


_response: ContextVar[_Response | None] = ContextVar("response", default=None)


def keep_pages_unparsed(s3: Client) -> Client:
    """Make the client keep listings unparsed, as `list_page` needs. Returns the same client."""
    # The "*" sorts it before botocore's own handler of before-parse.s3.*, which parses the body to look for errors.
    s3.meta.events.register("before-parse.*.ListObjectsV2", _take_body, unique_id="aceite-take-page")
    return s3


def list_page(s3: Client, bucket: str, prefix: str, after: str, asked: int, known: str = "") -> Page | None:
    """Return the first `asked` keys (1 to 1,000) below the prefix and after a key; None if their digest is `known`.

    Raises:
        StepFailed: S3 did not answer with a listing, or not in the order of the keys' UTF-8 bytes.
    """
    what = f"list s3://{bucket}/{prefix}"
    response = _Response()
    token = _response.set(response)
    try:
        with aws_call(what):
            # boto3 asks for URL-encoded keys, so that any key survives the XML of the response.
            s3.list_objects_v2(Bucket=bucket, Prefix=prefix, StartAfter=after, MaxKeys=asked)
    finally:
        _response.reset(token)
    digest = _digest(response.body)
    if digest == known:
        return None
    try:
        objects, truncated = _parse(bucket, response.body)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise StepFailed(
            f"{what}: the response is not a listing ({error}); did a proxy answer instead of S3?"
        ) from error
    if any(first >= second for first, second in pairwise((after, *(each.key for each in objects)))):
        raise StepFailed(
            f"{what}: the keys behind {after!r} are not in the order of their UTF-8 bytes, by which the watcher knows "
            "what it has seen; S3 lists general purpose buckets so, but no directory buckets (S3 Express One Zone): "
            "let the files land in a general purpose bucket of S3"
        )
    return Page(objects, digest, truncated, asked)


def uploads_in_progress(s3: Client, bucket: str, prefix: str) -> frozenset[str]:
    """Return the keys below the prefix whose multipart uploads are neither complete nor aborted."""
    # For uploads boto3 neither asks for URL-encoded keys nor decodes them, and XML has no way to write some characters.
    asked = {"Bucket": bucket, "Prefix": prefix, "EncodingType": "url"}
    found = set[str]()
    with aws_call(f"list the uploads in progress below s3://{bucket}/{prefix}"):
        while True:
            page = s3.list_multipart_uploads(**asked)
            decode = unquote_plus if page.get("EncodingType") == "url" else str
            found.update(decode(upload["Key"]) for upload in page.get("Uploads", ()))
            if not page.get("IsTruncated"):
                return frozenset(found)
            asked |= {"KeyMarker": decode(page["NextKeyMarker"]), "UploadIdMarker": page["NextUploadIdMarker"]}


def landing_object(bucket: str, item: Any) -> LandingObject:
    """Return the object that an item of a listing parsed by boto3 describes. S3 keeps whole seconds."""
    return LandingObject(
        bucket=bucket,
        key=item["Key"],
        etag=item["ETag"].strip('"'),
        size=item["Size"],
        last_modified=item["LastModified"].astimezone(UTC).replace(microsecond=0),
    )


def _take_body(response_dict: Any, **_: Any) -> None:
    response = _response.get()
    body = response_dict.get("body") or b""
    if response is not None and response_dict.get("status_code") == 200 and _LISTING in body[:400]:
        response.body, response_dict["body"] = body, _EMPTY


def _digest(body: bytes) -> str:
    """Hash the items and whether more follow; the rest of a response may differ each time."""
    start, end = body.find(_FIRST), body.rfind(_LAST)
    listed = memoryview(body)[start:end] if start >= 0 else body
    truncated = body.find(_TRUNCATED, 0, max(start, 0)) >= 0 or body.find(_TRUNCATED, max(end, 0)) >= 0
    return hashlib.blake2b(listed, digest_size=16, key=b"truncated" if truncated else b"whole").hexdigest()


def _parse(bucket: str, body: bytes) -> tuple[tuple[LandingObject, ...], bool]:
    """Return the objects and whether more follow. Raise ParseError, LookupError or ValueError."""
    root = ElementTree.fromstring(body)
    space, name, _ = root.tag.rpartition("ListBucketResult")
    if not name:
        raise ValueError(f"its root element is {root.tag}")
    key, etag, size, time = (f"{space}{field}" for field in ("Key", "ETag", "Size", "LastModified"))
    decode = unquote_plus if root.findtext(f"{space}EncodingType") == "url" else str
    items = ({child.tag: child.text or "" for child in item} for item in root.iterfind(f"{space}Contents"))
    objects = tuple(
        LandingObject(bucket, decode(item[key]), item[etag].strip('"'), int(item[size]), _second(item[time]))
        for item in items
    )
    return objects, root.findtext(f"{space}IsTruncated") == "true"


def _second(time: str) -> datetime:
    return datetime.fromisoformat(time).astimezone(UTC).replace(microsecond=0)
