"""A dataset's chain of manifests in the evidence bucket. Each number is put once, so the chain never forks."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import Any

from pydantic import ValidationError

from acceptance.errors import StepFailed
from acceptance.evidence.manifest import LAST, EvidenceManifest, FileSeal, PastDelivery, sha256_of
from acceptance.evidence.object_keys import MANIFEST, chain_prefix, link_key, link_number
from aws.calls import aws_call
from aws.s3.objects import list_objects, read_bytes
from aws.s3.writes import put_once
from flows.threads import in_threads

_PAGE = 1000  # S3's limit
_ATTEMPTS = 100
"""How often another run of the dataset may take the number that this run wants."""


def link_numbers(s3: Any, bucket: str, dataset: str) -> list[int]:
    """Return the numbers of all manifests, ascending."""
    keys = (found.key for found in list_objects(s3, bucket, chain_prefix(dataset)))
    return [number for key in keys if (number := link_number(dataset, key)) is not None]


def last_numbers(s3: Any, bucket: str, dataset: str, most: int, page: int = _PAGE) -> list[int]:
    """Return the last `most` numbers, ascending. The end of a long chain is found in leaps, not by listing it."""
    found, is_all = _after(s3, bucket, dataset, 0, page)
    if is_all:
        return found[-most:]
    last, leap = max(found, default=0), page
    while True:
        found, _ = _after(s3, bucket, dataset, last + leap, page)
        if found:
            last, leap = found[-1], 2 * leap
        elif not leap:
            break
        else:
            leap = leap // 2 if leap >= 2 * page else 0
    numbers, _ = _after(s3, bucket, dataset, max(0, last - most), page)
    whole = len(numbers) >= most  # False if a manifest was removed
    return (numbers if whole else link_numbers(s3, bucket, dataset))[-most:]


def _after(s3: Any, bucket: str, dataset: str, number: int, page: int) -> tuple[list[int], bool]:
    """Return the numbers of the first page after this number, and whether that page is the last."""
    prefix = chain_prefix(dataset)
    with aws_call(f"list s3://{bucket}/{prefix}"):
        answer = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, StartAfter=link_key(dataset, number), MaxKeys=page)
    keys = (item["Key"] for item in answer.get("Contents", ()))
    return [found for key in keys if (found := link_number(dataset, key)) is not None], not answer["IsTruncated"]


def read_links(s3: Any, bucket: str, dataset: str, numbers: Sequence[int]) -> dict[int, bytes]:
    """Return the manifests' bytes by number. One that vanished meanwhile is left out."""

    def read(number: int) -> bytes | None:
        return read_bytes(s3, bucket, link_key(dataset, number))

    found = zip(numbers, in_threads(read, numbers), strict=True)
    return {number: content for number, content in found if content is not None}


class Chain:
    """A dataset's chain. It caches what it read, so that many deliveries are sealed after one reading.

    Threads may share it, and other runs may add to the chain meanwhile.
    """

    def __init__(self, s3: Any, bucket: str, dataset: str) -> None:
        self._s3, self._bucket, self._dataset = s3, bucket, dataset
        self._last: dict[int, bytes] | None = None
        self._lock = Lock()

    def judged_before(self, last: int = LAST) -> tuple[PastDelivery, ...]:
        """Return the last judged deliveries of the dataset, the oldest first. Invalid manifests are left out.

        Raises:
            StepFailed: the evidence bucket does not answer.
        """
        with self._lock:
            return tuple(manifest.result for manifest in _manifests(self._links()).values())[-last:]

    def seal(
        self,
        prefix: str,
        files: Sequence[FileSeal],
        result: PastDelivery,
        by: str,
        now: Callable[[], datetime],
        locking: Mapping[str, Any],
    ) -> EvidenceManifest:
        """Put the delivery's manifest at the end of the chain, then a copy of it beside the files.

        The copy is put last: a delivery that has it is sealed. If a run died in between, the delivery is in the chain
        without a copy; it gets the copy and no second manifest.

        Raises:
            StepFailed: S3 refuses, or another run was faster every time.
        """
        with self._lock:
            manifest, content = self._link(prefix, files, result, by, now, locking)
        put_once(self._s3, self._bucket, prefix + MANIFEST, content, "application/json", locking=locking)
        return manifest

    def _link(
        self,
        prefix: str,
        files: Sequence[FileSeal],
        result: PastDelivery,
        by: str,
        now: Callable[[], datetime],
        locking: Mapping[str, Any],
    ) -> tuple[EvidenceManifest, bytes]:
        for _ in range(_ATTEMPTS):
            links = self._links()
            for number, earlier in _manifests(links).items():
                if earlier.prefix == prefix:
                    return earlier, links[number]
            number = max(links, default=0)
            manifest = EvidenceManifest(
                dataset=self._dataset,
                number=number + 1,
                previous_sha256=sha256_of(links[number]) if links else None,
                prefix=prefix,
                files=tuple(files),
                result=result,
                sealed=now(),
                sealed_by=by,
            )
            key, content = link_key(self._dataset, manifest.number), manifest.to_json()
            if put_once(self._s3, self._bucket, key, content, "application/json", locking=locking):
                self._last = dict(sorted({**links, manifest.number: content}.items())[-LAST:])
                return manifest, content
            self._last = None  # another run took the number, so the cached end is old
        raise StepFailed(
            f"seal s3://{self._bucket}/{prefix}: {_ATTEMPTS} times another run took the next number; run it again"
        )

    def _links(self) -> dict[int, bytes]:
        """Return the last manifests' bytes by number, ascending."""
        if self._last is None:
            numbers = last_numbers(self._s3, self._bucket, self._dataset, LAST)
            self._last = dict(sorted(read_links(self._s3, self._bucket, self._dataset, numbers).items()))
        return self._last


def _manifests(links: Mapping[int, bytes]) -> dict[int, EvidenceManifest]:
    manifests = {}
    for number, content in links.items():
        try:
            manifests[number] = EvidenceManifest.model_validate_json(content)
        except ValidationError:  # `aceite evidence verify` reports it; here it must not cost a verdict
            continue
    return manifests
