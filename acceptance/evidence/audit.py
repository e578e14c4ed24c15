"""The audit of a dataset's evidence: every manifest and every file is as it was sealed, and nothing was added."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from acceptance.evidence.evidence import Evidence
from acceptance.evidence.manifest import EvidenceManifest, PastDelivery, sha256_of
from acceptance.evidence.object_keys import EVIDENCE, MANIFEST, UNSEALED, chain_prefix, dataset_prefix, link_key


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """The files of one delivery: their SHA-256 by name, and the result in its evidence, or why none can be read."""

    digests: Mapping[str, str]
    result: PastDelivery | None = None
    trouble: str = ""

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> "StoredFiles":
        digests = {name: sha256_of(content) for name, content in files.items()}
        if EVIDENCE not in files:
            return cls(digests)
        try:
            return cls(digests, Evidence.model_validate_json(files[EVIDENCE]).summary)
        except ValidationError as error:
            return cls(digests, trouble=f"this is no evidence: {_first(error)}")


@dataclass(frozen=True, slots=True)
class StoredEvidence:
    """The objects of one dataset in the evidence bucket.

    `links` are the manifests' bytes by number. `files` are by the delivery's prefix; the audit says nothing about a
    delivery that is not in it.
    """

    dataset: str
    links: Mapping[int, bytes]
    files: Mapping[str, StoredFiles] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is not as it was sealed. `where` is the key or prefix, `number` the manifest's, 0 for none."""

    where: str
    message: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Audit:
    """`manifests` are those that can be read, by number. `digests` are the SHA-256 of all that are there."""

    manifests: Mapping[int, EvidenceManifest]
    digests: Mapping[int, str]
    flaws: tuple[Flaw, ...]

    @property
    def head(self) -> int:
        """The number of the last manifest, 0 without any."""
        return max(self.digests, default=0)

    @property
    def head_sha256(self) -> str | None:
        return self.digests.get(self.head)


def audit(found: StoredEvidence, noted_head: str | None = None) -> Audit:
    """Find every flaw, in the order of the chain, then the files that are in no manifest.

    `noted_head` is the SHA-256 of a manifest that somebody noted elsewhere. It must still be there: with it, even a
    chain whose end was cut off or written anew is found out.
    """
    manifests: dict[int, EvidenceManifest] = {}
    flaws: list[Flaw] = []
    for number in range(1, max(found.links, default=0) + 1):
        flaws += _flaws_of_link(found, number, manifests)
    flaws += _flaws_of_files(found, manifests)
    digests = {number: sha256_of(content) for number, content in found.links.items()}
    if noted_head is not None and noted_head not in digests.values():
        told = f"no manifest has the noted SHA-256 {noted_head}: the chain was cut or written anew"
        flaws.append(Flaw(chain_prefix(found.dataset), told))
    return Audit(manifests, digests, tuple(flaws))


def _flaws_of_link(found: StoredEvidence, number: int, manifests: dict[int, EvidenceManifest]) -> Iterator[Flaw]:
    key = link_key(found.dataset, number)
    content = found.links.get(number)
    if content is None:
        yield Flaw(key, "the manifest is missing, and there are later ones", number)
        return
    try:
        manifest = EvidenceManifest.model_validate_json(content)
    except ValidationError as error:
        yield Flaw(key, f"this is no manifest: {_first(error)}", number)
        return
    manifests[number] = manifest
    if (manifest.dataset, manifest.number) != (found.dataset, number):
        yield Flaw(key, f"it says that it is number {manifest.number} of {manifest.dataset}: it was moved here", number)
    if not manifest.prefix.startswith(dataset_prefix(found.dataset)):
        yield Flaw(key, f"it seals {manifest.prefix}, which is no delivery of {found.dataset}", number)
    before = found.links.get(number - 1)
    expected = sha256_of(before) if before is not None else None
    if manifest.previous_sha256 != expected and (before is not None or number == 1):
        yield Flaw(key, _other_predecessor(manifest.previous_sha256, expected, number), number)


def _other_predecessor(said: str | None, found: str | None, number: int) -> str:
    if number == 1:
        return f"it follows a manifest of SHA-256 {said}, and there is none before number 1"
    return (
        f"it follows a manifest of SHA-256 {said or 'none'}; number {number - 1} has {found}: one of them was changed"
    )


def _flaws_of_files(found: StoredEvidence, manifests: Mapping[int, EvidenceManifest]) -> Iterator[Flaw]:
    by_prefix: dict[str, list[EvidenceManifest]] = {}
    for _, manifest in sorted(manifests.items()):
        by_prefix.setdefault(manifest.prefix, []).append(manifest)
    for prefix, kept in found.files.items():
        if prefix in by_prefix:
            sealed = by_prefix[prefix]
            copies = [sha256_of(found.links[manifest.number]) for manifest in sealed if manifest.number in found.links]
            yield from _flaws_of_delivery(prefix, kept, sealed, copies)
        elif EVIDENCE in kept.digests or MANIFEST in kept.digests:
            yield Flaw(prefix, "there is evidence, and no manifest of the dataset names it")


def _flaws_of_delivery(
    prefix: str, kept: StoredFiles, sealed: Sequence[EvidenceManifest], copies: Sequence[str]
) -> Iterator[Flaw]:
    manifest, number = sealed[0], sealed[0].number
    for other in sealed[1:]:
        if other.files != manifest.files:  # two runs may finish what a third began: then both say the same
            yield Flaw(prefix, f"manifest {other.number} seals other files than {number}", other.number)
    for seal in manifest.files:
        digest = kept.digests.get(seal.name)
        if digest is None:
            yield Flaw(prefix + seal.name, f"the file is missing; manifest {number} names it", number)
        elif digest != seal.sha256:
            yield Flaw(prefix + seal.name, f"the file was changed: SHA-256 {digest}, sealed was {seal.sha256}", number)
    if MANIFEST not in kept.digests:
        yield Flaw(prefix + MANIFEST, f"the copy of manifest {number} is missing", number)
    elif kept.digests[MANIFEST] not in copies:
        yield Flaw(prefix + MANIFEST, f"it is not manifest {number} of the dataset", number)
    known = {seal.name for seal in manifest.files} | {MANIFEST}
    for name in sorted(kept.digests.keys() - known):
        if not UNSEALED.fullmatch(name):
            yield Flaw(prefix + name, "the file is in no manifest: it was added later", number)
    if kept.trouble:
        yield Flaw(prefix + EVIDENCE, kept.trouble, number)
    elif kept.result is not None and kept.result != manifest.result:
        yield Flaw(prefix + EVIDENCE, f"manifest {number} tells another result than this evidence", number)


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, found['loc'])) or 'the document'}: {found['msg']}"
