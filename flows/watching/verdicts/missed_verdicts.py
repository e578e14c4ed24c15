"""Announces verdicts whose run, or server, died between putting the evidence and sending its event."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client

from acceptance.announcing.delivery_events import EventDraft
from acceptance.announcing.verdict_events import judged_by, verdict_event_id
from acceptance.deliveries.delivery import Delivery
from acceptance.evidence.object_keys import evidence_uri
from flows.evidence.verdicts import read_evidence
from flows.ledger.announcements import Announcements
from flows.prefect_api import events

TIME_TO_ANNOUNCE = timedelta(seconds=30)
"""How long a run has to send its own event, and the server to store it. Also the polling interval."""
LOOKED_BACK = timedelta(hours=1)
"""How far back a starting watcher looks."""
AT_ONCE = 50


@dataclass
class MissedVerdicts:
    """Asks Prefect's server for each verdict's event, whose id is the same whoever sends it.

    `stay_alive` is called between requests. `given` is how long a run has to send its own event.
    """

    announcements: Announcements
    evidence_s3: Any
    evidence_bucket: str
    stay_alive: Callable[[], None] = lambda: None
    given: timedelta = TIME_TO_ANNOUNCE
    _told_until: datetime | None = None

    def tell(self) -> None:
        """Send the events of verdicts that the watcher read `given` ago, if the server has none.

        Raises:
            httpx.HTTPError: Prefect's server did not answer.
            StepFailed: the evidence bucket did not answer.
        """
        until = datetime.now(UTC) - self.given
        judged = self.announcements.judged(self._told_until or until - LOOKED_BACK, until)
        told = 0
        with get_client(sync_client=True) as client:
            for start in range(0, len(judged), AT_ONCE):
                told += self._tell(client, judged[start : start + AT_ONCE])
        if not told:  # else ask again: the server may end before it has stored the events
            self._told_until = until

    def _tell(self, client: SyncPrefectClient, judged: Sequence[Delivery]) -> int:
        """Return how many events the server did not have."""
        self.stay_alive()
        of = {verdict_event_id(evidence_uri(self.evidence_bucket, each)): each for each in judged}
        missing = of.keys() - events.stored(client, list(of))
        drafts = [(event_id, self._draft(of[event_id])) for event_id in missing]
        told = [(event_id, draft) for event_id, draft in drafts if draft is not None]
        events.post(client, told)
        return len(told)

    def _draft(self, delivery: Delivery) -> EventDraft | None:
        self.stay_alive()
        evidence = read_evidence(self.evidence_s3, self.evidence_bucket, delivery)
        if evidence is None:  # somebody replaced or removed it since its verdict was read
            return None
        get_run_logger().warning("%s: its run did not announce its verdict; the watcher does", delivery.title)
        return judged_by(delivery, evidence, evidence_uri(self.evidence_bucket, delivery))
