"""Verdicts of which Prefect was never told: their run, or the server, died between the evidence and its event."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import get_run_logger
from prefect.client.orchestration import get_client

from acceptance.delivery import Delivery
from acceptance.events import EventDraft
from acceptance.verdict_events import judged_by, verdict_event_id
from flows import events
from flows.evidence_store import evidence_uri, read_evidence
from flows.ledger.announcements import Announcements

GIVEN = timedelta(seconds=30)
"""For the run itself to tell, and for the server to store it; and so often it is looked."""
LOOKED_BACK = timedelta(hours=1)
"""By a watcher that begins."""


@dataclass
class Untold:
    """The event of a verdict has the same id whoever tells it, so the server itself can be asked for it."""

    announcements: Announcements
    evidence_s3: Any
    evidence_bucket: str
    given: timedelta = GIVEN
    _told_until: datetime | None = None
    _looked_at: datetime | None = None

    def tell(self) -> None:
        """Tells of verdicts that the watcher found a while ago, if nobody did.

        Raises:
            httpx.HTTPError: Prefect's server did not answer.
            StepFailed: the evidence bucket did not.
        """
        now = datetime.now(UTC)
        if self._looked_at is not None and now - self._looked_at < self.given:
            return
        self._looked_at, until = now, now - self.given
        judged = self.announcements.judged(self._told_until or until - LOOKED_BACK, until)
        of = {verdict_event_id(evidence_uri(self.evidence_bucket, each)): each for each in judged}
        with get_client(sync_client=True) as client:
            missing = of.keys() - events.stored(client, list(of))
            drafts = [(event_id, self._draft(of[event_id])) for event_id in missing]
            told = [(event_id, draft) for event_id, draft in drafts if draft is not None]
            events.post(client, told)
        if not told:  # else they are asked for again: the server may end before it has stored them
            self._told_until = until

    def _draft(self, delivery: Delivery) -> EventDraft | None:
        evidence = read_evidence(self.evidence_s3, self.evidence_bucket, delivery)
        if evidence is None:
            return None
        get_run_logger().warning("%s: its run did not tell of its verdict", delivery.title)
        return judged_by(delivery, evidence, evidence_uri(self.evidence_bucket, delivery))
