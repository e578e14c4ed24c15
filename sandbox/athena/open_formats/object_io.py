"""Gives pyiceberg the objects of the sandbox's S3 as files, without a request."""

import io
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import S3Backend, s3_backends
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

from sandbox.athena.values import AthenaError


class Objects(FileIO):
    """All objects of the sandbox. Whoever uses it asks before what the caller may do."""

    def new_input(self, location: str) -> InputFile:
        return _Held(location)

    def new_output(self, location: str) -> OutputFile:
        return _New(location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        _s3().delete_object(*_place(location if isinstance(location, str) else location.location))


def content_of(uri: str) -> bytes:
    """Return the bytes of an object of the sandbox's S3. Raise AthenaError if it is gone."""
    item = _s3().get_object(*_place(uri))
    if item is None:
        raise AthenaError(f"ICEBERG_MISSING_METADATA: {uri} does not exist")
    return bytes(item.value)


class _Held(InputFile):
    def __len__(self) -> int:
        return len(content_of(self.location))

    def exists(self) -> bool:
        return bool(_s3().get_object(*_place(self.location)) is not None)

    def open(self, seekable: bool = True) -> InputStream:
        return io.BytesIO(content_of(self.location))


class _New(OutputFile):
    def __len__(self) -> int:
        return len(content_of(self.location))

    def exists(self) -> bool:
        return bool(self.to_input_file().exists())

    def to_input_file(self) -> InputFile:
        return _Held(self.location)

    def create(self, overwrite: bool = False) -> OutputStream:
        if not overwrite and self.exists():
            raise FileExistsError(self.location)
        return _Upload(self.location)


class _Upload(io.BytesIO):
    """The bytes become an object when they are closed, unless what wrote them failed."""

    def __init__(self, location: str) -> None:
        super().__init__()
        self._location, self._failed = location, False

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._failed = kind is not None
        self.close()

    def close(self) -> None:
        if not self.closed and not self._failed:
            _s3().put_object(*_place(self._location), self.getvalue())
        super().close()


def _s3() -> S3Backend:
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def _place(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.partition("://")[2].partition("/")
    return bucket, key
