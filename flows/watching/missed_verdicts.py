"""Verdicts of which Prefect was never told: their run, or the server, died between the evidence and its event."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client

from acceptance.announcing.delivery_events import EventDraft
from acceptance.announcing.verdict_events import judged_by, verdict_event_id
from acceptance.deliveries.delivery import Delivery
from acceptance.errors import UnexpectedObject
from acceptance.evidence.object_keys import evidence_uri
from flows.evidence.verdicts import read_evidence
from flows.ledger.announcements import Announcements
from flows.prefect_api import events

TIME_TO_ANNOUNCE = timedelta(seconds=30)
"""For the run itself to tell, and for the server to store it."""
LOOKED_BACK = timedelta(hours=1)
"""By a watcher that begins."""
AT_ONCE = 50


@dataclass
class MissedVerdicts:
    """The event of a verdict has the same id whoever tells it, so the server itself can be asked for it.

    `stay_alive` is called between questions.
    """

    announcements: Announcements
    evidence_s3: Any
    evidence_bucket: str
    stay_alive: Callable[[], None] = lambda: None
    given: timedelta = TIME_TO_ANNOUNCE
    _told_until: datetime | None = None

    def tell(self) -> None:
        """Tells of verdicts that the watcher found a while ago, if nobody did.

        Raises:
            httpx.HTTPError: Prefect's server did not answer.
            StepFailed: the evidence bucket did not.
        """
        until = datetime.now(UTC) - self.given
        judged = self.announcements.judged(self._told_until or until - LOOKED_BACK, until)
        told = 0
        with get_client(sync_client=True) as client:
            for start in range(0, len(judged), AT_ONCE):
                told += self._tell(client, judged[start : start + AT_ONCE])
        if not told:  # else they are asked for again: the server may end before it has stored them
            self._told_until = until

    def _tell(self, client: SyncPrefectClient, judged: Sequence[Delivery]) -> int:
        """How many the server did not know."""
        self.stay_alive()
        of = {verdict_event_id(evidence_uri(self.evidence_bucket, each)): each for each in judged}
        missing = of.keys() - events.stored(client, list(of))
        drafts = [(event_id, self._draft(of[event_id])) for event_id in missing]
        told = [(event_id, draft) for event_id, draft in drafts if draft is not None]
        events.post(client, told)
        return len(told)

    def _draft(self, delivery: Delivery) -> EventDraft | None:
        self.stay_alive()
        try:
            evidence = read_evidence(self.evidence_s3, self.evidence_bucket, delivery)
        except UnexpectedObject:  # somebody replaced it since its verdict was read
            return None
        if evidence is None:
            return None
        get_run_logger().warning("%s: its run did not tell of its verdict", delivery.title)
        return judged_by(delivery, evidence, evidence_uri(self.evidence_bucket, delivery))
