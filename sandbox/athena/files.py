"""Gives DuckDB access to objects in S3 as files."""

import bz2
import io
from datetime import datetime
from typing import Any

from fsspec import AbstractFileSystem
from moto.s3.models import FakeKey

_UNPACKED_BY_DUCKDB = (".gz", ".zst")


class ObjectFiles(AbstractFileSystem):
    """The objects that one query may read, as a file system of DuckDB. It counts the bytes that are read."""

    protocol = "objects"
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self._objects: dict[str, FakeKey] = {}
        self.uris: dict[str, str] = {}
        self.read_bytes = 0
        self.cancelled = False

    def add(self, path: str, uri: str, item: FakeKey) -> str:
        """Make the object readable at `path`, and return the URL that DuckDB opens."""
        if not path.lower().endswith(_UNPACKED_BY_DUCKDB):
            path += ".plain"  # by the ending of a name DuckDB refuses packings that it does not read
        self._objects[path] = item
        self.uris[f"objects://{path}"] = uri
        return f"objects://{path}"

    def glob(self, path: str, **_: Any) -> list[str]:
        path = self._strip_protocol(path)
        return [path] if path in self._objects else []

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        return {"name": path, "size": len(self._content(path)), "type": "file"}

    def modified(self, path: str) -> datetime:
        modified: datetime = self._objects[self._strip_protocol(path)].last_modified
        return modified

    def _open(self, path: str, mode: str = "rb", **_: Any) -> "_CountedBytes":
        return _CountedBytes(self, self._content(path))

    def _content(self, path: str) -> bytes:
        """Return the object's bytes. DuckDB unpacks those of .gz and .zst itself."""
        item = self._objects[self._strip_protocol(path)]
        content: bytes = item.value
        return bz2.decompress(content) if item.name.lower().endswith(".bz2") else content


class _CountedBytes(io.BytesIO):
    def __init__(self, files: ObjectFiles, content: bytes) -> None:
        super().__init__(content)
        self.size, self._files = len(content), files

    def read(self, size: int | None = -1) -> bytes:
        if self._files.cancelled:
            raise OSError("the query was cancelled")
        content = super().read(size)
        self._files.read_bytes += len(content)
        return content
