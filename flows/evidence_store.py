"""The evidence bucket: who took a delivery, and the verdict that it has."""

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
from flows.holders import Holder


@dataclass(frozen=True, slots=True)
class Claim:
    """Who took a delivery, and when. `etag` identifies this claim for a takeover.

    `until` is when the run is over at the latest; claims of earlier versions do not say it.
    """

    holder: Holder
    claimed_at: datetime
    etag: str
    until: datetime | None

    @property
    def flow_run_id(self) -> str:
        return self.holder.flow_run_id or ""


def take_claim(
    s3: Any, bucket: str, delivery: Delivery, holder: Holder, now: datetime, until: datetime | None = None
) -> bool:
    """True if nobody claimed the delivery before."""
    return put_once(s3, bucket, _claim_key(delivery), _claim(holder, now, until), content_type="application/json")


def take_over(
    s3: Any, bucket: str, delivery: Delivery, dead: Claim, holder: Holder, now: datetime, until: datetime | None = None
) -> bool:
    """Replaces the claim of a run that ended without a verdict. False if another run was faster."""
    return replace_if(s3, bucket, _claim_key(delivery), _claim(holder, now, until), dead.etag)


def read_claim(s3: Any, bucket: str, delivery: Delivery) -> Claim | None:
    found = read_json(s3, bucket, _claim_key(delivery))
    if found is None:
        return None
    claim, etag = found
    until = claim.get("until")
    return Claim(
        Holder.model_validate(claim),
        datetime.fromisoformat(claim["claimed_at"]),
        etag,
        datetime.fromisoformat(until) if until else None,
    )


def read_verdict(s3: Any, bucket: str, delivery: Delivery) -> Judged | None:
    """The verdict, once its evidence is sealed. One whose run died before that is announced again, and then sealed."""
    evidence = read_evidence(s3, bucket, delivery)
    if evidence is None or not is_sealed(s3, bucket, delivery):
        return None
    judged_at, revision = evidence.run.ended.astimezone(UTC), evidence.delivery.revision
    return Judged(evidence.verdict, evidence.reason, judged_at, evidence_uri(bucket, delivery), revision)


def read_evidence(s3: Any, bucket: str, delivery: Delivery) -> Evidence | None:
    found = read_json(s3, bucket, _prefix(delivery) + EVIDENCE)
    return Evidence.model_validate(found[0]) if found else None


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


def evidence_uri(bucket: str, delivery: Delivery) -> str:
    return f"s3://{bucket}/{_prefix(delivery)}"


def _prefix(delivery: Delivery) -> str:
    return evidence_prefix(delivery.dataset, delivery.business_date, delivery.id)


def _claim_key(delivery: Delivery) -> str:
    return claim_key(delivery.dataset, delivery.business_date, delivery.id)


def _claim(holder: Holder, now: datetime, until: datetime | None) -> bytes:
    told = {"claimed_at": now.isoformat(), "until": until.isoformat() if until else None}
    return json.dumps({**holder.model_dump(), **told}).encode()
