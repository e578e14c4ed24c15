"""What a bucket holds, as values: objects whose LastModified a test sets, and uploads in parts.

As in S3, an object that was uploaded in parts has the time at which its upload was started. Keys are listed in the
order of their UTF-8 bytes, which for Python's text is the order of code points, and a page costs as much as it holds.
"""

import hashlib
import itertools
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """Without a body, `size` bytes of nothing in particular."""

    body: bytes | None
    size: int
    etag: str
    last_modified: datetime


@dataclass(frozen=True, slots=True, order=True)
class Upload:
    """Ids are in the order of initiation, as S3 lists the uploads of a key."""

    key: str
    id: str
    initiated: datetime


class ListedBucket:
    """Any thread may call any method. LastModified is now, unless it is said."""

    def __init__(self, name: str = "landing") -> None:
        self.name = name
        self._stored: dict[str, Stored] = {}
        self._keys: list[str] = []
        self._uploads: list[Upload] = []
        self._numbers = itertools.count(1)
        self._changing = threading.RLock()

    def put(
        self,
        key: str,
        body: bytes = b"",
        *,
        size: int | None = None,
        etag: str | None = None,
        last_modified: datetime | None = None,
    ) -> Stored:
        """Creates or replaces an object. With a size instead of a body, each call makes other bytes of that size."""
        with self._changing:
            stored = self._made(body, size, etag, last_modified)
            if key not in self._stored:
                insort(self._keys, key)
            self._stored[key] = stored
            return stored

    def bulk(self, keys: Iterable[str], body: bytes = b"0123456789", last_modified: datetime | None = None) -> None:
        """Creates or replaces many objects with the same bytes: they take hardly more memory than their keys."""
        with self._changing:
            self._stored.update(dict.fromkeys(keys, self._made(body, None, None, last_modified)))
            self._keys = sorted(self._stored)

    def delete(self, key: str) -> None:
        with self._changing:
            del self._stored[key]
            del self._keys[bisect_left(self._keys, key)]

    def start_upload(self, key: str, at: datetime) -> str:
        """Starts an upload in parts, which no listing of objects shows until it is complete. Returns its id."""
        with self._changing:
            upload = Upload(
                key, f"{at.astimezone(UTC):%Y%m%dT%H%M%S}-{next(self._numbers):06d}", at.replace(microsecond=0)
            )
            insort(self._uploads, upload)
            return upload.id

    def complete_upload(
        self, key: str, body: bytes = b"", *, size: int | None = None, etag: str | None = None
    ) -> Stored:
        """Ends the upload of the key that was started first. The object is as old as its upload."""
        with self._changing:
            upload = self.abort_upload(key)
            tag = etag or f"{self._made(body, size, None, upload.initiated).etag}-1"
            return self.put(key, body, size=size, etag=tag, last_modified=upload.initiated)

    def abort_upload(self, key: str) -> Upload:
        """Forgets the upload of the key that was started first."""
        with self._changing:
            upload = next((upload for upload in self._uploads if upload.key == key), None)
            if upload is None:
                raise KeyError(f"no upload of {key!r} is in progress")
            self._uploads.remove(upload)
            return upload

    @property
    def objects(self) -> Mapping[str, Stored]:
        """What is there now, by key."""
        with self._changing:
            return dict(self._stored)

    def uploads(self, prefix: str = "") -> list[Upload]:
        """Those in progress, by key and then by age."""
        with self._changing:
            return [upload for upload in self._uploads if upload.key.startswith(prefix)]

    def get(self, key: str) -> Stored | None:
        return self._stored.get(key)

    def page(
        self, prefix: str, delimiter: str, after: str, limit: int, behind_folder: bool = False
    ) -> tuple[list[tuple[str, Stored | None]], bool]:
        """Keys with their objects, common prefixes with None, in order; and whether there are more behind them.

        They begin after the key `after`, or, `behind_folder`, after everything that begins with it.
        """
        found: list[tuple[str, Stored | None]] = []
        with self._changing:
            passed = self._behind(after) if behind_folder else bisect_right(self._keys, after)
            place = max(bisect_left(self._keys, prefix), passed)
            while place < len(self._keys) and self._keys[place].startswith(prefix):
                if len(found) == limit:
                    return found, True
                key = self._keys[place]
                end = key.find(delimiter, len(prefix)) if delimiter else -1
                if end < 0:
                    found.append((key, self._stored[key]))
                    place += 1
                else:
                    folder = key[: end + len(delimiter)]
                    found.append((folder, None))
                    place = self._behind(folder)
        return found, False

    def _behind(self, folder: str) -> int:
        """The place of the first key after all that begin with a text."""
        return bisect_left(self._keys, folder[:-1] + chr(ord(folder[-1]) + 1))

    def _made(self, body: bytes, size: int | None, etag: str | None, last_modified: datetime | None) -> Stored:
        content = body if size is None else f"bytes number {next(self._numbers)}".encode()
        tag = etag or hashlib.md5(content, usedforsecurity=False).hexdigest()
        of_bytes = (body, len(body)) if size is None else (None, size)
        return Stored(*of_bytes, tag, (last_modified or datetime.now(UTC)).replace(microsecond=0))  # as S3 keeps it
