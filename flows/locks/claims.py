"""The claim on a delivery: an object in the evidence bucket that only one run can create."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acceptance.deliveries.delivery import Delivery
from acceptance.evidence.object_keys import claim_key
from aws.s3.objects import read_json, unexpected_object
from aws.s3.writes import put_once, replace_if
from flows.locks.holder import LockHolder


@dataclass(frozen=True, slots=True)
class Claim:
    """The run that took a delivery, and when. `etag` identifies the claim for a takeover.

    `until` is when the run is over at the latest.
    """

    holder: LockHolder
    claimed_at: datetime
    etag: str
    until: datetime

    @property
    def flow_run_id(self) -> str:
        return self.holder.flow_run_id or ""


def take_claim(s3: Any, bucket: str, delivery: Delivery, holder: LockHolder, now: datetime, until: datetime) -> bool:
    """Claim the delivery. Return False if somebody claimed it before."""
    return put_once(s3, bucket, claim_key(delivery), _claim(holder, now, until), content_type="application/json")


def take_over(
    s3: Any, bucket: str, delivery: Delivery, dead: Claim, holder: LockHolder, now: datetime, until: datetime
) -> bool:
    """Replace the claim of a run that ended without a verdict. Return False if another run was faster."""
    return replace_if(s3, bucket, claim_key(delivery), _claim(holder, now, until), dead.etag)


def read_claim(s3: Any, bucket: str, delivery: Delivery) -> Claim | None:
    """Return the claim. Raise UnexpectedObject if another object is in its place, StepFailed if S3 does not tell."""
    found = read_json(s3, bucket, claim_key(delivery))
    if found is None:
        return None
    claim, etag = found
    try:
        claimed_at, until = (datetime.fromisoformat(claim[name]) for name in ("claimed_at", "until"))
        return Claim(LockHolder.model_validate(claim), claimed_at, etag, until)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise unexpected_object(bucket, claim_key(delivery), "a claim", error) from error


def _claim(holder: LockHolder, now: datetime, until: datetime) -> bytes:
    return json.dumps({**holder.model_dump(), "claimed_at": now.isoformat(), "until": until.isoformat()}).encode()
