"""Reads a dataset's manifests, and the files that they seal, from the evidence bucket for an audit."""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from acceptance.evidence.audit import StoredEvidence, StoredFiles
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.manifest import EvidenceManifest
from acceptance.evidence.object_keys import EVIDENCE, dataset_prefix
from aws.s3.objects import list_objects, read_bytes
from flows.evidence.chain import link_numbers, read_links
from flows.threads import in_threads


def datasets_with_evidence(s3: Any, bucket: str) -> tuple[str, ...]:
    """Return the datasets that have manifests."""
    keys = (found.key.split("/") for found in list_objects(s3, bucket, "manifests/"))
    return tuple(sorted({"/".join(parts[1:-1]) for parts in keys if len(parts) > 2}))


def read_stored(s3: Any, bucket: str, dataset: str, only: Iterable[str] | None = None) -> StoredEvidence:
    """Return all manifests of the dataset, and the files of all its deliveries, or of the prefixes in `only`.

    A delivery whose files are all gone, while its manifest is there, is included without files.
    """
    links = read_links(s3, bucket, dataset, link_numbers(s3, bucket, dataset))
    if only is None:
        prefixes = _listed(s3, bucket, dataset_prefix(dataset))
        for content in links.values():
            prefixes.setdefault(_prefix_of(content, dataset), [])
    else:
        prefixes = {prefix: _listed(s3, bucket, prefix).get(prefix, []) for prefix in only}
    prefixes.pop("", None)
    kept = in_threads(lambda prefix: _kept(s3, bucket, prefix, prefixes[prefix]), prefixes)
    return StoredEvidence(dataset, links, dict(zip(prefixes, kept, strict=True)))


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
    """Return the evidence that the manifests seal, in their order. Missing or invalid files are left out."""
    listed = list(manifests)
    contents = in_threads(lambda manifest: read_bytes(s3, bucket, manifest.prefix + EVIDENCE), listed)
    found = [(manifest, _evidence(content)) for manifest, content in zip(listed, contents, strict=True)]
    return [(manifest, evidence) for manifest, evidence in found if evidence is not None]


def _evidence(content: bytes | None) -> Evidence | None:
    with suppress(ValidationError):
        return Evidence.model_validate_json(content) if content is not None else None
    return None


def _listed(s3: Any, bucket: str, prefix: str) -> dict[str, list[str]]:
    """Return the names of the files below the prefix, by their folder."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for found in list_objects(s3, bucket, prefix):
        folder, _, name = found.key.rpartition("/")
        names[folder + "/"].append(name)
    return dict(names)


def _kept(s3: Any, bucket: str, prefix: str, names: Iterable[str]) -> StoredFiles:
    files = ((name, read_bytes(s3, bucket, prefix + name)) for name in names)
    return StoredFiles.of({name: content for name, content in files if content is not None})


def _prefix_of(link: bytes, dataset: str) -> str:
    """Return the prefix of a manifest's files; empty if it is invalid, or names a prefix of another dataset."""
    try:
        prefix = EvidenceManifest.model_validate_json(link).prefix
    except ValueError:
        return ""
    return prefix if prefix.startswith(dataset_prefix(dataset)) else ""
