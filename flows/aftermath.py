"""What becomes of announced deliveries: claims and verdicts are learned of, and what seems lost is announced again."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from prefect import get_run_logger

from acceptance.announcements import due_again
from acceptance.delivery import Delivery
from flows.evidence_store import read_claim, read_verdict
from flows.ledger.announcements import Announcements
from flows.runs import has_ended, queued_runs

LOOKED_FOR_AT_ONCE = 200
PARALLEL = 8
ANNOUNCED_AGAIN_AT_ONCE = 200


@dataclass(frozen=True)
class Aftermath:
    """`patience` is how long a delivery may go unclaimed before it is announced again, doubled each time."""

    announcements: Announcements
    evidence_s3: Any
    evidence_bucket: str
    patience: timedelta

    def look_for_evidence(self) -> None:
        """Of those that were not looked for the longest."""
        deliveries = self.announcements.unjudged(LOOKED_FOR_AT_ONCE)
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="evidence") as pool:
            # Each in a copy of this context, for it says which Prefect server is meant.
            looking = [pool.submit(copy_context().run, self._found, delivery) for delivery in deliveries]
            for delivery, found in zip(deliveries, looking, strict=True):
                self.announcements.note(delivery.id, _now(), **found.result())

    def announce_again(self) -> None:
        waiting = partial(due_again, self.announcements.in_flight(), _now(), self.patience)
        # Only when some seem lost is the server asked whether they merely queue for a free process.
        overdue = waiting() and waiting(queued=queued_runs())[:ANNOUNCED_AGAIN_AT_ONCE]
        if overdue:
            get_run_logger().warning("announcing %d deliveries again: no verdict yet", len(overdue))
            self.announcements.announce_again([item.delivery_id for item in overdue], _now())

    def _found(self, delivery: Delivery) -> dict[str, Any]:
        judged = read_verdict(self.evidence_s3, self.evidence_bucket, delivery)
        if judged is not None:
            return {
                "verdict": judged.verdict.value,
                "reason": judged.reason,
                "evidence": judged.evidence_uri,
                "judged_at": judged.judged_at,
            }
        claim = read_claim(self.evidence_s3, self.evidence_bucket, delivery)
        # The claim of a run that ended without a verdict holds nobody back: the delivery is announced again.
        return {"claimed_at": claim.claimed_at if claim and not has_ended(claim.flow_run_id) else None}


def _now() -> datetime:
    return datetime.now(UTC)
