"""The evidence bucket: claims and evidence, each put once under the delivery's id."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from acceptance.delivery import Delivery
from acceptance.evidence import Evidence, claim_key, dataset_prefix, evidence_prefix
from acceptance.judge import Judged
from acceptance.reports.html import evidence_html
from acceptance.reports.junit import junit_xml
from aws.s3 import list_objects, put_once, read_json, replace_if


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
    found = read_json(s3, bucket, _prefix(delivery) + "evidence.json")
    if found is None:
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


def put_evidence(s3: Any, bucket: str, delivery: Delivery, evidence: Evidence) -> bool:
    """Puts the files, `evidence.json` last: it is what makes the verdict stand. False if there is a verdict already."""
    if read_verdict(s3, bucket, delivery) is not None:
        return False
    prefix = _prefix(delivery)
    put_once(
        s3, bucket, prefix + "evidence.html", evidence_html(evidence).encode(), content_type="text/html; charset=utf-8"
    )
    put_once(s3, bucket, prefix + "junit.xml", junit_xml(evidence), content_type="application/xml")
    return put_once(s3, bucket, prefix + "evidence.json", evidence.to_json(), content_type="application/json")


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
