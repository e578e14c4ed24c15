"""The files of a delivery's evidence. `evidence.json` is put first and decides; the others are rendered from it."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from acceptance.deliveries.delivery import Delivery
from acceptance.errors import StepFailed, UnexpectedObject
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.manifest import MOST_BYTES, EvidenceManifest, genuine, seals_of
from acceptance.evidence.object_keys import EVIDENCE, MANIFEST, delivery_prefix
from acceptance.evidence.reports.delivery_page import evidence_html
from acceptance.evidence.reports.junit import junit_xml
from acceptance.evidence.reports.openlineage import openlineage_json
from acceptance.evidence.signatures import metadata_holds, signed_metadata
from acceptance.messages.message import Message
from aws.s3.objects import StoredObject, read_bytes, read_object
from aws.s3.writes import locking
from blocks.settings import read_settings
from flows.evidence.chain import Chain
from flows.evidence.own_objects import OwnObjects
from flows.installation.seal_keys import seal_keys

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


def put_evidence(
    s3: Any, bucket: str, delivery: Delivery, evidence: Evidence, chain: Chain | None = None
) -> tuple[Evidence | None, tuple[str, ...]]:
    """Put `evidence.json`, then the files rendered from it, then the manifest.

    Return the evidence that stands, None if another run decided before; and a sentence for each foreign object that was
    found in its place. If that was `evidence.json`, the reason of the evidence tells it.

    Whenever a run dies, `evidence.json` has either decided or does not exist; `finish_evidence` does the rest. Pass the
    dataset's `chain` to seal several deliveries one after the other.
    """
    keys, key = seal_keys(), delivery_prefix(delivery) + EVIDENCE
    own = _own_objects(s3, bucket)
    source = evidence.to_json()

    def signed(content: bytes) -> tuple[bytes, Mapping[str, str]]:
        nonlocal source
        source = content
        return source, signed_metadata(key, source, keys.signing())

    def telling(sentence: str) -> tuple[bytes, Mapping[str, str]]:
        reason = Message("{reason}; {more}", reason=evidence.told_reason, more=sentence)
        return signed(evidence.with_reason(reason).to_json())

    def decided(found: StoredObject) -> bool:
        return metadata_holds(key, found.content, found.metadata, keys.trusted) or is_sealed(s3, bucket, delivery)

    body, metadata = signed(source)
    earlier = own.put(key, body, _TYPES[EVIDENCE], decided, metadata=metadata, instead=telling)
    if earlier is not None:
        if not metadata_holds(key, earlier.content, earlier.metadata, keys.trusted):
            return None, tuple(own.foreign)  # it was changed after it was sealed
        source = earlier.content
        if Evidence.model_validate_json(source).run.flow_run_id != evidence.run.flow_run_id:
            return None, tuple(own.foreign)
    manifest = _finish(delivery, source, evidence.run.flow_run_id, own, chain)
    stands = Evidence.model_validate_json(source)
    # Another run sealed the delivery before, and somebody removed what it had put.
    is_sealed_so = manifest.result == stands.summary
    return stands if is_sealed_so else None, tuple(own.foreign)


def has_evidence(s3: Any, bucket: str, delivery: Delivery) -> bool:
    """Return whether a run of this installation decided the delivery, so that no other may."""
    return own_evidence(s3, bucket, delivery) is not None or is_sealed(s3, bucket, delivery)


def own_evidence(s3: Any, bucket: str, delivery: Delivery) -> bytes | None:
    """Return the bytes of `evidence.json` if a run of this installation put them."""
    key = delivery_prefix(delivery) + EVIDENCE
    with suppress(UnexpectedObject):  # it is too large to be ours
        found = read_object(s3, bucket, key)
        if found and metadata_holds(key, found.content, found.metadata, seal_keys().trusted):
            return found.content
    return None


def read_seal(s3: Any, bucket: str, delivery: Delivery) -> EvidenceManifest | None:
    """Return the manifest beside the delivery's files, if a key that this home trusts signed it for them."""
    prefix = delivery_prefix(delivery)
    with suppress(UnexpectedObject):
        content = read_bytes(s3, bucket, prefix + MANIFEST, MOST_BYTES)
        manifest = genuine(content, seal_keys().trusted, delivery.dataset) if content is not None else None
        return manifest if manifest is not None and manifest.prefix == prefix else None
    return None


def is_sealed(s3: Any, bucket: str, delivery: Delivery) -> bool:
    """Return whether all files are there and a manifest of the dataset's chain names them."""
    return read_seal(s3, bucket, delivery) is not None


def finish_evidence(s3: Any, bucket: str, delivery: Delivery, flow_run_id: str) -> EvidenceManifest:
    """Put the missing files of evidence whose `evidence.json` a run of this installation put.

    Raises:
        StepFailed: there is no such `evidence.json`, or S3 refuses.
    """
    source = own_evidence(s3, bucket, delivery)
    if source is None:
        raise StepFailed(
            f"seal s3://{bucket}/{delivery_prefix(delivery)}: it holds no {EVIDENCE} of this installation; judge the "
            "delivery first"
        )
    return _finish(delivery, source, flow_run_id, _own_objects(s3, bucket))


def _finish(
    delivery: Delivery, source: bytes, flow_run_id: str, own: OwnObjects, chain: Chain | None = None
) -> EvidenceManifest:
    prefix, files = delivery_prefix(delivery), evidence_files(source)
    for name, content in files.items():
        if name != EVIDENCE:  # the same bytes are those of a run that died
            own.put(prefix + name, content, _TYPES[name])
    chain = chain or Chain(own.s3, own.bucket, delivery.dataset)
    result = Evidence.model_validate_json(source).summary
    return chain.seal(prefix, seals_of(files), result, flow_run_id, lambda: datetime.now(UTC), own)


def finish_abandoned(
    s3: Any, bucket: str, delivery: Delivery, flow_run_id: str, has_ended: Callable[[str], bool]
) -> EvidenceManifest | None:
    """Finish evidence whose run ended too early. Return None if it is sealed, or if its run still works on it."""
    source = own_evidence(s3, bucket, delivery)
    if source is None or is_sealed(s3, bucket, delivery):
        return None
    if not has_ended(Evidence.model_validate_json(source).run.flow_run_id):
        return None
    return finish_evidence(s3, bucket, delivery, flow_run_id)


def _own_objects(s3: Any, bucket: str) -> OwnObjects:
    settings, now = read_settings(), datetime.now(UTC)
    days = settings.evidence_retention_days
    retention = timedelta(days=days) if days else None
    return OwnObjects(s3, bucket, locking(s3, bucket, settings.evidence_lock_mode, retention, now))
