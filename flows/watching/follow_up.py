"""Follows announced deliveries: reads their claims and verdicts, and announces again what seems lost."""

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
from flows.ledger.announcements import DELETED, Announcements
from flows.ledger.writes import verdict_columns
from flows.locks.claims import read_claim
from flows.locks.holder import LockHolder, is_over
from flows.prefect_api.runs import queued_runs
from flows.threads import in_threads
from flows.watching.keepalive import TROUBLE

LOOKED_FOR_AT_FIRST = 5
LOOKED_FOR_AT_ONCE = 200
ANNOUNCED_AGAIN_AT_ONCE = 200
_UNCLAIMED: Mapping[str, Any] = {"claimed_at": None, "claimed_by": None}


@dataclass(frozen=True)
class FollowUp:
    """Reads the evidence bucket and announces deliveries again.

    `patience` is how long a delivery may stay unclaimed before it is announced again; it doubles each time.
    `stay_alive` is called while the bucket is read.
    `orphaned` holds the ids of deliveries whose run ended without a verdict; EndedRuns adds them.
    `strange` holds the messages about objects that Aceite did not put, so that each is logged once.
    """

    announcements: Announcements
    evidence_s3: Any
    evidence_bucket: str
    patience: timedelta
    stay_alive: Callable[[], None] = lambda: None
    orphaned: set[str] = field(default_factory=set)
    strange: set[str] = field(default_factory=set)

    def look_for_evidence(self) -> None:
        """Check the least recently checked deliveries: 5, then twice as many (up to 200) while half have a verdict.

        Each check costs requests, and in a burst hundreds of verdicts come at once.
        """
        wanted = LOOKED_FOR_AT_FIRST
        while 2 * self._judged(self.announcements.unjudged(wanted)) >= wanted and wanted < LOOKED_FOR_AT_ONCE:
            wanted = min(2 * wanted, LOOKED_FOR_AT_ONCE)

    def announce_again(self) -> None:
        overdue = self._overdue()
        # Ask Prefect and the bucket only if some seem lost: they may queue for a free process, or be claimed by now.
        overdue = overdue and self._overdue(queued_runs())[:ANNOUNCED_AGAIN_AT_ONCE]
        if overdue:
            looked_for = self.look_for(self.announcements.unjudged_of([item.delivery_id for item in overdue]))
            overdue = tuple(item for item in self._overdue(queued_runs()) if item.delivery_id in looked_for)
        if overdue:
            get_run_logger().warning("announcing %d deliveries again: no verdict yet", len(overdue))
            self.announcements.announce_again([item.delivery_id for item in overdue], _now())

    def _overdue(self, queued: int = 0) -> tuple[InFlight, ...]:
        in_flight = self.announcements.in_flight()
        self.orphaned.intersection_update(
            item.delivery_id for item in in_flight
        )  # the others are judged, or announced again
        return due_again(in_flight, _now(), self.patience, queued, self.orphaned)

    def look_for(self, deliveries: Sequence[Delivery]) -> Mapping[str, Mapping[str, Any]]:
        """Return what the evidence bucket says of each delivery, by id. A delivery that cannot be read is left out.

        Raises:
            StepFailed, BotoCoreError, ClientError, httpx.HTTPError: none could be read.
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
        found |= self._withdrawn([each for each in deliveries if found.get(each.id) == _UNCLAIMED])
        self.announcements.record({**{id_: {} for id_ in troubles}, **found}, _now())  # these were checked too
        for said in {str(each) for each in troubles.values() if isinstance(each, UnexpectedObject)} - self.strange:
            get_run_logger().error("a delivery cannot get a verdict: %s", said)
            self.strange.add(said)
        if troubles and not found:
            raise next(iter(troubles.values()))
        return found

    def _withdrawn(self, deliveries: Sequence[Delivery]) -> dict[str, dict[str, Any]]:
        """Return what to record of deliveries that no run has, and whose files were replaced or deleted."""
        unclaimed = {delivery.id: delivery for delivery in deliveries}
        found = {}
        for id_, (word, why) in (self.announcements.withdrawn([*unclaimed]) if unclaimed else {}).items():
            # The pipeline of a run that died may have moved the files. The next run then tells what became of them.
            if word == DELETED and read_claim(self.evidence_s3, self.evidence_bucket, unclaimed[id_]):
                continue
            found[id_] = {"judged_at": _now(), "verdict": word, "reason": why, "evidence": None}
            if word == DELETED:
                get_run_logger().warning("%s gets no verdict: %s", unclaimed[id_].title, why)
        return found

    def _judged(self, deliveries: Sequence[Delivery]) -> int:
        return sum("judged_at" in facts for facts in self.look_for(deliveries).values())

    def _found(self, delivery: Delivery, is_over: Callable[[LockHolder, datetime | None], bool]) -> dict[str, Any]:
        judged = read_verdict(self.evidence_s3, self.evidence_bucket, delivery)
        if judged is not None:
            return verdict_columns(judged)
        claim = read_claim(self.evidence_s3, self.evidence_bucket, delivery)
        # The claim of a run that ended without a verdict does not count: the delivery is announced again.
        if claim is None or is_over(claim.holder, claim.until):
            return dict(_UNCLAIMED)
        return {"claimed_at": claim.claimed_at, "claimed_by": claim.flow_run_id, "run_ended": None}


def _now() -> datetime:
    return datetime.now(UTC)
