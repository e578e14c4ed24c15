"""The claim on a delivery: an object in the evidence bucket that only one run can create.

Its run signs it, so an object that somebody else put in its place is no claim: it keeps no delivery back.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acceptance.deliveries.delivery import Delivery
from acceptance.errors import UnexpectedObject
from acceptance.evidence.object_keys import claim_key
from acceptance.evidence.signatures import metadata_holds, signed_metadata
from aws.s3.objects import StoredObject, read_object, unexpected_object
from aws.s3.writes import put_once, replace_if
from flows.evidence.own_objects import OwnObjects
from flows.installation.seal_keys import seal_keys
from flows.locks.holder import LockHolder

_JSON = "application/json"


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
    """Claim the delivery. Return False if there is an object in the claim's place, a claim or not."""
    body, metadata = _signed(delivery, holder, now, until)
    return put_once(s3, bucket, claim_key(delivery), body, _JSON, metadata=metadata)


def take_from_nobody(
    s3: Any, bucket: str, delivery: Delivery, holder: LockHolder, now: datetime, until: datetime
) -> tuple[bool, tuple[str, ...]]:
    """Claim a delivery that no run of this installation has. Return whether it worked.

    A foreign object in the claim's place is copied aside, and a sentence tells it.
    """
    own = OwnObjects(s3, bucket, locking={})
    body, metadata = _signed(delivery, holder, now, until)
    earlier = own.put(claim_key(delivery), body, _JSON, lambda found: _is_ours(delivery, found), metadata=metadata)
    return earlier is None or earlier.content == body, tuple(own.foreign)


def take_over(
    s3: Any, bucket: str, delivery: Delivery, dead: Claim, holder: LockHolder, now: datetime, until: datetime
) -> bool:
    """Replace the claim of a run that ended without a verdict. Return False if another run was faster."""
    body, metadata = _signed(delivery, holder, now, until)
    return replace_if(s3, bucket, claim_key(delivery), body, dead.etag, metadata=metadata)


def read_claim(s3: Any, bucket: str, delivery: Delivery) -> Claim | None:
    """Return the claim, None if no run of this installation put one.

    Raises:
        UnexpectedObject: another version of Aceite wrote it, in another form.
        StepFailed: S3 does not tell.
    """
    found = None
    with suppress(UnexpectedObject):  # it is too large to be ours
        found = read_object(s3, bucket, claim_key(delivery))
    if found is None or not _is_ours(delivery, found):
        return None
    try:
        claim = json.loads(found.content)
        claimed_at, until = (datetime.fromisoformat(claim[name]) for name in ("claimed_at", "until"))
        return Claim(LockHolder.model_validate(claim), claimed_at, found.etag, until)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise unexpected_object(bucket, claim_key(delivery), "a claim", error) from error


def _is_ours(delivery: Delivery, found: StoredObject) -> bool:
    return metadata_holds(claim_key(delivery), found.content, found.metadata, seal_keys().trusted)


def _signed(delivery: Delivery, holder: LockHolder, now: datetime, until: datetime) -> tuple[bytes, Mapping[str, str]]:
    claim = {**holder.model_dump(), "claimed_at": now.isoformat(), "until": until.isoformat()}
    body = json.dumps(claim).encode()
    return body, signed_metadata(claim_key(delivery), body, seal_keys().signing())
