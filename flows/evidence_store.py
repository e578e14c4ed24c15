"""The evidence bucket: who took a delivery, and the verdict that it has."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from acceptance.delivery import Delivery
from acceptance.evidence import Evidence
from acceptance.evidence_keys import EVIDENCE, claim_key, dataset_prefix, evidence_prefix
from acceptance.judge import Judged
from aws.conditional import put_once, replace_if
from aws.s3 import list_objects, read_json
from flows.evidence_files import is_sealed


@dataclass(frozen=True, slots=True)
class Claim:
    """Who took a delivery, and when. `etag` identifies this claim for a takeover."""

    flow_run_id: str
    claimed_at: datetime
    etag: str


def take_claim(s3: Any, bucket: str, delivery: Delivery, flow_run_id: str, now: datetime) -> bool:
    """True if nobody claimed the delivery before."""
    return put_once(s3, bucket, _claim_key(delivery), _claim(flow_run_id, now), content_type="application/json")


def take_over(s3: Any, bucket: str, delivery: Delivery, dead: Claim, flow_run_id: str, now: datetime) -> bool:
    """Replaces the claim of a run that ended without a verdict. False if another run was faster."""
    return replace_if(s3, bucket, _claim_key(delivery), _claim(flow_run_id, now), dead.etag)


def read_claim(s3: Any, bucket: str, delivery: Delivery) -> Claim | None:
    found = read_json(s3, bucket, _claim_key(delivery))
    if found is None:
        return None
    claim, etag = found
    return Claim(claim["flow_run_id"], datetime.fromisoformat(claim["claimed_at"]), etag)


def read_verdict(s3: Any, bucket: str, delivery: Delivery) -> Judged | None:
    """The verdict, once its evidence is sealed. One whose run died before that is announced again, and then sealed."""
    found = read_json(s3, bucket, _prefix(delivery) + EVIDENCE)
    if found is None or not is_sealed(s3, bucket, delivery):
        return None
    evidence = Evidence.model_validate(found[0])
    judged_at, revision = evidence.run.ended.astimezone(UTC), evidence.delivery.revision
    return Judged(evidence.verdict, evidence.reason, judged_at, evidence_uri(bucket, delivery), revision)


class StandingVerdicts:
    """The verdicts in the evidence bucket, for a ledger that knows of none. Lists the evidence of a dataset once."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._judged: dict[str, frozenset[str]] = {}

    def __call__(self, delivery: Delivery) -> Judged | None:
        """Raises StepFailed if the evidence bucket does not answer."""
        if delivery.dataset not in self._judged:
            listed = list_objects(self._s3, self._bucket, dataset_prefix(delivery.dataset))
            keys = (found.key for found in listed if found.key.endswith("/evidence.json"))
            self._judged[delivery.dataset] = frozenset(key.rsplit("/", 2)[1] for key in keys)
        if delivery.id not in self._judged[delivery.dataset]:
            return None
        return read_verdict(self._s3, self._bucket, delivery)


def remember_override(s3: Any, bucket: str, delivery: Delivery, parameter: str, version: int | None) -> int | None:
    """The version that the parameter had before the delivery's first run changed it; None if it did not exist.

    A run that died leaves the parameter changed; the run that takes over must not take that for what was there.
    No value is kept: SSM remembers the versions.
    """
    key = f"{_prefix(delivery)}override-{hashlib.sha256(parameter.encode()).hexdigest()[:12]}.json"
    body = json.dumps({"parameter": parameter, "version_before": version}).encode()
    if put_once(s3, bucket, key, body, content_type="application/json"):
        return version
    found = read_json(s3, bucket, key)
    recorded: int | None = found[0]["version_before"] if found else version
    return recorded


def evidence_uri(bucket: str, delivery: Delivery) -> str:
    return f"s3://{bucket}/{_prefix(delivery)}"


def _prefix(delivery: Delivery) -> str:
    return evidence_prefix(delivery.dataset, delivery.business_date, delivery.id)


def _claim_key(delivery: Delivery) -> str:
    return claim_key(delivery.dataset, delivery.business_date, delivery.id)


def _claim(flow_run_id: str, now: datetime) -> bytes:
    return json.dumps({"flow_run_id": flow_run_id, "claimed_at": now.isoformat()}).encode()
