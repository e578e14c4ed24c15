"""Somebody who may put objects into the evidence bucket, and has no key, makes no verdict and stops no dataset."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from evidence_builder import accepted, rejected
from sealed_bucket import DATASET, Aceite, Bucket, delivery, of
from sealing import MemoryKey

from acceptance.evidence.evidence import Evidence
from acceptance.evidence.manifest import EvidenceManifest, seals_of, sha256_of
from acceptance.evidence.object_keys import chain_prefix, dataset_prefix, link_key
from acceptance.evidence.signatures import signed_metadata
from acceptance.judging.judge import Verdict
from cli.doctor.looks.findings import LookOutcome
from cli.doctor.looks.seals import last_seals
from flows.evidence.audit import read_stored
from flows.evidence.chain import Chain, link_numbers
from flows.evidence.files import evidence_files, finish_abandoned, has_evidence, put_evidence
from flows.evidence.verdicts import CHANGED, StandingVerdicts, read_verdict
from flows.installation.seal_keys import SealKeys, seal_keys

STRANGE = MemoryKey()


def forge(bucket: Bucket, number: int, *, link: int, key: MemoryKey | None = None) -> None:
    """Put an accepted delivery as carefully as somebody can who has no key, or one that is not the installation's."""
    files = evidence_files(of(number, accepted).to_json())
    before = bucket.s3.list_objects_v2(Bucket=bucket.name, Prefix=link_key(DATASET, link - 1)).get("Contents")
    manifest = EvidenceManifest(
        dataset=DATASET,
        number=link,
        previous_sha256=sha256_of(bucket.read(link_key(DATASET, link - 1))) if before else None,
        prefix=bucket.key(number, ""),
        files=seals_of(files),
        result=of(number, accepted).summary,
        sealed=of(number).run.ended,
        sealed_by="forged",
    )
    seal = manifest.signed(key) if key else manifest.to_json()
    for name, content in (files | {"manifest.json": seal}).items():
        metadata = signed_metadata(bucket.key(number, name), content, key) if key else {}
        bucket.s3.put_object(Bucket=bucket.name, Key=bucket.key(number, name), Body=content, Metadata=metadata)
    bucket.s3.put_object(Bucket=bucket.name, Key=link_key(DATASET, link), Body=seal)


def judge(bucket: Bucket, number: int) -> tuple[Evidence | None, tuple[str, ...]]:
    """Do what a run does that rejects the delivery."""
    return put_evidence(bucket.s3, bucket.name, delivery(number), of(number, rejected))


@pytest.mark.parametrize("key", [None, STRANGE])
@pytest.mark.parametrize("before", [0, 2])
def test_evidence_that_was_put_before_the_run_is_not_believed_and_the_run_tells_it(
    bucket: Bucket, key: MemoryKey | None, before: int
) -> None:
    for number in range(before):
        bucket.put(number)
    forge(bucket, 5, link=before + 1, key=key)
    assert read_verdict(bucket.s3, bucket.name, delivery(5)) is None
    assert StandingVerdicts(bucket.s3, bucket.name)([delivery(5)]) == {}
    assert not has_evidence(bucket.s3, bucket.name, delivery(5))
    assert finish_abandoned(bucket.s3, bucket.name, delivery(5), "another run", lambda _: True) is None

    stands, told = judge(bucket, 5)
    assert stands is not None
    assert (stands.verdict, "was not put by this installation" in stands.reason) == (Verdict.REJECTED, True)
    verdict = read_verdict(bucket.s3, bucket.name, delivery(5))
    assert verdict is not None
    assert (verdict.verdict, verdict.reason) == (Verdict.REJECTED, stands.reason)
    assert Chain(bucket.s3, bucket.name, DATASET).judged_before()[-1].verdict is Verdict.REJECTED
    assert b"was not put by this installation" in bucket.read(bucket.key(5, "evidence.html"))
    kept = {sentence.rpartition(" ")[2] for sentence in told}
    aside = [flaw for flaw in bucket.flaws() if "a run set it aside" in flaw]
    assert aside
    assert all(any(name in flaw for name in kept) for flaw in aside), "nothing is lost, and verify names it"


def test_verify_says_so_while_a_forged_delivery_stands(bucket: Bucket, aceite: Aceite) -> None:
    bucket.put(1)
    forge(bucket, 5, link=2)
    flaws = bucket.flaws()
    assert flaws[0].startswith(f"{link_key(DATASET, 2)}: no key signed it, and it is beyond number 1")
    assert flaws[1] == f"{bucket.key(5, '')}: there is evidence, and no manifest of the dataset names it"
    assert aceite("report", DATASET, "-o", "-").out.count("forged") == 0
    judge(bucket, 2)
    assert [past.delivery_id for past in Chain(bucket.s3, bucket.name, DATASET).judged_before()] == [
        delivery(1).id,
        delivery(2).id,
    ]


@pytest.mark.parametrize("name", ["evidence.json", "evidence.html", "junit.xml", "openlineage.json", "manifest.json"])
def test_one_file_that_was_put_before_the_run_is_replaced(bucket: Bucket, name: str) -> None:
    bucket.s3.put_object(Bucket=bucket.name, Key=bucket.key(1, name), Body=b"<h1>approved by the CFO</h1>")
    stands, told = judge(bucket, 1)
    assert stands is not None
    assert len(told) == 1
    assert f"/{name} (etag" in told[0]
    assert b"CFO" not in bucket.read(bucket.key(1, name))
    (flaw,) = bucket.flaws()
    assert flaw.endswith(f"somebody else put it in the place of {name}; a run set it aside")
    key = flaw.partition(":")[0]
    assert bucket.read(key) == b"<h1>approved by the CFO</h1>"


def test_evidence_of_one_delivery_is_not_that_of_another(bucket: Bucket) -> None:
    """A signature is for one place: genuine evidence that somebody copies is foreign there."""
    bucket.put(1)
    for name in ("evidence.json", "manifest.json"):
        source = {"Bucket": bucket.name, "Key": bucket.key(1, name)}
        bucket.s3.copy_object(Bucket=bucket.name, Key=bucket.key(2, name), CopySource=source)
    assert not has_evidence(bucket.s3, bucket.name, delivery(2))
    assert read_verdict(bucket.s3, bucket.name, delivery(2)) is None
    assert judge(bucket, 2)[0] is not None


def far_beyond(bucket: Bucket, put: Callable[[str], None]) -> None:
    put("999999999.json")


def at_the_next_numbers(bucket: Bucket, put: Callable[[str], None]) -> None:
    for number in (4, 5, 6, 8):
        put(f"{number:09}.json")


def before_the_first(bucket: Bucket, put: Callable[[str], None]) -> None:
    for name in (
        "000000000.json",
        "0.json",
        "1.json",
        "-1.json",
        "٠٠٠٠٠٠٠٠٤.json",
        "000000004.json.bak",
        "x/000000004.json",
    ):
        put(name)


def a_page_of_other_names(bucket: Bucket, put: Callable[[str], None]) -> None:
    for number in range(1001):
        put(f"000000001.json-{number:04}")


def too_large(bucket: Bucket, put: Callable[[str], None]) -> None:
    bucket.s3.put_object(Bucket=bucket.name, Key=link_key(DATASET, 4), Body=bytes(2_000_000))


@pytest.mark.parametrize("deed", [far_beyond, at_the_next_numbers, before_the_first, a_page_of_other_names, too_large])
@pytest.mark.parametrize("content", [b"{}", b"genuine"])
def test_what_somebody_puts_among_the_manifests_is_told_and_stops_no_dataset(
    bucket: Bucket, deed: Callable[..., None], content: bytes
) -> None:
    for number in (1, 2, 3):
        bucket.put(number)
    body = bucket.read(link_key(DATASET, 3)) if content == b"genuine" else content
    deed(bucket, lambda name: bucket.s3.put_object(Bucket=bucket.name, Key=chain_prefix(DATASET) + name, Body=body))
    assert bucket.flaws(), "it is told"
    with ThreadPoolExecutor(2) as pool:
        judged = list(pool.map(lambda number: judge(bucket, number)[0], (4, 5, 6)))
    assert None not in judged
    audit = bucket.audit()
    assert list(audit.manifests) == [1, 2, 3, 4, 5, 6]
    assert audit.head == 6
    assert all("a run set it aside" in str(flaw) or "added" in str(flaw) for flaw in audit.flaws)
    assert audit.flaws


def test_a_number_far_beyond_the_last_stops_no_dataset_that_nobody_sealed_yet(bucket: Bucket) -> None:
    for number in (1, 2, 999_999_999):
        bucket.s3.put_object(Bucket=bucket.name, Key=link_key(DATASET, number), Body=b"{}")
    assert judge(bucket, 1)[0] is not None
    assert judge(bucket, 2)[0] is not None
    assert list(bucket.audit().manifests) == [1, 2]


def test_an_audit_reads_no_object_that_is_too_large_for_a_manifest(bucket: Bucket) -> None:
    """It holds all of them in memory, and anybody who may put objects chooses how many there are."""
    bucket.put(1)
    for number in range(2, 12):
        bucket.s3.put_object(Bucket=bucket.name, Key=link_key(DATASET, number), Body=b" " * 20_001)
    found = read_stored(bucket.s3, bucket.name, DATASET, seal_keys().trusted)
    assert {len(content) for number, content in found.links.items() if number > 1} == {0}
    assert len(bucket.flaws()) == 10


def test_a_chain_of_aceite_0_1_goes_on_after_its_last_number(bucket: Bucket) -> None:
    unsigned = b""
    for number in (1, 2):
        bucket.put(number)
        manifest = EvidenceManifest.model_validate_json(bucket.read(link_key(DATASET, number)))
        earlier = manifest.model_copy(update={"previous_sha256": sha256_of(unsigned) if unsigned else None})
        unsigned = earlier.model_dump_json(indent=2, exclude={"signature"}).encode()
        for key in (link_key(DATASET, number), bucket.key(number, "manifest.json")):
            bucket.s3.put_object(Bucket=bucket.name, Key=key, Body=unsigned)
    bucket.s3.put_object(Bucket=bucket.name, Key=link_key(DATASET, 999_999_999), Body=unsigned)
    bucket.put(3)
    audit = bucket.audit()
    assert (list(audit.signed), audit.unsigned) == ([3], 2)
    assert [flaw.number for flaw in audit.flaws] == [999_999_999, 1]
    assert link_numbers(bucket.s3, bucket.name, DATASET) == [1, 2, 3, 999_999_999]


@pytest.mark.parametrize("deed", ["change", "remove"])
def test_a_verdict_stands_though_its_evidence_is_changed_or_removed_afterwards(bucket: Bucket, deed: str) -> None:
    bucket.put(1, of(1, rejected))
    key = bucket.key(1, "evidence.json")
    if deed == "change":
        bucket.s3.put_object(Bucket=bucket.name, Key=key, Body=of(1, accepted).to_json())
    else:
        bucket.s3.delete_object(Bucket=bucket.name, Key=key)
    verdict = read_verdict(bucket.s3, bucket.name, delivery(1))
    assert verdict is not None
    assert (verdict.verdict, verdict.reason) == (Verdict.REJECTED, CHANGED)
    assert has_evidence(bucket.s3, bucket.name, delivery(1))
    assert put_evidence(bucket.s3, bucket.name, delivery(1), of(1, accepted))[0] is None


def test_verify_names_every_file_below_the_datasets_prefixes_and_reads_none_that_no_manifest_names(
    bucket: Bucket, aceite: Aceite
) -> None:
    bucket.put(1)
    added = [
        bucket.key(1, "attachments/approval.html"),
        bucket.key(1, "override-0123456789ab.json"),
        f"{dataset_prefix(DATASET)}2026-04-01/evidence.html",
        f"{dataset_prefix(DATASET)}note.txt",
        f"{chain_prefix(DATASET)}000000001.json.bak",
        f"{chain_prefix(DATASET)}README",
    ]
    for key in added:
        bucket.s3.put_object(Bucket=bucket.name, Key=key, Body=b"<h1>approved by the CFO</h1>")
    claimed = bucket.key(2, "claim.json")
    bucket.s3.put_object(Bucket=bucket.name, Key=claimed, Body=b"{}")
    asked: list[str] = []
    bucket.s3.meta.events.register(
        "before-parameter-build.s3.GetObject", lambda params, **_: asked.append(params["Key"])
    )
    assert sorted(flaw.partition(":")[0] for flaw in bucket.flaws()) == sorted(added)
    assert not set(asked) & set(added)
    said = aceite("evidence", "verify", DATASET, "--json")
    assert (said.code, len(json.loads(said.out)["flaws"])) == (1, len(added))


def test_verify_needs_only_public_keys_and_believes_no_other_that_is_in_the_bucket(
    bucket: Bucket, aceite: Aceite, tmp_path: Path
) -> None:
    bucket.put(1)
    first = aceite("evidence", "key", "--json")
    (tmp_path / "first.pem").write_text(json.loads(first.out)["public_key"], encoding="utf-8")
    rotated = aceite("evidence", "key", "--rotate")
    (tmp_path / "second.pem").write_text(rotated.out, encoding="utf-8")
    bucket.put(2)
    elsewhere = ("--home", str(tmp_path / "elsewhere"))
    both = ("--public-key", "first.pem", "--public-key", "second.pem")
    assert aceite("evidence", "verify", DATASET).code == 0
    assert aceite("evidence", "verify", DATASET, *both, *elsewhere).code == 0
    one = aceite("evidence", "verify", DATASET, "--json", *both[2:], *elsewhere)
    (flaw,) = json.loads(one.out)["flaws"]
    assert (flaw["manifest"], json.loads(first.out)["id"] in flaw["message"]) == (1, True)
    none = aceite("evidence", "verify", DATASET, "--json", *elsewhere)
    assert (none.code, len(json.loads(none.out)["flaws"])) == (1, 2)
    assert not (tmp_path / "elsewhere").exists(), "to verify makes no key"
    wrong = aceite("evidence", "verify", DATASET, "--public-key", "nothing.pem")
    assert (wrong.code, "nothing.pem" in wrong.err) == (64, True)


def test_doctor_says_when_the_last_seal_is_of_a_key_that_this_home_does_not_know(
    bucket: Bucket, tmp_path: Path
) -> None:
    bucket.put(1)
    here, elsewhere = seal_keys(), SealKeys(tmp_path)
    assert last_seals(bucket.s3, bucket.name, [DATASET, "another"], here).outcome is LookOutcome.GREEN
    look = last_seals(bucket.s3, bucket.name, [DATASET], elsewhere)
    assert (look.outcome, here.signing().public.id in look.found) == (LookOutcome.RED, True)
    assert "--trust" in look.remedy
    elsewhere.trust(here.signing().public)
    assert last_seals(bucket.s3, bucket.name, [DATASET], elsewhere).outcome is LookOutcome.GREEN
    bucket.s3.put_object(Bucket=bucket.name, Key=link_key(DATASET, 999_999_999), Body=b"{}")
    look = last_seals(bucket.s3, bucket.name, [DATASET], here)
    assert (look.outcome, "999999999" in look.found) == (LookOutcome.RED, True)
