"""The files of a delivery's evidence. `evidence.json` is put first and decides; the others are rendered from it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from acceptance.deliveries.delivery import Delivery
from acceptance.errors import StepFailed
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.manifest import EvidenceManifest, seals_of
from acceptance.evidence.object_keys import EVIDENCE, MANIFEST, delivery_prefix
from acceptance.evidence.reports.delivery_page import evidence_html
from acceptance.evidence.reports.junit import junit_xml
from acceptance.evidence.reports.openlineage import openlineage_json
from aws.s3.objects import object_exists, read_bytes
from aws.s3.writes import locking, put_once
from blocks.settings import read_settings
from flows.evidence.chain import Chain

_TYPES = {
    EVIDENCE: "application/json",
    "evidence.html": "text/html; charset=utf-8",
    "junit.xml": "application/xml",
    "openlineage.json": "application/json",
}
_BESIDE = {"Evidence": EVIDENCE, "JUnit": "junit.xml", "OpenLineage": "openlineage.json", "Manifest": MANIFEST}


def evidence_files(source: bytes) -> dict[str, bytes]:
    """Return every file by name, rendered from the bytes of `evidence.json`. The same bytes give the same files."""
    evidence = Evidence.model_validate_json(source)
    return {
        EVIDENCE: source,
        "evidence.html": evidence_html(evidence, source=source, links=_BESIDE).encode(),
        "junit.xml": junit_xml(evidence),
        "openlineage.json": openlineage_json(evidence),
    }


def put_evidence(s3: Any, bucket: str, delivery: Delivery, evidence: Evidence, chain: Chain | None = None) -> bool:
    """Put `evidence.json`, then the files rendered from it, then the manifest. Return False if others decided before.

    Whenever a run dies, `evidence.json` has either decided or does not exist; `finish_evidence` does the rest. Pass the
    dataset's `chain` to seal several deliveries one after the other.
    """
    source = evidence.to_json()
    key, lock = delivery_prefix(delivery) + EVIDENCE, _locking(s3, bucket, datetime.now(UTC))
    first = put_once(s3, bucket, key, source, _TYPES[EVIDENCE], locking=lock)
    if not first and read_bytes(s3, bucket, key) != source:  # equal bytes are an earlier attempt of this run
        return False
    _finish(s3, bucket, delivery, source, evidence.run.flow_run_id, lock, chain)
    return True


def has_evidence(s3: Any, bucket: str, delivery: Delivery) -> bool:
    """Return whether the delivery is decided, so that no other evidence can be put."""
    return object_exists(s3, f"s3://{bucket}/{delivery_prefix(delivery)}{EVIDENCE}")


def is_sealed(s3: Any, bucket: str, delivery: Delivery) -> bool:
    """Return whether all files are there and a manifest of the dataset's chain names them."""
    return object_exists(s3, f"s3://{bucket}/{delivery_prefix(delivery)}{MANIFEST}")


def finish_evidence(s3: Any, bucket: str, delivery: Delivery, flow_run_id: str) -> EvidenceManifest:
    """Put the missing files of evidence whose `evidence.json` is there.

    Raises:
        StepFailed: there is no `evidence.json`, or S3 refuses.
    """
    prefix = delivery_prefix(delivery)
    source = read_bytes(s3, bucket, prefix + EVIDENCE)
    if source is None:
        raise StepFailed(f"seal s3://{bucket}/{prefix}: it holds no {EVIDENCE}; judge the delivery first")
    return _finish(s3, bucket, delivery, source, flow_run_id, _locking(s3, bucket, datetime.now(UTC)))


def _finish(
    s3: Any,
    bucket: str,
    delivery: Delivery,
    source: bytes,
    flow_run_id: str,
    lock: Mapping[str, Any],
    chain: Chain | None = None,
) -> EvidenceManifest:
    prefix, files = delivery_prefix(delivery), evidence_files(source)
    for name, content in files.items():
        if name != EVIDENCE and not put_once(s3, bucket, prefix + name, content, _TYPES[name], locking=lock):
            files[name] = read_bytes(s3, bucket, prefix + name) or b""  # put by the run that died
    chain = chain or Chain(s3, bucket, delivery.dataset)
    result = Evidence.model_validate_json(source).summary
    return chain.seal(prefix, seals_of(files), result, flow_run_id, lambda: datetime.now(UTC), lock)


def finish_abandoned(
    s3: Any, bucket: str, delivery: Delivery, flow_run_id: str, has_ended: Callable[[str], bool]
) -> EvidenceManifest | None:
    """Finish evidence whose run ended too early. Return None if it is sealed, or if its run still works on it."""
    source = read_bytes(s3, bucket, delivery_prefix(delivery) + EVIDENCE)
    if source is None or is_sealed(s3, bucket, delivery):
        return None
    if not has_ended(Evidence.model_validate_json(source).run.flow_run_id):
        return None
    return finish_evidence(s3, bucket, delivery, flow_run_id)


def _locking(s3: Any, bucket: str, now: datetime) -> Mapping[str, Any]:
    settings = read_settings()
    days = settings.evidence_retention_days
    return locking(s3, bucket, settings.evidence_lock_mode, timedelta(days=days) if days else None, now)
