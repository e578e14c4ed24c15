"""A dataset's manifests in the evidence bucket: each number is put once, so there is one chain and never two."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from acceptance.errors import StepFailed
from acceptance.evidence_keys import MANIFEST, chain_prefix, link_key, link_number
from acceptance.history import LAST, PastDelivery
from acceptance.seal import EvidenceManifest, FileSeal, sha256_of
from aws.conditional import put_once
from aws.s3 import list_objects, read_bytes

_AT_ONCE = 8
_ATTEMPTS = 100
"""Runs of one dataset that may be faster than this one at the same number, one after the other."""


def link_numbers(s3: Any, bucket: str, dataset: str) -> list[int]:
    """The numbers of the manifests that are there, ascending."""
    keys = (found.key for found in list_objects(s3, bucket, chain_prefix(dataset)))
    return [number for key in keys if (number := link_number(dataset, key)) is not None]


def read_links(s3: Any, bucket: str, dataset: str, numbers: Sequence[int]) -> dict[int, bytes]:
    """The manifests' bytes by number; one that vanished meanwhile is left out."""

    def read(number: int) -> bytes | None:
        return read_bytes(s3, bucket, link_key(dataset, number))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = zip(numbers, pool.map(read, numbers), strict=True)
        return {number: content for number, content in found if content is not None}


def judged_before(s3: Any, bucket: str, dataset: str, last: int = LAST) -> tuple[PastDelivery, ...]:
    """The last deliveries of the dataset that were judged, the oldest first; a manifest that is none is left out.

    Raises:
        StepFailed: the evidence bucket does not answer.
    """
    return tuple(manifest.result for manifest, _ in _last_manifests(s3, bucket, dataset, last))


def seal(
    s3: Any,
    bucket: str,
    *,
    dataset: str,
    prefix: str,
    files: Sequence[FileSeal],
    result: PastDelivery,
    by: str,
    now: Callable[[], datetime],
    locking: Mapping[str, Any],
) -> EvidenceManifest:
    """Puts the delivery's manifest at the end of the dataset's chain, then a copy beside the files.

    The copy is the last thing that is put: a delivery that has it is sealed. One that is in the chain and has none
    is of a run that died in between; it gets the copy and no second manifest.

    Raises:
        StepFailed: S3 refuses, or always another run was faster.
    """
    for earlier, content in _last_manifests(s3, bucket, dataset, LAST):
        if earlier.prefix == prefix:
            put_once(s3, bucket, prefix + MANIFEST, content, "application/json", locking=locking)
            return earlier
    for _ in range(_ATTEMPTS):
        number, before = _head(s3, bucket, dataset)
        manifest = EvidenceManifest(
            dataset=dataset,
            number=number + 1,
            previous_sha256=sha256_of(before) if before is not None else None,
            prefix=prefix,
            files=tuple(files),
            result=result,
            sealed=now(),
            sealed_by=by,
        )
        key, content = link_key(dataset, manifest.number), manifest.to_json()
        if put_once(s3, bucket, key, content, "application/json", locking=locking):
            put_once(s3, bucket, prefix + MANIFEST, content, "application/json", locking=locking)
            return manifest
    raise StepFailed(f"seal s3://{bucket}/{prefix}: {_ATTEMPTS} times another run took the next number; run it again")


def _head(s3: Any, bucket: str, dataset: str) -> tuple[int, bytes | None]:
    """The last manifest's number and bytes; 0 if there is none."""
    number = max(link_numbers(s3, bucket, dataset), default=0)
    return number, read_bytes(s3, bucket, link_key(dataset, number)) if number else None


def _last_manifests(s3: Any, bucket: str, dataset: str, last: int) -> list[tuple[EvidenceManifest, bytes]]:
    numbers = link_numbers(s3, bucket, dataset)[-last:]
    manifests = []
    for _, content in sorted(read_links(s3, bucket, dataset, numbers).items()):
        try:
            manifests.append((EvidenceManifest.model_validate_json(content), content))
        except ValidationError:  # `aceite evidence verify` tells; here it must not cost a verdict
            continue
    return manifests
