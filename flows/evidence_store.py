"""The evidence bucket: who took a delivery, and the verdict that it has."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from acceptance.delivery import Delivery
from acceptance.errors import StrangeObject
from acceptance.evidence import Evidence
from acceptance.evidence_keys import EVIDENCE, claim_key, dataset_prefix, evidence_prefix
from acceptance.judge import Judged
from aws.conditional import put_once, replace_if
from aws.s3 import list_objects, read_json
from flows.evidence_files import is_sealed
from flows.holders import Holder

_AT_ONCE = 8
_STAY_ALIVE_EVERY_S = 1


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
    """Raises StrangeObject if something else is in its place, StepFailed if S3 does not tell; so do all that read."""
    found = read_json(s3, bucket, _claim_key(delivery))
    if found is None:
        return None
    claim, etag = found
    try:
        until = claim.get("until")
        return Claim(
            Holder.model_validate(claim),
            datetime.fromisoformat(claim["claimed_at"]),
            etag,
            datetime.fromisoformat(until) if until else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _strange(bucket, _claim_key(delivery), "claim", error) from error


def read_verdict(s3: Any, bucket: str, delivery: Delivery) -> Judged | None:
    """The verdict, once its evidence is sealed. One whose run died before that is announced again, and then sealed."""
    evidence = read_evidence(s3, bucket, delivery)
    if evidence is None or not is_sealed(s3, bucket, delivery):
        return None
    judged_at, revision = evidence.run.ended.astimezone(UTC), evidence.delivery.revision
    return Judged(evidence.verdict, evidence.reason, judged_at, evidence_uri(bucket, delivery), revision)


def read_evidence(s3: Any, bucket: str, delivery: Delivery) -> Evidence | None:
    found = read_json(s3, bucket, _prefix(delivery) + EVIDENCE)
    try:
        return Evidence.model_validate(found[0]) if found else None
    except ValidationError as error:
        raise _strange(bucket, _prefix(delivery) + EVIDENCE, "evidence", error) from error


class StandingVerdicts:
    """The verdicts in the evidence bucket, for a ledger that knows of none. Lists the evidence of a dataset once.

    `stay_alive` is called while the bucket is waited for.
    """

    def __init__(self, s3: Any, bucket: str, stay_alive: Callable[[], None] = lambda: None) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._stay_alive = stay_alive
        self._judged: dict[str, frozenset[str]] = {}

    def __call__(self, deliveries: Sequence[Delivery]) -> dict[str, Judged]:
        """By delivery. Raises StepFailed if the evidence bucket does not answer."""
        judged = [each for each in deliveries if each.id in self._with_evidence(each.dataset)]
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="standing") as pool:
            reading = {pool.submit(self._read, each): each.id for each in judged}
            left = set(reading)
            while left:
                _, left = wait(left, _STAY_ALIVE_EVERY_S)
                self._stay_alive()
        found = {id_: each.result() for each, id_ in reading.items()}
        return {id_: verdict for id_, verdict in found.items() if verdict is not None}

    def _with_evidence(self, dataset: str) -> frozenset[str]:
        if dataset not in self._judged:
            found = set[str]()
            for each in list_objects(self._s3, self._bucket, dataset_prefix(dataset)):
                self._stay_alive()
                if each.key.endswith("/evidence.json"):
                    found.add(each.key.rsplit("/", 2)[1])
            self._judged[dataset] = frozenset(found)
        return self._judged[dataset]

    def _read(self, delivery: Delivery) -> Judged | None:
        try:
            return read_verdict(self._s3, self._bucket, delivery)
        except StrangeObject:  # the aftermath says so, again and again; here it must not stop the listing
            return None


def _strange(bucket: str, key: str, expected: str, error: Exception) -> StrangeObject:
    said = f"{error.errors()[0]['msg']}: {error.errors()[0]['loc']}" if isinstance(error, ValidationError) else error
    return StrangeObject(
        f"s3://{bucket}/{key} is no {expected} of Aceite's ({said}); see who put it there, and remove it"
    )


def evidence_uri(bucket: str, delivery: Delivery) -> str:
    return f"s3://{bucket}/{_prefix(delivery)}"


def _prefix(delivery: Delivery) -> str:
    return evidence_prefix(delivery.dataset, delivery.business_date, delivery.id)


def _claim_key(delivery: Delivery) -> str:
    return claim_key(delivery.dataset, delivery.business_date, delivery.id)


def _claim(holder: Holder, now: datetime, until: datetime | None) -> bytes:
    told = {"claimed_at": now.isoformat(), "until": until.isoformat() if until else None}
    return json.dumps({**holder.model_dump(), **told}).encode()
