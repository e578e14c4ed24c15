"""Evidence that was changed, removed, added or moved after it was sealed is found, wherever that was done."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from evidence_builder import accepted, at, rejected
from sealing import MemoryKey

from acceptance.evidence.audit import Audit, StoredEvidence, StoredFiles, audit
from acceptance.evidence.manifest import EvidenceManifest, seals_of, sha256_of
from acceptance.evidence.object_keys import MANIFEST, aside_key, chain_prefix, evidence_prefix, link_key
from acceptance.evidence.signatures import trusting

DATASET = "nycflights-flights"
OURS, EARLIER, STRANGE = MemoryKey(), MemoryKey(), MemoryKey()
TRUSTED = trusting(OURS.public, EARLIER.public)


@dataclass
class Bucket:
    """What the evidence bucket holds of one dataset, as bytes that a test may do anything to."""

    links: dict[int, bytes] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)

    def audit(self, noted_head: str | None = None) -> Audit:
        kept = {prefix: StoredFiles.of(files) for prefix, files in self.files.items()}
        return audit(StoredEvidence(DATASET, self.links, kept, self.strange), TRUSTED, noted_head)

    @property
    def flaws(self) -> list[str]:
        return [str(flaw) for flaw in self.audit().flaws]

    def prefix(self, number: int) -> str:
        return list(self.files)[number - 1]

    def add(self, key: MemoryKey | None = OURS) -> None:
        """Judges and seals one more delivery."""
        number = max(self.links, default=0) + 1
        day, made = date(2013, 1, 1) + timedelta(days=number), rejected() if number == 2 else accepted()
        delivery = made.delivery.model_copy(update={"id": f"{number:020x}", "business_date": day})
        evidence = made.model_copy(update={"delivery": delivery})
        prefix = evidence_prefix(DATASET, day, delivery.id)
        page, junit = f"<p>page {number}".encode(), f"<testsuites id='{number}'/>".encode()
        files = {"evidence.json": evidence.to_json(), "evidence.html": page, "junit.xml": junit}
        manifest = EvidenceManifest(
            dataset=DATASET,
            number=number,
            previous_sha256=sha256_of(self.links[max(self.links)]) if self.links else None,
            prefix=prefix,
            files=seals_of(files),
            result=evidence.summary,
            sealed=at(number),
            sealed_by=evidence.run.flow_run_id,
        )
        content = manifest.signed(key) if key else as_in_0_1(manifest)
        self.links[number] = content
        self.files[prefix] = {**files, MANIFEST: content, "claim.json": b"{}"}


def as_in_0_1(manifest: EvidenceManifest) -> bytes:
    """The manifest as Aceite 0.1 wrote it, which is also how somebody without a key can write it."""
    return manifest.model_dump_json(indent=2, exclude={"signature"}).encode() + b"\n"


@pytest.fixture
def bucket() -> Bucket:
    made = Bucket()
    for _ in range(4):
        made.add()
    return made


def test_evidence_that_nobody_touched_is_as_it_was_sealed(bucket: Bucket) -> None:
    done = bucket.audit()
    assert (done.flaws, len(done.manifests), done.head) == ((), 4, 4)
    assert done.head_sha256 == sha256_of(bucket.links[4])


def test_no_evidence_at_all_has_no_flaw_and_no_head() -> None:
    assert (Bucket().flaws, Bucket().audit().head_sha256) == ([], None)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ["evidence.json", "evidence.html", "junit.xml", MANIFEST])
@pytest.mark.parametrize("deed", ["change", "remove", "swap"])
def test_each_file_of_each_delivery_is_missed_when_it_is_changed_removed_or_swapped(
    bucket: Bucket, number: int, name: str, deed: str
) -> None:
    files, other = bucket.files[bucket.prefix(number)], bucket.files[bucket.prefix(number % 4 + 1)]
    if deed == "change":
        files[name] = files[name].replace(b"e", b"E", 1) + b" "
    elif deed == "remove":
        del files[name]
    else:
        other[name], files[name] = files[name], other[name]
    assert any(flaw.startswith(bucket.prefix(number) + name) for flaw in bucket.flaws), bucket.flaws


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_changed_manifest_does_not_fit_its_signature_and_not_the_one_after_it(bucket: Bucket, number: int) -> None:
    bucket.links[number] = bucket.links[number].replace(b'"rows": 842', b'"rows": 843')
    flaws = bucket.flaws
    assert any(flaw.startswith(f"{link_key(DATASET, number)}: its signature is not of these bytes") for flaw in flaws)
    assert f"{bucket.prefix(number)}: there is evidence, and no manifest of the dataset names it" in flaws
    assert any(flaw.startswith(link_key(DATASET, number + 1)) for flaw in flaws) == (number < 4)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_removed_manifest_leaves_a_gap(bucket: Bucket, number: int) -> None:
    del bucket.links[number]
    assert f"{link_key(DATASET, number)}: the manifest is missing, and there are later ones" in bucket.flaws


def test_the_last_manifest_removed_leaves_evidence_that_none_names(bucket: Bucket) -> None:
    del bucket.links[4]
    assert bucket.flaws == [f"{bucket.prefix(4)}: there is evidence, and no manifest of the dataset names it"]


@pytest.mark.parametrize(("one", "other"), [(1, 2), (2, 3), (3, 4), (1, 4)])
def test_manifests_in_another_order_are_found(bucket: Bucket, one: int, other: int) -> None:
    bucket.links[one], bucket.links[other] = bucket.links[other], bucket.links[one]
    flaws = bucket.flaws
    for number in (one, other):
        assert any(flaw.startswith(link_key(DATASET, number)) and "moved here" in flaw for flaw in flaws)


def test_a_delivery_removed_with_all_its_files_is_missed(bucket: Bucket) -> None:
    bucket.files[bucket.prefix(2)] = {}
    assert len(bucket.flaws) == 4


def test_a_file_that_was_put_beside_later_is_found_however_deep_and_wherever_it_is(bucket: Bucket) -> None:
    beside = bucket.prefix(3)
    names = ("approval.pdf", "attachments/approval.html", "override-0123456789ab.json")
    bucket.files[beside] |= dict.fromkeys(names, b"x")
    bucket.strange += [f"deliveries/{DATASET}/note.txt", f"{chain_prefix(DATASET)}README"]
    added = [*(beside + name for name in names), *bucket.strange]
    assert bucket.flaws == [f"{key}: the file is in no manifest: it was added later" for key in added]


def test_what_a_run_set_aside_is_told_as_somebody_elses(bucket: Bucket) -> None:
    bucket.strange.append(aside_key(link_key(DATASET, 4), "0123abcd"))
    (flaw,) = bucket.flaws
    assert flaw.endswith("somebody else put it in the place of 000000004.json; a run set it aside")


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (None, "no key signed it, and it is beyond number 4, the last one: added"),
        (STRANGE, f"the key {STRANGE.public.id} signed it, which is not trusted here, and it is beyond number 4"),
    ],
)
def test_a_delivery_that_never_was_is_found_when_it_was_sealed_without_the_key(
    bucket: Bucket, key: MemoryKey | None, told: str
) -> None:
    bucket.add(key)
    flaws = bucket.flaws
    assert flaws[0].startswith(f"{link_key(DATASET, 5)}: {told}")
    assert flaws[1] == f"{bucket.prefix(5)}: there is evidence, and no manifest of the dataset names it"
    assert bucket.audit().head == 4
    bucket.add()
    assert any(flaw.startswith(f"{link_key(DATASET, 5)}: {told.partition(', and')[0]}") for flaw in bucket.flaws)


def test_a_number_far_beyond_the_last_is_told_and_not_followed(bucket: Bucket) -> None:
    bucket.links[999_999_999] = b"{}"
    (flaw,) = bucket.flaws
    assert flaw.startswith(f"{link_key(DATASET, 999_999_999)}: this is no manifest")
    assert flaw.endswith("it is beyond number 4, the last one: added")


def test_many_missing_manifests_are_one_flaw(bucket: Bucket) -> None:
    for number in (2, 3):
        del bucket.links[number]
    told = "the manifests from here to number 3 are missing, and there are later ones"
    assert bucket.flaws[0] == f"{link_key(DATASET, 2)}: {told}"


def test_a_chain_that_began_without_signatures_needs_a_noted_head_and_none_may_follow_a_signed_one() -> None:
    bucket = Bucket()
    for key in (None, None, EARLIER, OURS):
        bucket.add(key)
    for number in (2, 3, 4):
        assert bucket.audit(sha256_of(bucket.links[number])).flaws == ()
    assert (bucket.audit().unsigned, list(bucket.audit().signed)) == (2, [3, 4])
    bucket.add(None)
    bucket.add()
    assert f"{link_key(DATASET, 5)}: no key signed it" in bucket.flaws


def test_manifests_that_somebody_puts_before_anybody_sealed_are_one_flaw() -> None:
    """Nothing tells them from those of Aceite 0.1, but that nobody noted their head. Our own seal does not vouch."""
    bucket = Bucket()
    for key in (None, None):
        bucket.add(key)
    told = f"{link_key(DATASET, 1)}: no key signed it (as 1 others up to 2); if Aceite 0.1 sealed it, give the SHA-256"
    for _ in range(2):
        (flaw,) = bucket.flaws
        assert flaw.startswith(told)
        bucket.add(OURS)
    (flaw,) = bucket.audit(sha256_of(bucket.links[1])).flaws
    assert flaw.where == link_key(DATASET, 2)


def test_manifests_that_an_unknown_key_signed_are_one_flaw_that_names_the_key() -> None:
    bucket = Bucket()
    for _ in range(3):
        bucket.add(STRANGE)
    bucket.add()
    (flaw,) = bucket.flaws
    assert flaw.startswith(f"{link_key(DATASET, 1)}: the key {STRANGE.public.id} signed it")
    assert "(as 2 others up to 3)" in flaw
    assert list(bucket.audit().signed) == [4]


def test_a_member_that_is_there_twice_is_not_signed(bucket: Bucket) -> None:
    """Two readers could see different values."""
    twice = bucket.links[4].replace(b'"format"', b'"number": 9,\n  "format"', 1)
    bucket.links[4] = bucket.files[bucket.prefix(4)][MANIFEST] = twice
    assert any("its signature is not of these bytes" in flaw for flaw in bucket.flaws)


def test_evidence_and_manifest_made_anew_together_do_not_fit_what_follows(bucket: Bucket) -> None:
    """Somebody who has the key turns a rejection into an acceptance, and seals it again as carefully as can be."""
    files = bucket.files[bucket.prefix(2)]
    manifest = EvidenceManifest.model_validate_json(bucket.links[2])
    forged = accepted().model_copy(update={"delivery": rejected().delivery})
    files["evidence.json"] = forged.to_json()
    sealed = {name: content for name, content in files.items() if name not in (MANIFEST, "claim.json")}
    changed = manifest.model_copy(update={"files": seals_of(sealed), "result": forged.summary})
    bucket.links[2] = files[MANIFEST] = changed.signed(OURS)
    (flaw,) = bucket.flaws
    assert flaw.startswith(link_key(DATASET, 3))
    assert sha256_of(bucket.links[2]) in flaw


def test_a_manifest_that_tells_another_result_than_its_evidence_is_found(bucket: Bucket) -> None:
    files = bucket.files[bucket.prefix(4)]
    manifest = EvidenceManifest.model_validate_json(bucket.links[4])
    bucket.links[4] = files[MANIFEST] = manifest.model_copy(
        update={"result": manifest.result.model_copy(update={"rows": 1})}
    ).signed(OURS)
    assert bucket.flaws == [f"{bucket.prefix(4)}evidence.json: manifest 4 tells another result than this evidence"]


@pytest.mark.parametrize(
    "cut", [lambda bucket: bucket.links.pop(4), lambda bucket: bucket.links.update({4: bucket.links[4] + b"\n"})]
)
def test_a_noted_head_finds_even_a_chain_that_was_cut_or_ends_otherwise(
    bucket: Bucket, cut: Callable[[Bucket], object]
) -> None:
    noted = sha256_of(bucket.links[4])
    assert bucket.audit(noted).flaws == ()
    cut(bucket)
    bucket.files.popitem()  # and the delivery with it
    assert [flaw.message for flaw in bucket.audit(noted).flaws if noted in flaw.message]


@pytest.mark.parametrize("content", [b"", b"{}", b"no JSON", b'{"format": "1"}'])
def test_what_is_no_manifest_or_no_evidence_is_a_flaw_and_no_crash(bucket: Bucket, content: bytes) -> None:
    bucket.links[2] = content
    bucket.files[bucket.prefix(3)]["evidence.json"] = content
    flaws = bucket.flaws
    assert any(flaw.startswith(f"{link_key(DATASET, 2)}: this is no manifest") for flaw in flaws)
    assert any(flaw.startswith(f"{bucket.prefix(3)}evidence.json: this is no evidence") for flaw in flaws)


def test_a_manifest_that_seals_another_datasets_files_is_found(bucket: Bucket) -> None:
    moved = EvidenceManifest.model_validate_json(bucket.links[4]).model_copy(update={"prefix": "deliveries/other/x/y/"})
    bucket.links[4] = moved.signed(OURS)
    assert any("which is no delivery of nycflights-flights" in flaw for flaw in bucket.flaws)


def test_two_runs_that_both_finished_what_a_third_began_are_no_flaw_unless_they_disagree(bucket: Bucket) -> None:
    last = EvidenceManifest.model_validate_json(bucket.links[4])
    again = last.model_copy(update={"number": 5, "previous_sha256": sha256_of(bucket.links[4])})
    bucket.links[5] = again.signed(OURS)
    assert bucket.flaws == []
    bucket.links[5] = again.model_copy(update={"files": last.files[1:]}).signed(OURS)
    assert bucket.flaws == [f"{bucket.prefix(4)}: manifest 5 seals other files than 4"]
