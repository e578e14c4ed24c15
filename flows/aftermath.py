"""What becomes of announced deliveries: claims and verdicts are learned of, and what seems lost is announced again."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from prefect import get_run_logger

from acceptance.announcements import InFlight, due_again
from acceptance.delivery import Delivery
from flows.evidence_store import read_claim, read_verdict
from flows.holders import Holder, is_over
from flows.ledger.announcements import Announcements
from flows.runs import queued_runs

LOOKED_FOR_AT_FIRST = 5
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
        """Of those that were not looked for the longest: a few, and more while half of them have verdicts.

        Each look costs requests, and in a burst hundreds wait for verdicts that come all at once.
        """
        wanted = LOOKED_FOR_AT_FIRST
        while 2 * self._look_for(self.announcements.unjudged(wanted)) >= wanted and wanted < LOOKED_FOR_AT_ONCE:
            wanted = min(2 * wanted, LOOKED_FOR_AT_ONCE)

    def announce_again(self) -> None:
        overdue = self._overdue()
        # Only when some seem lost is it asked whether they merely queue for a free process, or were claimed meanwhile.
        overdue = overdue and self._overdue(queued_runs())[:ANNOUNCED_AGAIN_AT_ONCE]
        if overdue:
            self._look_for(self.announcements.unjudged_of([item.delivery_id for item in overdue]))
            looked_for = {item.delivery_id for item in overdue}
            overdue = tuple(item for item in self._overdue(queued_runs()) if item.delivery_id in looked_for)
        if overdue:
            get_run_logger().warning("announcing %d deliveries again: no verdict yet", len(overdue))
            self.announcements.announce_again([item.delivery_id for item in overdue], _now())

    def _overdue(self, queued: int = 0) -> tuple[InFlight, ...]:
        return due_again(self.announcements.in_flight(), _now(), self.patience, queued)

    def _look_for(self, deliveries: Sequence[Delivery]) -> int:
        """How many have verdicts."""
        over = cache(is_over)  # many deliveries may be of one run
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="evidence") as pool:
            # Each in a copy of this context, for it says which Prefect server is meant.
            looking = [pool.submit(copy_context().run, self._found, delivery, over) for delivery in deliveries]
            found = {delivery.id: each.result() for delivery, each in zip(deliveries, looking, strict=True)}
        self.announcements.note(found, _now())
        return sum("judged_at" in facts for facts in found.values())

    def _found(self, delivery: Delivery, is_over: Callable[[Holder], bool]) -> dict[str, Any]:
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
        return {"claimed_at": claim.claimed_at if claim and not is_over(claim.holder) else None}


def _now() -> datetime:
    return datetime.now(UTC)
