"""Puts this installation's objects into the evidence bucket, also where somebody else put something before.

A foreign object is neither believed nor lost: it is copied aside, and ours takes its place. So nobody who may only put
objects can keep a delivery from its verdict, or a dataset from its next manifest.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from acceptance.errors import StepFailed, UnexpectedObject
from acceptance.evidence.object_keys import aside_key
from aws.s3.objects import StoredObject, etag_of, read_object
from aws.s3.writes import copy_version, put_once, replace_if

_ATTEMPTS = 20
"""How often somebody else may be faster between two of our requests."""


@dataclass
class OwnObjects:
    """`foreign` are the sentences that tell what else was found; `locking` are the arguments that lock an object."""

    s3: Any
    bucket: str
    locking: Mapping[str, Any]
    foreign: list[str] = field(default_factory=list)

    def put(
        self,
        key: str,
        body: bytes,
        content_type: str,
        is_ours: Callable[[StoredObject], bool] = lambda _: False,
        *,
        metadata: Mapping[str, str] | None = None,
        instead: Callable[[str], tuple[bytes, Mapping[str, str]]] | None = None,
    ) -> StoredObject | None:
        """Put the object, unless one of ours is there already: then return it.

        Equal bytes are ours. A foreign object is set aside and replaced: by `instead`, which is told about it, or by
        the same body.

        Raises:
            StepFailed: S3 refuses, or somebody else was faster every time.
        """
        metadata = metadata or {}
        for _ in range(_ATTEMPTS):
            if put_once(self.s3, self.bucket, key, body, content_type, locking=self.locking, metadata=metadata):
                return None
            found = self._found(key)
            if found is not None and (found.content == body or is_ours(found)):
                return found
            etag = found.etag if found is not None else etag_of(self.s3, self.bucket, key)
            if etag is None:
                continue  # it is gone again
            sentence = self._set_aside(key, etag)
            if instead is not None:
                body, metadata = instead(sentence)
            if replace_if(self.s3, self.bucket, key, body, etag, content_type, locking=self.locking, metadata=metadata):
                self.foreign.append(sentence)
                return None
        raise StepFailed(
            f"put s3://{self.bucket}/{key}: somebody else replaced it {_ATTEMPTS} times meanwhile; find out who writes "
            "to the evidence bucket"
        )

    def _found(self, key: str) -> StoredObject | None:
        try:
            return read_object(self.s3, self.bucket, key)
        except UnexpectedObject:  # it is too large to be ours
            return None

    def _set_aside(self, key: str, etag: str) -> str:
        to = aside_key(key, etag)
        try:
            copy_version(self.s3, self.bucket, key, etag, to, self.locking)
            kept = f"it is kept as {to.rpartition('/')[2]}"
        except StepFailed as error:  # S3 copies 5 GB at most
            kept = f"it could not be kept: {error}"
        return f"s3://{self.bucket}/{key} (etag {etag}) was not put by this installation, and was replaced; {kept}"
