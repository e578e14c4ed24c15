"""Posts the ledger's announcements to Prefect's server until the server shows that it stored them."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client

from acceptance.announcing.announcements import ON_THEIR_WAY_AT_MOST, Progress
from flows.ledger import Ledger
from flows.prefect_api import events

ROUND_EVERY_S = 0.2


class Announcer:
    """Posts each announcement, and posts it again under the same event id if the server lost it.

    `together` says for each dataset how many waiting deliveries one announcement may carry.
    """

    def __init__(self, ledger: Ledger, together: Mapping[str, int] | None = None) -> None:
        self._together = together or {}
        self._announcements = ledger.announcements
        self._progress = Progress()

    def announce(self, stay_alive: Callable[[], None], at_most: timedelta) -> None:
        """Post what is due, round by round, until nothing is due, a round changes nothing, or `at_most` has passed.

        Raises:
            httpx.HTTPError: Prefect's server did not answer, or refused.
        """
        if not self._announcements.due(1):
            return
        self._announcements.bundle(self._together, _now())
        until = time.monotonic() + at_most.total_seconds()
        with get_client(sync_client=True) as client:
            try:
                while self._round(client) and time.monotonic() < until:
                    stay_alive()
                    time.sleep(ROUND_EVERY_S)
            except httpx.ConnectError:
                self._progress = self._progress.refused(_now())
                raise

    def _round(self, client: SyncPrefectClient) -> bool:
        """Confirm what the server stored, post what is lost or new, and return whether there was any of either."""
        due = self._announcements.due(ON_THEIR_WAY_AT_MOST)  # posted ones come first, so never more are on their way
        posted = {item.event_id: item.posted_at for item in due if item.posted_at is not None}
        stored = events.stored(client, list(posted))
        self._announcements.confirmed(tuple(stored), _now())
        self._progress = self._progress.stored((posted[event_id] for event_id in stored), _now())
        lost = [event_id for event_id in posted.keys() - stored if self._progress.is_lost(posted[event_id], _now())]
        sent = [item for item in due if item.posted_at is None or item.event_id in lost]
        if sent:
            events.post(client, [(item.event_id, item.draft) for item in sent])
            self._announcements.posted([item.event_id for item in sent], _now())
        return bool(stored or sent)


def _now() -> datetime:
    return datetime.now(UTC)
