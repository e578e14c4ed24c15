"""Tells Prefect's server what the ledger says it must be told, as fast as it stores it, and sees that it did."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from acceptance.announcing.pacing import MOST, Pacing
from flows.ledger import Ledger
from flows.ledger.announcements import Announcement
from flows.prefect_api import events

ROUND_EVERY_S = 0.2
ACTIONS_COUNTED_FOR = timedelta(hours=1)
"""Or since the server or this watcher was started, as what waited in the server's memory is gone then, or unknown."""

ACTIONS_FORGOTTEN_AFTER = timedelta(minutes=2)
"""If the server gets to none of them for so long, it has none: it was started again while nobody looked."""


FEW = 20
"""Announcements that cannot fill the server's queues: so few are not kept waiting to ask how full those are."""


class Announcer:
    """Each announcement is posted, and posted again under its event id if the server lost it, until it is stored.

    `together` is how many deliveries of a dataset one announcement may tell of, if many wait.
    """

    def __init__(self, ledger: Ledger, together: Mapping[str, int] | None = None) -> None:
        self._together = together or {}
        self._announcements = ledger.announcements
        self._pacing = Pacing()
        self._counts_since = self._acted_at = _now()
        self._acted = self._waiting_at_most = 0

    def announce(self, stay_alive: Callable[[], None], at_most: timedelta) -> None:
        """In rounds, until nothing is due, or the server needs more time than a round has, or the time is over.

        Raises:
            httpx.HTTPError: the server did not answer, or refused.
        """
        if not self._announcements.due(1):
            return
        self._announcements.bundle(self._together, _now())
        until = time.monotonic() + at_most.total_seconds()
        # Prefect's client would try again by itself for a minute, with the watcher's lease running out meanwhile.
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}), get_client(sync_client=True) as client:
            try:
                while self._round(client) and time.monotonic() < until:
                    stay_alive()
                    time.sleep(ROUND_EVERY_S)
            except httpx.ConnectError:
                self._counts_since = _now()
                self._pacing = self._pacing.refused(self._counts_since)
                raise

    def _round(self, client: SyncPrefectClient) -> bool:
        """Whether it got on."""
        due = self._announcements.due(MOST)
        posted = {item.event_id: item.posted_at for item in due if item.posted_at is not None}
        stored = events.stored(client, list(posted))
        self._announcements.confirmed(tuple(stored), _now())
        missing = {event_id: posted_at for event_id, posted_at in posted.items() if event_id not in stored}
        self._pacing = self._pacing.learn((posted[event_id] for event_id in stored), missing.values(), _now())
        lost = [item for item in due if item.event_id in missing and self._is_lost(missing[item.event_id])]
        sent = self._post(client, [*lost, *(item for item in due if item.posted_at is None)], len(missing) - len(lost))
        return bool(stored or sent)

    def _post(self, client: SyncPrefectClient, unsent: Sequence[Announcement], on_their_way: int) -> int:
        """How many there was room for."""
        if not unsent:
            return 0
        if self._waiting_at_most + len(unsent) > FEW:
            self._waiting_at_most = self._actions_waiting(client)
        sent = unsent[: self._pacing.room(on_their_way, self._waiting_at_most)]
        events.post(client, [(item.event_id, item.draft) for item in sent])
        self._waiting_at_most += len(sent)
        self._announcements.posted([item.event_id for item in sent], _now())
        return len(sent)

    def _actions_waiting(self, client: SyncPrefectClient) -> int:
        fired, acted = events.actions(client, max(self._counts_since, _now() - ACTIONS_COUNTED_FOR))
        if fired == acted or acted != self._acted:
            self._acted, self._acted_at = acted, _now()
        elif _now() - self._acted_at > ACTIONS_FORGOTTEN_AFTER:
            self._counts_since = _now()
            return 0
        return fired - acted

    def _is_lost(self, posted_at: datetime) -> bool:
        return self._pacing.is_lost(posted_at, _now())


def _now() -> datetime:
    return datetime.now(UTC)
