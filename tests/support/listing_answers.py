"""How S3 answers a request about the bucket. What it does not know it refuses with NotImplemented."""

import base64
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

from listing_bucket import ListedBucket, Stored, Upload

MOST_KEYS = 1000
STATUSES = {"InvalidArgument": 400, "NoSuchBucket": 404, "NoSuchKey": 404, "PreconditionFailed": 412}
STATUSES |= {"NotImplemented": 501, "SlowDown": 503}

LIST = {"list-type", "prefix", "delimiter", "start-after", "continuation-token", "max-keys", "encoding-type"}
LIST |= {"fetch-owner"}
LIST_UPLOADS = {"uploads", "prefix", "key-marker", "upload-id-marker", "max-uploads", "encoding-type"}

Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body."""


class S3Error(Exception):
    """One of S3's own codes."""


def error_answer(code: str, resource: str) -> Answer:
    text = f"<Error><Code>{code}</Code><Message>{code}</Message><Resource>{escape(resource)}</Resource></Error>"
    return STATUSES[code], {}, text.encode()


def operation_of(method: str, key: str, asked: Mapping[str, str]) -> str:
    if method == "HEAD":
        return "HeadObject" if key else "HeadBucket"
    if method == "GET" and key and not asked.keys() - {"x-id"}:
        return "GetObject"
    if method == "GET" and not key and asked.get("list-type") == "2" and asked.keys() <= LIST:
        return "ListObjectsV2"
    if method == "GET" and not key and "uploads" in asked and asked.keys() <= LIST_UPLOADS:
        return "ListMultipartUploads"
    return f"{method} {'key' if key else 'bucket'} {' '.join(sorted(asked))}".strip()


def answer(
    bucket: ListedBucket, operation: str, named: str, key: str, asked: Mapping[str, str], if_match: str | None
) -> Answer:
    if named != bucket.name:
        raise S3Error("NoSuchBucket")
    if operation == "ListObjectsV2":
        return 200, {}, _objects(bucket, asked)
    if operation == "ListMultipartUploads":
        return 200, {}, _uploads(bucket, asked)
    if operation == "HeadBucket":
        return 200, {}, b""
    if operation in ("GetObject", "HeadObject"):
        return _object(bucket.get(key), if_match)
    raise S3Error("NotImplemented")


def _object(stored: Stored | None, if_match: str | None) -> Answer:
    if stored is None:
        raise S3Error("NoSuchKey")
    if if_match is not None and if_match.strip('"') != stored.etag:
        raise S3Error("PreconditionFailed")
    headers = {"ETag": f'"{stored.etag}"', "Last-Modified": format_datetime(stored.last_modified.astimezone(UTC), True)}
    body = bytes(stored.size) if stored.body is None else stored.body
    return 200, {**headers, "Content-Type": "binary/octet-stream"}, body


def _objects(bucket: ListedBucket, asked: Mapping[str, str]) -> bytes:
    write = _writer(asked)
    prefix, delimiter, start = (asked.get(name, "") for name in ("prefix", "delimiter", "start-after"))
    limit = _limit(asked, "max-keys")
    folder, after = _read_token(asked["continuation-token"]) if "continuation-token" in asked else (False, start)
    found, more = bucket.page(prefix, delimiter, after, limit, folder) if limit else ([], False)
    facts = {"Name": bucket.name, "Prefix": write(prefix)}
    if more:
        facts["NextContinuationToken"] = _token(*found[-1])
    facts |= {"KeyCount": str(len(found)), "MaxKeys": str(limit)}
    facts |= {name: write(text) for name, text in (("Delimiter", delimiter), ("StartAfter", start)) if text}
    facts |= {"EncodingType": "url"} if "encoding-type" in asked else {}
    facts |= {"IsTruncated": str(more).lower()}
    return _document("ListBucketResult", facts, (_listed(write(key), stored) for key, stored in found))


def _listed(written: str, stored: Stored | None) -> str:
    if stored is None:
        return f"<CommonPrefixes><Prefix>{written}</Prefix></CommonPrefixes>"
    return (
        f"<Contents><Key>{written}</Key><LastModified>{_time(stored.last_modified)}</LastModified>"
        f"<ETag>&quot;{stored.etag}&quot;</ETag><Size>{stored.size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )


def _uploads(bucket: ListedBucket, asked: Mapping[str, str]) -> bytes:
    write, limit, prefix = _writer(asked), _limit(asked, "max-uploads"), asked.get("prefix", "")
    key_marker, id_marker = asked.get("key-marker", ""), asked.get("upload-id-marker", "")
    uploads = bucket.uploads(prefix)
    same_key = [upload for upload in uploads if upload.key == key_marker and upload.id > id_marker > ""]
    rest = same_key + [upload for upload in uploads if upload.key > key_marker]
    found, more = rest[:limit], len(rest) > limit > 0
    facts = {"Bucket": bucket.name, "KeyMarker": write(key_marker), "UploadIdMarker": id_marker}
    if more:
        facts |= {"NextKeyMarker": write(found[-1].key), "NextUploadIdMarker": found[-1].id}
    facts |= {"Prefix": write(prefix), "MaxUploads": str(limit), "IsTruncated": str(more).lower()}
    facts |= {"EncodingType": "url"} if "encoding-type" in asked else {}
    return _document("ListMultipartUploadsResult", facts, (_in_progress(write(upload.key), upload) for upload in found))


def _in_progress(written: str, upload: Upload) -> str:
    return (
        f"<Upload><Key>{written}</Key><UploadId>{upload.id}</UploadId><StorageClass>STANDARD</StorageClass>"
        f"<Initiated>{_time(upload.initiated)}</Initiated></Upload>"
    )


def _document(root: str, facts: Mapping[str, str], entries: Iterable[str]) -> bytes:
    head = "".join(f"<{name}>{value}</{name}>" for name, value in facts.items())
    namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} {namespace}>{head}{"".join(entries)}</{root}>'.encode()


def _writer(asked: Mapping[str, str]) -> Callable[[str], str]:
    """How keys are written. S3's url encoding writes a space as a plus sign, and a plus sign as %2B."""
    encoding = asked.get("encoding-type")
    if encoding not in (None, "url"):
        raise S3Error("InvalidArgument")
    return partial(quote_plus, safe="/") if encoding else escape


def _limit(asked: Mapping[str, str], name: str) -> int:
    text = asked.get(name, str(MOST_KEYS))
    if not text.isdecimal():
        raise S3Error("InvalidArgument")
    return min(int(text), MOST_KEYS)


def _token(last: str, stored: Stored | None) -> str:
    return base64.b64encode(f"{'key' if stored else 'folder'} {last}".encode()).decode()


def _read_token(token: str) -> tuple[bool, str]:
    """Whether the page before ended with a common prefix, and with what it ended."""
    try:
        kind, _, last = base64.b64decode(token, validate=True).decode().partition(" ")
    except ValueError:
        raise S3Error("InvalidArgument") from None
    if kind not in ("key", "folder") or not last:
        raise S3Error("InvalidArgument")
    return kind == "folder", last


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
