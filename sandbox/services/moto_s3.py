"""moto's S3 with sorted keys, which make a listing fast, and with atomic conditional writes."""

import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from moto.s3 import urls
from moto.s3.exceptions import PreconditionFailed
from moto.s3.models import FakeDeleteMarker, FakeKey, S3Backend
from moto.s3.responses import S3Response
from moto.s3.utils import _VersionedKeyStore

LAST = "\U0010ffff"
"""The greatest character: a name with it appended sorts after every key with this name as prefix."""


class OrderedKeys(_VersionedKeyStore):
    """moto's store of a bucket, with a list of its keys in the order in which S3 lists them."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []
        self._changing = threading.RLock()

    def __setitem__(self, key: str, value: Any) -> None:
        _compute_etag(value)
        with self._changing:
            self._insert(key)
            super().__setitem__(key, value)

    def setlist(self, key: str, list_: Any) -> None:
        for value in list_:
            _compute_etag(value)
        with self._changing:
            self._insert(key)
            super().setlist(key, list_)

    def pop(self, key: str) -> None:
        with self._changing:
            super().pop(key)
            del self.order[bisect_left(self.order, key)]

    def _insert(self, key: str) -> None:
        if key not in self:
            insort(self.order, key)


def _compute_etag(value: Any) -> None:
    """Let moto compute the etag before others see the object: when two ask for it, each reads a part of the file."""
    if isinstance(value, FakeKey):
        _ = value.etag


class OrderedS3(S3Backend):
    def create_bucket(self, *args: Any, **kwargs: Any) -> Any:
        bucket = super().create_bucket(*args, **kwargs)
        bucket.keys = OrderedKeys()
        return bucket

    def list_objects(self, bucket: Any, prefix: Any, delimiter: Any, marker: Any, max_keys: Any) -> Any:
        entries, more = page(bucket.keys, prefix or "", delimiter, marker or "", max_keys)
        keys = [entry for entry in entries if isinstance(entry, FakeKey)]
        prefixes = [entry for entry in entries if isinstance(entry, str)]
        return keys, prefixes, more, _name(entries[-1]) if more else None

    @property
    def _url_module(self) -> Any:
        paths = {path: getattr(OrderedResponse, handler.__name__) for path, handler in urls.url_paths.items()}
        return SimpleNamespace(url_bases=urls.url_bases, url_paths=paths)


class OrderedResponse(S3Response):
    _writing = threading.RLock()

    def put_object(self) -> Any:
        # For a conditional write moto checks the key and then writes; no other request may write in between.
        with self._writing:
            return super().put_object()

    def copy_object(self) -> Any:
        """Copy an object if it has the etag that the request names, a condition that moto does not look at."""
        wanted = self.headers.get("x-amz-copy-source-if-match")
        if wanted is not None:
            source = urlsplit(self.headers["x-amz-copy-source"])
            bucket, _, key = unquote(source.path).lstrip("/").partition("/")
            version = parse_qs(source.query).get("versionId", [None])[0]
            found = self.backend.get_object(bucket, key, version_id=version)
            if found is not None and wanted.strip('"') != found.etag.strip('"'):
                raise PreconditionFailed("x-amz-copy-source-If-Match")
        return super().copy_object()

    def list_objects_v2(self) -> Any:
        """Answer with text that is written here; moto's serializer takes four times as long for a page."""
        bucket, query = self.backend.get_bucket(self.bucket_name), self._get_querystring(self.request, self.uri)
        prefix, delimiter, token, start, encoding = (
            query.get(name, [""])[0]
            for name in ("prefix", "delimiter", "continuation-token", "start-after", "encoding-type")
        )
        limit = int(query.get("max-keys", ["1000"])[0])
        entries, more = page(bucket.keys, prefix, delimiter, token or start, limit)
        write = quote if encoding == "url" else escape
        facts = {"Name": bucket.name, "Prefix": write(prefix), "MaxKeys": limit, "KeyCount": len(entries)}
        facts |= {"IsTruncated": str(more).lower(), "EncodingType": encoding, "Delimiter": write(delimiter)}
        facts |= {"StartAfter": write(start), "NextContinuationToken": escape(_name(entries[-1])) if more else ""}
        head = "".join(f"<{name}>{value}</{name}>" for name, value in facts.items() if value != "")
        body = "".join(_listed(entry, write) for entry in entries)
        namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
        text = f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult {namespace}>{head}{body}</ListBucketResult>'
        return 200, {"Content-Type": "application/xml"}, text


def page(
    keys: OrderedKeys, prefix: str, delimiter: str | None, after: str, limit: int | None
) -> tuple[list[Any], bool]:
    """Return the objects and common prefixes (as texts) after `after` in order, and True if there are more."""
    order, entries = keys.order.copy(), list[Any]()  # a copy, because other threads write meanwhile
    if delimiter and after != prefix and after.startswith(prefix) and after.endswith(delimiter):
        after += LAST  # everything below a common prefix has been listed with it
    place = max(bisect_left(order, prefix), bisect_right(order, after))
    while place < len(order) and order[place].startswith(prefix):
        name = order[place]
        cut = name.find(delimiter, len(prefix)) if delimiter else -1
        entry = name[: cut + len(delimiter or "")] if cut >= 0 else keys.get(name)
        place = bisect_left(order, entry + LAST, place) if cut >= 0 else place + 1
        if entry is None or isinstance(entry, FakeDeleteMarker):
            continue
        if len(entries) == limit:
            return entries, bool(entries)
        entries.append(entry)
    return entries, False


def _listed(entry: Any, write: Callable[[str], str]) -> str:
    if isinstance(entry, str):
        return f"<CommonPrefixes><Prefix>{write(entry)}</Prefix></CommonPrefixes>"
    return (
        f"<Contents><Key>{write(entry.name)}</Key><LastModified>{entry.last_modified_ISO8601}</LastModified>"
        f"<ETag>{escape(entry.etag)}</ETag><Size>{entry.size}</Size><StorageClass>{entry.storage_class}</StorageClass></Contents>"
    )


def _name(entry: Any) -> str:
    return entry if isinstance(entry, str) else entry.name
