"""A dataset's chain of manifests in the evidence bucket. Each number is put once, so the chain never forks.

Only a manifest that a trusted key signed belongs to the chain. So signatures tell where it ends, and not the largest
number: what somebody else put at a number is replaced when its turn comes, and what is far beyond is not followed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from threading import Lock
from typing import Any

from pydantic import ValidationError

from acceptance.errors import StepFailed, UnexpectedObject
from acceptance.evidence.manifest import LAST, MOST_BYTES, EvidenceManifest, FileSeal, PastDelivery, genuine, sha256_of
from acceptance.evidence.object_keys import LARGEST_NUMBER, MANIFEST, chain_prefix, link_key, link_number
from aws.calls import aws_call
from aws.s3.objects import StoredObject, list_objects, listed_object, read_bytes
from flows.evidence.own_objects import OwnObjects
from flows.installation.seal_keys import SealKeys, seal_keys
from flows.threads import in_threads

_PAGE = 1000  # S3's limit
_ATTEMPTS = 100
"""How often another run of the dataset may take the number that this run wants."""
_FAR = 1000
"""A larger gap between two numbers is none that removed manifests left."""
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Link:
    """A manifest of the chain by its number. `manifest` is None if no key signed it, as in Aceite 0.1."""

    number: int
    content: bytes
    manifest: EvidenceManifest | None


def link_numbers(s3: Any, bucket: str, dataset: str) -> list[int]:
    """Return the numbers of all objects that have a manifest's name, ascending."""
    keys = (found.key for found in list_objects(s3, bucket, chain_prefix(dataset)))
    return [number for key in keys if (number := link_number(dataset, key)) is not None]


def last_number(s3: Any, bucket: str, dataset: str, page: int = _PAGE) -> int:
    """Return the largest number, 0 without any. The end of a long chain is found in leaps, not by listing it.

    A number after a gap is not found if somebody put a whole page of other names into the gap.
    """
    found, is_all = _after(s3, bucket, dataset, 0, page)
    last, leap = max(found, default=0), page
    while not is_all:
        found, is_end = _after(s3, bucket, dataset, last + leap, page)
        if found:
            last, leap = found[-1], 2 * leap
        elif leap:
            leap = leap // 2 if leap >= 2 * page else 0
        elif not is_end and listed_object(s3, bucket, link_key(dataset, last + 1)):  # other names fill the page
            last, leap = last + 1, page
        else:
            break
    return last


def _after(s3: Any, bucket: str, dataset: str, number: int, page: int) -> tuple[list[int], bool]:
    """Return the numbers of the first page after this number, and whether that page is the last."""
    if number >= LARGEST_NUMBER:
        return [], True
    prefix = chain_prefix(dataset)
    with aws_call(f"list s3://{bucket}/{prefix}"):
        answer = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, StartAfter=link_key(dataset, number), MaxKeys=page)
    keys = (item["Key"] for item in answer.get("Contents", ()))
    return [found for key in keys if (found := link_number(dataset, key)) is not None], not answer["IsTruncated"]


def read_links(s3: Any, bucket: str, dataset: str, numbers: Sequence[int]) -> dict[int, bytes]:
    """Return the manifests' bytes by number: of one that is too large none, and one that vanished is left out."""

    def read(number: int) -> bytes | None:
        try:
            return read_bytes(s3, bucket, link_key(dataset, number), MOST_BYTES)
        except UnexpectedObject:
            return b""

    found = zip(numbers, in_threads(read, numbers), strict=True)
    return {number: content for number, content in found if content is not None}


class Chain:
    """A dataset's chain. It caches what it read, so that many deliveries are sealed after one reading.

    Threads may share it, and other runs may add to the chain meanwhile.
    """

    def __init__(self, s3: Any, bucket: str, dataset: str, keys: SealKeys | None = None) -> None:
        self._s3, self._bucket, self._dataset = s3, bucket, dataset
        self._keys = keys or seal_keys()
        self._last: list[Link] | None = None
        self._lock = Lock()

    def judged_before(self, last: int = LAST) -> tuple[PastDelivery, ...]:
        """Return the last judged deliveries of the dataset, the oldest first. Only what a trusted key sealed counts.

        Raises:
            StepFailed: the evidence bucket does not answer.
        """
        with self._lock:
            return tuple(link.manifest.result for link in self._links() if link.manifest is not None)[-last:]

    def seal(
        self,
        prefix: str,
        files: Sequence[FileSeal],
        result: PastDelivery,
        by: str,
        now: Callable[[], datetime],
        own: OwnObjects,
    ) -> EvidenceManifest:
        """Put the delivery's manifest at the end of the chain, then a copy of it beside the files.

        The copy is put last: a delivery that has it is sealed. If a run died in between, the delivery is in the chain
        without a copy; it gets the copy and no second manifest.

        Raises:
            StepFailed: S3 refuses, the key does not sign, or another run was faster every time.
        """

        def is_same(found: StoredObject) -> bool:
            """Return True if another run sealed the delivery at the same time."""
            manifest = genuine(found.content, self._keys.trusted, self._dataset)
            return manifest is not None and manifest.prefix == prefix

        with self._lock:
            manifest, content = self._link(prefix, files, result, by, now, own)
        own.put(prefix + MANIFEST, content, _JSON, is_same)
        return manifest

    def _link(
        self,
        prefix: str,
        files: Sequence[FileSeal],
        result: PastDelivery,
        by: str,
        now: Callable[[], datetime],
        own: OwnObjects,
    ) -> tuple[EvidenceManifest, bytes]:
        for _ in range(_ATTEMPTS):
            links = self._links()
            for earlier in links:
                if earlier.manifest is not None and earlier.manifest.prefix == prefix:
                    return earlier.manifest, earlier.content
            manifest = EvidenceManifest(
                dataset=self._dataset,
                number=links[-1].number + 1 if links else 1,
                previous_sha256=sha256_of(links[-1].content) if links else None,
                prefix=prefix,
                files=tuple(files),
                result=result,
                sealed=now(),
                sealed_by=by,
            )
            content = manifest.signed(self._keys.signing())
            taken = own.put(
                link_key(self._dataset, manifest.number), content, _JSON, self._is_numbered(manifest.number)
            )
            if taken is None or taken.content == content:
                self._last = [*links, Link(manifest.number, content, manifest)][-LAST:]
                return manifest, content
            self._last = self._read_last(self._end_after(manifest.number))
        raise StepFailed(
            f"seal s3://{self._bucket}/{prefix}: {_ATTEMPTS} times another run took the next number; run it again"
        )

    def _links(self) -> list[Link]:
        """Return the last manifests, ascending."""
        if self._last is None:
            largest = last_number(self._s3, self._bucket, self._dataset)
            links = self._read_last(largest) if largest else []
            if largest and not (links and links[-1].manifest):
                links = self._read_last(self._find_end())
            self._last = links
        return self._last

    def _read_last(self, end: int) -> list[Link]:
        """Return the chain's manifests up to its end, which may be one that no key signed."""
        numbers = range(max(1, end - LAST + 1), end + 1)
        contents = read_links(self._s3, self._bucket, self._dataset, numbers)
        links = [Link(number, content, self._genuine(number, content)) for number, content in contents.items()]
        return [link for link in links if link.manifest is not None or link.number == end]

    def _find_end(self) -> int:
        """Return the number of the last manifest, 0 without any, where the object of the largest number is none."""
        if self._is_ours(1):
            return self._end_after(1)
        numbers = _dense(link_numbers(self._s3, self._bucket, self._dataset))
        return self._last_of(numbers, self._genuine) or self._last_of(numbers, self._unsigned)

    def _end_after(self, ours: int) -> int:
        """Return the last number up to which all are ours, from one that is: in leaps forward, then by halves."""
        leap = 1
        while self._is_ours(ours + leap):
            ours, leap = ours + leap, 2 * leap
        while leap > 1:
            leap //= 2
            if self._is_ours(ours + leap):
                ours += leap
        return ours

    def _last_of(self, numbers: Sequence[int], accepts: Callable[[int, bytes], object]) -> int:
        for start in range(len(numbers), 0, -LAST):
            some = read_links(self._s3, self._bucket, self._dataset, numbers[max(0, start - LAST) : start])
            accepted = [number for number, content in some.items() if accepts(number, content)]
            if accepted:
                return max(accepted)
        return 0

    def _is_ours(self, number: int) -> bool:
        content = read_links(self._s3, self._bucket, self._dataset, [number]).get(number)
        return content is not None and self._genuine(number, content) is not None

    def _is_numbered(self, number: int) -> Callable[[StoredObject], bool]:
        return lambda found: self._genuine(number, found.content) is not None

    def _genuine(self, number: int, content: bytes) -> EvidenceManifest | None:
        manifest = genuine(content, self._keys.trusted, self._dataset)
        return manifest if manifest is not None and manifest.number == number else None

    def _unsigned(self, number: int, content: bytes) -> bool:
        """Return True for a manifest as Aceite 0.1 put it. Nothing tells it from one that somebody else put."""
        try:
            manifest = EvidenceManifest.model_validate_json(content)
        except ValidationError:
            return False
        return manifest.signature is None and (manifest.dataset, manifest.number) == (self._dataset, number)


def _dense(numbers: Sequence[int]) -> list[int]:
    """Return the numbers up to the first large gap."""
    for place, (earlier, later) in enumerate(pairwise([0, *numbers])):
        if later - earlier > _FAR:
            return list(numbers[:place])
    return list(numbers)
