"""Evidence on S3: put once, sealed into one chain, whatever runs at the same time and whenever a run dies."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from evidence_builder import accepted, rejected
from sealed_bucket import DATASET, Aceite, Bucket, delivery, of

from acceptance.errors import StepFailed
from acceptance.evidence.manifest import EvidenceManifest, sha256_of
from acceptance.evidence.object_keys import chain_prefix, link_key
from flows.evidence.chain import Chain, last_number, link_numbers
from flows.evidence.files import (
    evidence_files,
    finish_abandoned,
    finish_evidence,
    has_evidence,
    is_sealed,
)
from flows.evidence.verdicts import StandingVerdicts, read_verdict

FILES = {"evidence.json", "evidence.html", "junit.xml", "openlineage.json", "manifest.json"}


def test_evidence_is_five_files_and_the_manifest_names_the_others_and_the_one_before(bucket: Bucket) -> None:
    assert bucket.put(1)
    assert bucket.put(2)
    assert set(bucket.files(2)) == FILES
    manifest = EvidenceManifest.model_validate_json(bucket.read(link_key(DATASET, 2)))
    assert {file.name for file in manifest.files} == FILES - {"manifest.json"}
    assert manifest.previous_sha256 == sha256_of(bucket.read(link_key(DATASET, 1)))
    assert bucket.files(2)["manifest.json"] == bucket.read(link_key(DATASET, 2))
    assert bucket.flaws() == []


def test_in_a_bucket_with_object_lock_every_file_and_manifest_is_locked_as_long_as_was_set(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.name += "-locked"
    bucket.s3.create_bucket(Bucket=bucket.name, ObjectLockEnabledForBucket=True)
    monkeypatch.setenv("ACEITE_EVIDENCE_RETENTION_DAYS", "3650")
    bucket.put(1)
    for key in (link_key(DATASET, 1), *(bucket.key(1, file) for file in FILES)):
        kept = bucket.s3.head_object(Bucket=bucket.name, Key=key)
        assert kept["ObjectLockMode"] == "GOVERNANCE"
        assert kept["ObjectLockRetainUntilDate"] > datetime.now(UTC) + timedelta(days=3649)


def test_a_delivery_that_has_evidence_gets_no_other(bucket: Bucket) -> None:
    assert bucket.put(1)
    before = bucket.files(1)
    assert not bucket.put(1, of(1, rejected))
    assert bucket.files(1) == before
    assert link_numbers(bucket.s3, bucket.name, DATASET) == [1]


def test_the_same_run_that_puts_its_evidence_again_is_still_the_first(bucket: Bucket) -> None:
    """As after an answer that was lost on the way."""
    assert bucket.put(1)
    assert bucket.put(1)
    assert link_numbers(bucket.s3, bucket.name, DATASET) == [1]
    assert bucket.flaws() == []


def test_runs_that_end_at_the_same_time_make_one_chain_and_no_fork(bucket: Bucket) -> None:
    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(bucket.put, range(1, 13)))
    assert link_numbers(bucket.s3, bucket.name, DATASET) == list(range(1, 13))
    assert bucket.flaws() == []


def test_of_two_runs_that_judge_one_delivery_one_leaves_evidence(bucket: Bucket) -> None:
    with ThreadPoolExecutor(2) as pool:
        first = list(pool.map(lambda made: bucket.put(1, of(1, made)), (accepted, rejected)))
    assert sorted(first) == [False, True]
    assert bucket.flaws() == []


@pytest.mark.parametrize("put", range(1, 6))
def test_a_run_may_die_after_each_put_and_another_finishes_without_judging_again(bucket: Bucket, put: int) -> None:
    """In the order in which they are put: evidence, page, JUnit, OpenLineage, manifest; only its copy is missing."""
    bucket.put(1)
    source = of(2).to_json()
    files = list(evidence_files(source).items())
    for name, content in files[:put]:
        bucket.put_signed(2, name, content)
    if put == 5:
        finish_evidence(bucket.s3, bucket.name, delivery(2), "the run that died")
        bucket.s3.delete_object(Bucket=bucket.name, Key=bucket.key(2, "manifest.json"))
    assert has_evidence(bucket.s3, bucket.name, delivery(2))
    assert not is_sealed(bucket.s3, bucket.name, delivery(2))
    assert read_verdict(bucket.s3, bucket.name, delivery(2)) is None, "it is not told before it is sealed"
    assert StandingVerdicts(bucket.s3, bucket.name)([delivery(2)]) == {}
    manifest = finish_evidence(bucket.s3, bucket.name, delivery(2), "the run after it")
    assert manifest.sealed_by == ("the run that died" if put == 5 else "the run after it")
    assert bucket.files(2)["evidence.json"] == source
    assert link_numbers(bucket.s3, bucket.name, DATASET) == [1, 2]
    assert read_verdict(bucket.s3, bucket.name, delivery(2)) is not None
    assert bucket.flaws() == []


def test_what_a_run_is_still_putting_is_left_to_it_and_finished_only_when_it_has_ended(bucket: Bucket) -> None:
    asked: list[str] = []

    def finish(ended: bool) -> EvidenceManifest | None:
        def has_ended(flow_run_id: str) -> bool:
            asked.append(flow_run_id)
            return ended

        return finish_abandoned(bucket.s3, bucket.name, delivery(1), "the run after it", has_ended)

    assert finish(ended=True) is None, "there is no evidence"
    bucket.put_signed(1, "evidence.json", of(1).to_json())
    assert finish(ended=False) is None
    assert not is_sealed(bucket.s3, bucket.name, delivery(1))
    sealed = finish(ended=True)
    assert sealed is not None
    assert sealed.sealed_by == "the run after it"
    assert asked == [of(1).run.flow_run_id] * 2
    assert finish(ended=True) is None, "it is sealed"
    assert bucket.flaws() == []


def test_evidence_that_a_run_may_still_seal_is_no_flaw_and_is_told(bucket: Bucket) -> None:
    bucket.put_signed(1, "evidence.json", of(1).to_json())
    assert (bucket.flaws(), bucket.audit().in_flight) == ([], 1)
    finish_evidence(bucket.s3, bucket.name, delivery(1), "another run")
    assert (bucket.flaws(), bucket.audit().in_flight) == ([], 0)


def test_what_was_never_judged_cannot_be_sealed(bucket: Bucket) -> None:
    with pytest.raises(StepFailed, match=r"holds no evidence\.json of this installation; judge the delivery first"):
        finish_evidence(bucket.s3, bucket.name, delivery(1), "a run")


def test_the_deliveries_before_are_told_oldest_first_and_no_more_than_asked_for(bucket: Bucket) -> None:
    for number in (1, 2, 3):
        bucket.put(number, of(number, rejected if number == 2 else accepted))
    past = Chain(bucket.s3, bucket.name, DATASET).judged_before(2)
    assert [(one.business_date.day, one.verdict.value) for one in past] == [(3, "rejected"), (4, "accepted")]
    assert Chain(bucket.s3, bucket.name, "another").judged_before() == ()


@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 29, 157])
def test_the_end_of_a_chain_is_found_without_listing_it(bucket: Bucket, length: int) -> None:
    dataset, asked = f"long {length} é", list[str]()
    for number in range(1, length + 1):
        bucket.s3.put_object(Bucket=bucket.name, Key=link_key(dataset, number), Body=b"{}")
    for strange in ("000000001.json.bak", "readme.txt"):
        bucket.s3.put_object(Bucket=bucket.name, Key=chain_prefix(dataset) + strange, Body=b"")
    bucket.s3.meta.events.register("before-call.s3.ListObjectsV2", lambda **_: asked.append(""), unique_id="asked")
    found = last_number(bucket.s3, bucket.name, dataset, page=10)
    bucket.s3.meta.events.unregister("before-call.s3.ListObjectsV2", unique_id="asked")
    assert found == length
    assert len(asked) <= 13


@pytest.mark.parametrize("behind", [0, 1, 3])
def test_names_of_others_hide_no_end_of_a_chain_however_many_they_are(bucket: Bucket, behind: int) -> None:
    for number in range(1, 6):
        bucket.put(number)
    for number in range(21):
        bucket.s3.put_object(Bucket=bucket.name, Key=f"{link_key(DATASET, behind)}-{number:03}", Body=b"")
    assert last_number(bucket.s3, bucket.name, DATASET, page=10) == 5


@pytest.mark.parametrize("file", sorted(FILES))
@pytest.mark.parametrize("deed", ["change", "remove"])
def test_verify_finds_each_file_that_was_touched(bucket: Bucket, file: str, deed: str) -> None:
    for number in (1, 2):
        bucket.put(number)
    key = bucket.key(1, file)
    if deed == "change":
        bucket.s3.put_object(Bucket=bucket.name, Key=key, Body=bucket.read(key) + b" ")
    else:
        bucket.s3.delete_object(Bucket=bucket.name, Key=key)
    (flaw,) = bucket.flaws()
    assert flaw.startswith(key)


def test_verify_answers_for_a_dataset_and_for_a_delivery_by_its_exit_code(bucket: Bucket, aceite: Aceite) -> None:
    for number in (1, 2, 3):
        bucket.put(number)
    target = delivery(1)
    whole = aceite("evidence", "verify", DATASET, "--json")
    assert whole.code == 0, whole.err
    answer = json.loads(whole.out)
    assert (answer["intact"], answer["manifests"], answer["deliveries"], answer["flaws"]) == (True, 3, 3, [])
    one = aceite("evidence", "verify", target.id)
    assert (one.code, one.out) == (0, "")
    assert "all as sealed" in one.err

    bucket.s3.put_object(Bucket=bucket.name, Key=bucket.key(3, "evidence.html"), Body=b"<p>all is well")
    touched = aceite("evidence", "verify", DATASET, "--json")
    assert touched.code == 1
    (flaw,) = json.loads(touched.out)["flaws"]
    assert (flaw["where"], flaw["manifest"]) == (bucket.key(3, "evidence.html"), 3)
    by_prefix = aceite("evidence", "verify", f"s3://{bucket.name}/{bucket.key(1, '')}")
    assert by_prefix.code == 0, by_prefix.err


def test_verify_tells_what_it_cannot_find_and_what_it_cannot_read(bucket: Bucket, aceite: Aceite) -> None:
    bucket.put(1)
    unknown = aceite("evidence", "verify", "other")
    assert unknown.code == 64
    assert DATASET in unknown.err
    unreadable = aceite("evidence", "verify", DATASET, evidence_bucket="there-is-no-such-bucket")
    assert unreadable.code == 2
    assert "NoSuchBucket" in unreadable.err


def test_the_report_is_one_page_with_every_delivery_and_says_whether_the_seals_hold(
    bucket: Bucket, aceite: Aceite, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        bucket.put(number, of(number, rejected if number == 2 else accepted))
    done = aceite("report", DATASET, "--last", "2", "--output", "history.html")
    assert done.code == 0, done.err
    page = (tmp_path / "history.html").read_text(encoding="utf-8")
    assert "2026-01-03" in page
    assert "2026-01-04" in page
    assert "2026-01-02" not in page
    assert "The evidence is as it was sealed" in page
    bucket.s3.delete_object(Bucket=bucket.name, Key=bucket.key(3, "evidence.json"))
    broken = aceite("report", DATASET, "-o", "-")
    assert broken.code == 1
    assert "The evidence is not as it was sealed" in broken.out
    assert bucket.key(3, "evidence.json") in broken.out
