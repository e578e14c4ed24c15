"""What becomes of announced deliveries: claims and verdicts are learned of, and what seems lost is announced again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from prefect import get_run_logger

from acceptance.announcing.announcements import InFlight, due_again
from acceptance.deliveries.delivery import Delivery
from acceptance.errors import UnexpectedObject
from flows.evidence.verdicts import read_verdict
from flows.ledger.announcements import Announcements
from flows.locks.claims import read_claim
from flows.locks.holder import LockHolder, is_over
from flows.prefect_api.runs import queued_runs
from flows.threads import in_threads
from flows.watching.keepalive import TROUBLE

LOOKED_FOR_AT_FIRST = 5
LOOKED_FOR_AT_ONCE = 200
ANNOUNCED_AGAIN_AT_ONCE = 200


@dataclass(frozen=True)
class FollowUp:
    """`patience` is how long a delivery may go unclaimed before it is announced again, doubled each time.

    `stay_alive` is called while the bucket is waited for.
    `orphaned` are the ids of deliveries whose run is known to have come to nothing: EndedRuns finds them.
    `strange` is what was said of objects in the bucket that are none of Aceite's: it is said once.
    """

    announcements: Announcements
    evidence_s3: Any
    evidence_bucket: str
    patience: timedelta
    stay_alive: Callable[[], None] = lambda: None
    orphaned: set[str] = field(default_factory=set)
    strange: set[str] = field(default_factory=set)

    def look_for_evidence(self) -> None:
        """Of those that were not looked for the longest: a few, and more while half of them have verdicts.

        Each look costs requests, and in a burst hundreds wait for verdicts that come all at once.
        """
        wanted = LOOKED_FOR_AT_FIRST
        while 2 * self._judged(self.announcements.unjudged(wanted)) >= wanted and wanted < LOOKED_FOR_AT_ONCE:
            wanted = min(2 * wanted, LOOKED_FOR_AT_ONCE)

    def announce_again(self) -> None:
        overdue = self._overdue()
        # Only when some seem lost is it asked whether they merely queue for a free process, or were claimed meanwhile.
        overdue = overdue and self._overdue(queued_runs())[:ANNOUNCED_AGAIN_AT_ONCE]
        if overdue:
            looked_for = self.look_for(self.announcements.unjudged_of([item.delivery_id for item in overdue]))
            overdue = tuple(item for item in self._overdue(queued_runs()) if item.delivery_id in looked_for)
        if overdue:
            get_run_logger().warning("announcing %d deliveries again: no verdict yet", len(overdue))
            self.announcements.announce_again([item.delivery_id for item in overdue], _now())

    def _overdue(self, queued: int = 0) -> tuple[InFlight, ...]:
        in_flight = self.announcements.in_flight()
        self.orphaned.intersection_update(item.delivery_id for item in in_flight)  # others are judged, or told of again
        return due_again(in_flight, _now(), self.patience, queued, self.orphaned)

    def look_for(self, deliveries: Sequence[Delivery]) -> Mapping[str, Mapping[str, Any]]:
        """What was found, by delivery. One of which the bucket does not tell keeps back no other: it is left out.

        Raises:
            StepFailed, BotoCoreError, ClientError, httpx.HTTPError: that was so with all.
        """
        over = cache(is_over)  # many deliveries may be of one run

        def look(delivery: Delivery) -> dict[str, Any] | Exception:
            try:
                return self._found(delivery, over)
            except TROUBLE as trouble:
                return trouble

        answers = in_threads(look, deliveries, stay_alive=self.stay_alive)
        by_id = {delivery.id: answer for delivery, answer in zip(deliveries, answers, strict=True)}
        troubles = {id_: answer for id_, answer in by_id.items() if isinstance(answer, Exception)}
        found = {id_: answer for id_, answer in by_id.items() if not isinstance(answer, Exception)}
        self.announcements.note({**{id_: {} for id_ in troubles}, **found}, _now())  # they too had their turn
        for said in {str(each) for each in troubles.values() if isinstance(each, UnexpectedObject)} - self.strange:
            get_run_logger().error("a delivery cannot get a verdict: %s", said)
            self.strange.add(said)
        if troubles and not found:
            raise next(iter(troubles.values()))
        return found

    def _judged(self, deliveries: Sequence[Delivery]) -> int:
        return sum("judged_at" in facts for facts in self.look_for(deliveries).values())

    def _found(self, delivery: Delivery, is_over: Callable[[LockHolder, datetime | None], bool]) -> dict[str, Any]:
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
        return {"claimed_at": claim.claimed_at if claim and not is_over(claim.holder, claim.until) else None}


def _now() -> datetime:
    return datetime.now(UTC)
