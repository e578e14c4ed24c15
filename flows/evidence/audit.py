"""Reads a dataset's manifests, and the files that they seal, from the evidence bucket for an audit."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from acceptance.deliveries.delivery import LandingObject
from acceptance.errors import UnexpectedObject
from acceptance.evidence.audit import StoredEvidence, StoredFiles
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.manifest import MOST_BYTES, EvidenceManifest, sha256_of
from acceptance.evidence.object_keys import (
    EVIDENCE,
    MANIFEST,
    chain_prefix,
    dataset_prefix,
    delivery_in,
    link_number,
)
from acceptance.evidence.signatures import Trusted, metadata_holds
from aws.s3.objects import list_objects, read_bytes, read_object
from flows.evidence.chain import read_links
from flows.threads import in_threads

IN_FLIGHT = timedelta(hours=1)
"""How long a run, or another in its place, may take from the evidence to its seal."""

Listed = Mapping[str, LandingObject]
"""The objects below a delivery's prefix, by the rest of their key."""


def datasets_with_evidence(s3: Any, bucket: str) -> tuple[str, ...]:
    """Return the datasets that have manifests."""
    keys = (found.key.split("/") for found in list_objects(s3, bucket, "manifests/"))
    return tuple(sorted({"/".join(parts[1:-1]) for parts in keys if len(parts) > 2}))


def read_stored(
    s3: Any, bucket: str, dataset: str, trusted: Trusted, only: Iterable[str] | None = None
) -> StoredEvidence:
    """Return all manifests of the dataset, and the files of all its deliveries, or of the prefixes in `only`.

    Everything below the dataset's prefixes is listed, at any depth. Only what a manifest names is read, if it has the
    size that was sealed. A delivery whose files are all gone, while its manifest is there, is included without files.
    """
    files: defaultdict[str, dict[str, LandingObject]] = defaultdict(dict)
    strange: list[str] = []
    # First the files: what is sealed meanwhile is then in a manifest.
    for place in [dataset_prefix(dataset)] if only is None else only:
        for found in list_objects(s3, bucket, place):
            prefix = delivery_in(dataset, found.key)
            if prefix is None:
                strange.append(found.key)
            else:
                files[prefix][found.key.removeprefix(prefix)] = found
    links = list(list_objects(s3, bucket, chain_prefix(dataset)))
    numbers = {link_number(dataset, found.key): found for found in links}
    strange += (found.key for found in links if link_number(dataset, found.key) is None)
    contents = read_links(s3, bucket, dataset, sorted(number for number in numbers if number is not None))
    sealed = _sealed(contents.values(), dataset)
    for prefix in sealed if only is None else only:
        files[prefix]  # a delivery whose files are all gone
    now = datetime.now(UTC)

    def read(prefix: str) -> StoredFiles:
        if prefix in sealed:
            return _kept(s3, bucket, prefix, files[prefix], sealed[prefix])
        in_flight = _is_in_flight(s3, bucket, prefix, files[prefix], trusted, now)
        return StoredFiles.of(dict.fromkeys(files[prefix]), in_flight)

    kept = in_threads(read, files)
    return StoredEvidence(dataset, contents, dict(zip(files, kept, strict=True)), strange if only is None else ())


def prefix_of_delivery(s3: Any, bucket: str, delivery_id: str) -> str | None:
    """Return the prefix of the delivery with this id, of any dataset; None if the bucket holds no evidence of it."""
    for found in list_objects(s3, bucket, "deliveries/"):
        if found.key.endswith(f"/{delivery_id}/{EVIDENCE}"):
            return found.key.removesuffix(EVIDENCE)
    return None


def dataset_of_prefix(prefix: str) -> str:
    """Return the dataset of deliveries/<dataset>/<business date>/<delivery>/."""
    return "/".join(prefix.rstrip("/").split("/")[1:-2])


def read_evidence(
    s3: Any, bucket: str, manifests: Iterable[EvidenceManifest]
) -> list[tuple[EvidenceManifest, Evidence]]:
    """Return the evidence that is as the manifests sealed it, in their order."""
    listed = list(manifests)
    found = in_threads(lambda manifest: as_sealed(s3, bucket, manifest), listed)
    return [(manifest, evidence) for manifest, evidence in zip(listed, found, strict=True) if evidence is not None]


def as_sealed(s3: Any, bucket: str, seal: EvidenceManifest) -> Evidence | None:
    """Return the evidence that a manifest seals; None if it is gone, or is not as it was sealed."""
    digests = {file.name: file.sha256 for file in seal.files}
    with suppress(UnexpectedObject, ValidationError):
        content = read_bytes(s3, bucket, seal.prefix + EVIDENCE)
        if content is not None and sha256_of(content) == digests.get(EVIDENCE):
            return Evidence.model_validate_json(content)
    return None


def _sealed(links: Iterable[bytes], dataset: str) -> dict[str, list[EvidenceManifest]]:
    """Return the manifests by the prefix of their files, but none that names a prefix of another dataset."""
    sealed: defaultdict[str, list[EvidenceManifest]] = defaultdict(list)
    for content in links:
        with suppress(ValidationError):
            manifest = EvidenceManifest.model_validate_json(content)
            if delivery_in(dataset, manifest.prefix) == manifest.prefix:
                sealed[manifest.prefix].append(manifest)
    return dict(sealed)


def _kept(s3: Any, bucket: str, prefix: str, files: Listed, sealed: Iterable[EvidenceManifest]) -> StoredFiles:
    sizes = {(seal.name, seal.size_bytes) for manifest in sealed for seal in manifest.files}
    contents: dict[str, bytes | None] = {}
    for name, found in files.items():
        wanted = (name, found.size) in sizes or (name == MANIFEST and found.size <= MOST_BYTES)
        contents[name] = read_bytes(s3, bucket, prefix + name) if wanted else None
    return StoredFiles.of(contents)


def _is_in_flight(s3: Any, bucket: str, prefix: str, files: Listed, trusted: Trusted, now: datetime) -> bool:
    """Return True if a run of the installation put evidence a moment ago, and nothing else was put beside it."""
    evidence = files.get(EVIDENCE)
    if evidence is None or MANIFEST in files or now - evidence.last_modified > IN_FLIGHT:
        return False
    with suppress(UnexpectedObject):
        found = read_object(s3, bucket, prefix + EVIDENCE)
        return found is not None and metadata_holds(prefix + EVIDENCE, found.content, found.metadata, trusted)
    return False
