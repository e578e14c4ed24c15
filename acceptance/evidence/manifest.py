"""The seal of a delivery's evidence: its files' hashes, and the hash of the manifest before it of the dataset.

A dataset's manifests are numbered from 1 and each number is put once, so that two runs that end at the same time come
one after the other, and a fork cannot be. Whatever is changed afterwards no longer fits the manifest, and whatever
manifest is changed no longer fits the one after it. A key of the installation signs each manifest, so whatever is
added without that key shows too.
"""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime

from pydantic import ValidationError

from acceptance.evidence.signatures import SealKey, Signature, Trusted, signature_holds, with_signature
from acceptance.judging.judge import Verdict
from acceptance.record import Record
from acceptance.untrusted_text import json_escaped

FORMAT = "1"

MOST_BYTES = 20_000
"""A manifest has two thousand; a larger object is none. An audit holds all objects with a manifest's name in memory."""

LAST = 29
"""The deliveries before a delivery that its evidence shows: with it they are 30."""


class PastDelivery(Record):
    """`duration_s` is of the run. `rows` are those that landed, None if they could not be counted."""

    delivery_id: str
    business_date: date
    revision: int
    verdict: Verdict
    judged: datetime
    duration_s: float
    rows: int | None = None
    checks: int = 0
    failed_checks: int = 0


class FileSeal(Record):
    """A file of the evidence, by its name below the delivery's prefix."""

    name: str
    sha256: str
    size_bytes: int


class EvidenceManifest(Record):
    """`previous_sha256` is of the bytes of the dataset's manifest before this one, None for the first.

    `sealed_by` is the flow run that put it: another one than judged, if that died before it could. `signature` is
    missing in manifests of Aceite 0.1.
    """

    format: str = FORMAT
    dataset: str
    number: int
    previous_sha256: str | None
    prefix: str
    files: tuple[FileSeal, ...]
    result: PastDelivery
    sealed: datetime
    sealed_by: str
    signature: Signature | None = None

    def to_json(self) -> bytes:
        return json_escaped(self.model_dump_json(indent=2)).encode() + b"\n"

    def signed(self, key: SealKey) -> bytes:
        """Return the manifest as it is put: in JSON, signed by the key."""
        return with_signature(self.to_json(), key)


def genuine(content: bytes, trusted: Trusted, dataset: str) -> EvidenceManifest | None:
    """Return the manifest in these bytes; None unless it is the dataset's, and a trusted key signed it."""
    if len(content) > MOST_BYTES or not signature_holds(content, trusted):
        return None
    try:
        manifest = EvidenceManifest.model_validate_json(content)
    except ValidationError:
        return None
    return manifest if manifest.dataset == dataset else None


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def seals_of(files: Mapping[str, bytes]) -> tuple[FileSeal, ...]:
    """Return the seal of each file, in the order of the names."""
    return tuple(
        FileSeal(name=name, sha256=sha256_of(files[name]), size_bytes=len(files[name])) for name in sorted(files)
    )
