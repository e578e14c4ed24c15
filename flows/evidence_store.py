"""The evidence bucket: claims and evidence, each put once under the delivery's id."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from acceptance.delivery import Delivery
from acceptance.evidence import Evidence, claim_key, evidence_prefix
from acceptance.judge import Verdict
from acceptance.reports.html import evidence_html
from acceptance.reports.junit import junit_xml
from aws.s3 import put_once, read_json, replace_if


@dataclass(frozen=True, slots=True)
class Claim:
    """Who took a delivery, and when. `etag` identifies this claim for a takeover."""

    flow_run_id: str
    claimed_at: datetime
    etag: str


@dataclass(frozen=True, slots=True)
class Judged:
    verdict: Verdict
    reason: str
    judged_at: datetime
    evidence_uri: str


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
    return Judged(evidence.verdict, evidence.reason, evidence.run.ended.astimezone(UTC), evidence_uri(bucket, delivery))


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
