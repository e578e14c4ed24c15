"""The audit of a dataset's evidence: every manifest and every file is as it was sealed, and nothing was added."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import pairwise

from pydantic import ValidationError

from acceptance.evidence.evidence import Evidence
from acceptance.evidence.manifest import EvidenceManifest, PastDelivery, genuine, sha256_of
from acceptance.evidence.object_keys import (
    ASIDE,
    CLAIM,
    EVIDENCE,
    EVIDENCE_FILES,
    MANIFEST,
    chain_prefix,
    dataset_prefix,
    link_key,
)
from acceptance.evidence.signatures import Trusted

_ADDED = "the file is in no manifest: it was added later"


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """The files below one delivery's prefix, at any depth: their SHA-256 by name, and the result in its evidence.

    A file that no manifest names, or that has another size than was sealed, need not be read: its SHA-256 is then
    empty. `trouble` says why the evidence cannot be read. `in_flight`: its run put the evidence a moment ago, and may
    still seal it.
    """

    digests: Mapping[str, str]
    result: PastDelivery | None = None
    trouble: str = ""
    in_flight: bool = False

    @classmethod
    def of(cls, files: Mapping[str, bytes | None], in_flight: bool = False) -> "StoredFiles":
        """Return the stored files by their bytes, None for one that was not read."""
        digests = {name: sha256_of(content) if content is not None else "" for name, content in files.items()}
        source = files.get(EVIDENCE)
        if source is None:
            return cls(digests, in_flight=in_flight)
        try:
            return cls(digests, Evidence.model_validate_json(source).summary, in_flight=in_flight)
        except ValidationError as error:
            return cls(digests, trouble=f"this is no evidence: {_first(error)}")


@dataclass(frozen=True, slots=True)
class StoredEvidence:
    """The objects of one dataset in the evidence bucket.

    `links` are the manifests' bytes by number. `files` are by the delivery's prefix; the audit says nothing about a
    delivery that is not in it. `strange` are the keys below the dataset's prefixes that are neither.
    """

    dataset: str
    links: Mapping[int, bytes]
    files: Mapping[str, StoredFiles] = field(default_factory=dict)
    strange: Sequence[str] = ()


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
    """`manifests` are those of the chain, by number, and `digests` their SHA-256.

    Those up to the number `unsigned` have no signature of a trusted key, as in Aceite 0.1: only the chain and a noted
    head speak for them. `in_flight` is how many deliveries may still be sealed.
    """

    manifests: Mapping[int, EvidenceManifest]
    digests: Mapping[int, str]
    flaws: tuple[Flaw, ...]
    unsigned: int = 0
    in_flight: int = 0

    @property
    def head(self) -> int:
        """The number of the last manifest, 0 without any."""
        return max(self.digests, default=0)

    @property
    def head_sha256(self) -> str | None:
        return self.digests.get(self.head)

    @property
    def signed(self) -> dict[int, EvidenceManifest]:
        return {number: manifest for number, manifest in self.manifests.items() if number > self.unsigned}


class _Kind(Enum):
    SIGNED = auto()
    UNSIGNED = auto()
    UNKNOWN = auto()  # signed by a key that is not trusted
    NONE = auto()


@dataclass(frozen=True, slots=True)
class _Chain:
    """The objects with a manifest's name: of which kind each is, and why one is none. `last` is the last that counts.

    `manifests` are those of the chain: the signed ones, and those before the first of them.
    """

    kinds: Mapping[int, _Kind]
    troubles: Mapping[int, str]
    manifests: Mapping[int, EvidenceManifest]
    last: int


def audit(found: StoredEvidence, trusted: Trusted, noted_head: str | None = None) -> Audit:
    """Find every flaw, in the order of the chain, then the files that are in no manifest.

    `trusted` knows the public keys with which evidence may be sealed. `noted_head` is the SHA-256 of a manifest that
    somebody noted elsewhere. It must still be there: with it, even a chain whose end was cut off is found out. It also
    vouches for manifests up to it that nobody signed, as in Aceite 0.1: anybody could have added them.
    """
    chain = _read(found, trusted)
    manifests, noted_head = chain.manifests, noted_head.lower() if noted_head else None
    numbers = pairwise([0, *sorted(found.links)])
    flaws = [flaw for before, number in numbers for flaw in _flaws_of_link(found, chain, number, before)]
    digests = {number: sha256_of(found.links[number]) for number in manifests}
    noted = max((number for number, digest in digests.items() if digest == noted_head), default=0)
    flaws += _not_signed_here(found.dataset, chain, noted)
    flaws += _flaws_of_files(found, manifests)
    flaws += (Flaw(key, _why_strange(key)) for key in found.strange)
    if noted_head is not None and not noted:
        told = f"no manifest has the noted SHA-256 {noted_head}: the chain was cut or written anew"
        flaws.append(Flaw(chain_prefix(found.dataset), told))
    unsigned = max((number for number in manifests if chain.kinds[number] is not _Kind.SIGNED), default=0)
    return Audit(manifests, digests, tuple(flaws), unsigned, sum(kept.in_flight for kept in found.files.values()))


def _read(found: StoredEvidence, trusted: Trusted) -> _Chain:
    read: dict[int, EvidenceManifest] = {}
    kinds: dict[int, _Kind] = {}
    troubles: dict[int, str] = {}
    for number, content in sorted(found.links.items()):
        try:
            manifest = EvidenceManifest.model_validate_json(content)
        except ValidationError as error:
            kinds[number], troubles[number] = _Kind.NONE, f"this is no manifest: {_first(error)}"
            continue
        if (manifest.dataset, manifest.number) != (found.dataset, number):
            kinds[number] = _Kind.NONE
            troubles[number] = f"it says that it is number {manifest.number} of {manifest.dataset}: it was moved here"
            continue
        kinds[number], troubles[number] = _signed(content, manifest, trusted)
        if kinds[number] is not _Kind.NONE:
            read[number] = manifest
    signed = [number for number, kind in kinds.items() if kind is _Kind.SIGNED]
    # Without any signature, only a number that follows closely counts: nobody removed more than half of the manifests.
    last = max(signed) if signed else max((number for number in read if number <= 2 * len(kinds)), default=0)
    first = min(signed, default=last + 1)
    counted = {number: each for number, each in read.items() if kinds[number] is _Kind.SIGNED or number < first}
    return _Chain(kinds, troubles, counted, last)


def _signed(content: bytes, manifest: EvidenceManifest, trusted: Trusted) -> tuple[_Kind, str]:
    if manifest.signature is None:
        return _Kind.UNSIGNED, "no key signed it"
    if genuine(content, trusted, manifest.dataset) is not None:
        return _Kind.SIGNED, ""
    if trusted(manifest.signature.key_id) is not None:
        return _Kind.NONE, "its signature is not of these bytes: they were changed"
    return _Kind.UNKNOWN, f"the key {manifest.signature.key_id[:64]} signed it, which is not trusted here"


def _flaws_of_link(found: StoredEvidence, chain: _Chain, number: int, before: int) -> Iterator[Flaw]:
    """Yield what is wrong with the object of this number; `before` is the number before it that there is."""
    key, manifest = link_key(found.dataset, number), chain.manifests.get(number)
    if number > chain.last:
        yield Flaw(key, f"{chain.troubles[number]}, and it is beyond number {chain.last}, the last one: added", number)
        return
    if before < number - 1:
        yield _missing(found.dataset, before + 1, number - 1)
    if manifest is None:
        yield Flaw(key, chain.troubles[number], number)
        return
    if not manifest.prefix.startswith(dataset_prefix(found.dataset)):
        yield Flaw(key, f"it seals {manifest.prefix}, which is no delivery of {found.dataset}", number)
    content = found.links.get(number - 1)
    expected = sha256_of(content) if content is not None else None
    if manifest.previous_sha256 != expected and (content is not None or number == 1):
        yield Flaw(key, _other_predecessor(manifest.previous_sha256, expected, number), number)


def _missing(dataset: str, first: int, last: int) -> Flaw:
    if first == last:
        return Flaw(link_key(dataset, first), "the manifest is missing, and there are later ones", first)
    return Flaw(
        link_key(dataset, first),
        f"the manifests from here to number {last} are missing, and there are later ones",
        first,
    )


def _not_signed_here(dataset: str, chain: _Chain, noted: int) -> Iterator[Flaw]:
    """Yield a flaw for the manifests of the chain that no key signed, and one for each key that is not trusted here."""
    by_trouble: dict[str, list[int]] = {}
    for number in chain.manifests:
        kind = chain.kinds[number]
        if kind is _Kind.UNKNOWN or (kind is _Kind.UNSIGNED and number > noted):
            by_trouble.setdefault(chain.troubles[number], []).append(number)
    for trouble, numbers in by_trouble.items():
        told = f"{trouble} (as {len(numbers) - 1} others up to {max(numbers)})" if len(numbers) > 1 else trouble
        remedy = "if it is a key of this installation, give its public part with --public-key"
        if chain.kinds[numbers[0]] is _Kind.UNSIGNED:
            remedy = "if Aceite 0.1 sealed it, give the SHA-256 that you noted of the last such one with --noted-head"
        yield Flaw(link_key(dataset, min(numbers)), f"{told}; {remedy}", min(numbers))


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
            continue
        names = kept.digests.keys() - {CLAIM}
        if names & {EVIDENCE, MANIFEST} and not kept.in_flight:
            yield Flaw(prefix, "there is evidence, and no manifest of the dataset names it")
        if names & {EVIDENCE, MANIFEST}:
            names -= EVIDENCE_FILES
        yield from (Flaw(prefix + name, _why_strange(name)) for name in sorted(names))


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
            has = f"SHA-256 {digest}" if digest else "it has another size"
            yield Flaw(prefix + seal.name, f"the file was changed: {has}, sealed was {seal.sha256}", number)
    if MANIFEST not in kept.digests:
        yield Flaw(prefix + MANIFEST, f"the copy of manifest {number} is missing", number)
    elif kept.digests[MANIFEST] not in copies:
        yield Flaw(prefix + MANIFEST, f"it is not manifest {number} of the dataset", number)
    known = {seal.name for seal in manifest.files} | {MANIFEST, CLAIM}
    for name in sorted(kept.digests.keys() - known):
        yield Flaw(prefix + name, _why_strange(name), number)
    if kept.trouble:
        yield Flaw(prefix + EVIDENCE, kept.trouble, number)
    elif kept.result is not None and kept.result != manifest.result:
        yield Flaw(prefix + EVIDENCE, f"manifest {number} tells another result than this evidence", number)


def _why_strange(key: str) -> str:
    aside = ASIDE.fullmatch(key.rpartition("/")[2])
    if aside:
        return f"somebody else put it in the place of {aside['name']}; a run set it aside"
    return _ADDED


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, found['loc'])) or 'the document'}: {found['msg']}"
