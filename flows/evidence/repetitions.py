"""Finds the judgements of the same objects: a person can have a delivery judged again, and each time leaves evidence.

Each judgement has the id, the claim and the prefix of a delivery of its own, which follow from the objects and its
number. So two runs never make the same one, and the chain of manifests holds all of them.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from acceptance.deliveries.delivery import Delivery
from acceptance.errors import PointerRefused, StepFailed
from acceptance.evidence.evidence import Evidence, JudgedBefore
from acceptance.evidence.manifest import MOST_BYTES, EvidenceManifest, genuine, sha256_of
from acceptance.evidence.object_keys import MANIFEST
from acceptance.judging.judge import Judged
from aws.s3.objects import read_bytes
from flows.evidence.audit import as_sealed, dataset_of_prefix
from flows.evidence.files import read_seal
from flows.evidence.verdicts import read_evidence, read_verdict
from flows.installation.seal_keys import seal_keys


def judgements(s3: Any, bucket: str, delivery: Delivery) -> Iterator[tuple[Delivery, EvidenceManifest]]:
    """Yield the sealed judgements of the delivery's objects, the first one first. Each has its own revision."""
    again = replace(delivery, repetition=0)
    while (seal := read_seal(s3, bucket, again)) is not None:
        again = replace(again, revision=seal.result.revision)
        yield again, seal
        again = again.judged_again()


def newest_verdict(s3: Any, bucket: str, delivery: Delivery) -> Judged | None:
    """Return the verdict of the last judgement; None if there is none."""
    known = [again for again, _ in judgements(s3, bucket, delivery)]
    return read_verdict(s3, bucket, known[-1]) if known else None


def sealed_evidence(s3: Any, bucket: str, prefix: str) -> Evidence | None:
    """Return the evidence below a delivery's prefix, if a key that this home trusts sealed it and nobody changed it."""
    content = read_bytes(s3, bucket, prefix + MANIFEST, MOST_BYTES)
    dataset = dataset_of_prefix(prefix)
    manifest = genuine(content, seal_keys().trusted, dataset) if content is not None else None
    return as_sealed(s3, bucket, manifest) if manifest is not None and manifest.prefix == prefix else None


def next_judgement(s3: Any, bucket: str, delivery: Delivery, flow_run_id: str) -> tuple[Delivery, JudgedBefore | None]:
    """Return the judgement that this run is to make, and the one before it.

    A run that made one already, and is retried, gets that one: it never makes another.

    Raises:
        PointerRefused: there is no verdict yet.
        StepFailed: the evidence bucket does not answer.
    """
    known = list(judgements(s3, bucket, delivery))
    if not known:
        raise PointerRefused("it has no verdict yet, so it cannot be judged again: leave out `again`")
    for again, _ in known[1:]:
        evidence = read_evidence(s3, bucket, again)
        if evidence is not None and evidence.run.flow_run_id == flow_run_id:
            return again, evidence.delivery.judged_before
    last, seal = known[-1]
    manifest = read_bytes(s3, bucket, seal.prefix + MANIFEST)
    if manifest is None:
        raise StepFailed(f"read s3://{bucket}/{seal.prefix}{MANIFEST}: somebody removed it a moment ago")
    before = JudgedBefore(
        prefix=seal.prefix,
        revision=seal.result.revision,
        verdict=seal.result.verdict,
        judged=seal.result.judged,
        manifest_sha256=sha256_of(manifest),
    )
    return last.judged_again(), before
