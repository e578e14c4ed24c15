"""Runs of which nothing is heard are ended, so that what they hold can be taken over.

By the watcher, not by an automation of Prefect's: the wait of one goes on in the server's database while the server is
down, or the machine sleeps, and has run out for all that live when it is back; and it tries once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.filters import (
    EventFilter,
    EventNameFilter,
    EventOccurredFilter,
    EventOrder,
    EventResourceFilter,
)

from acceptance.announcing.delivery_events import HEARTBEAT
from flows.prefect_api import runs
from flows.prefect_api.events import READ_BACK_AT_MOST

SILENCE = timedelta(seconds=90)
"""Three of Prefect's heartbeats (blocks.environment.HEARTBEAT_S)."""
GAP = timedelta(seconds=30)
"""Between two heartbeats of a watcher that reaches the server (keepalive.HEARTBEAT_EVERY_S), with slack."""
SAID = "no sign of life: its process is gone"

_RUN = "prefect.flow-run."
_CLOCKS_DIFFER = timedelta(days=1)


@dataclass
class SilentRuns:
    """A run that gave a sign of life, and for SILENCE no further one, while the watcher's own reached the server.

    What counts is when the watcher first saw a sign, by its own clock. `own` is the watcher's run.
    """

    own: str
    _seen: dict[UUID, tuple[datetime, datetime]] = field(default_factory=dict)

    def look(self, now: datetime) -> None:
        """Raises httpx.HTTPError if the server did not answer. What could not be ended is ended by the next look."""
        begun = {run.id: run for run in runs.beating() if str(run.id) != self.own}
        with get_client(sync_client=True) as client:
            last = _last_signs(client, list(begun), now)
            reached = bool(begun) and _without_gap(_own_signs(client, now), now)
        before, self._seen = self._seen, {}
        for run, sign in last.items():
            self._seen[run] = before[run] if run in before and before[run][0] == sign else (sign, now)
            if reached and now - self._seen[run][1] >= SILENCE and runs.end(run, begun[run].state, SAID):
                get_run_logger().warning("run %s gave no sign of life for %s; it is ended", begun[run].name, SILENCE)


def _last_signs(client: SyncPrefectClient, ids: Sequence[UUID], now: datetime) -> Mapping[UUID, datetime]:
    """By run, of those that gave any."""
    found: dict[UUID, datetime] = {}
    for start in range(0, len(ids), READ_BACK_AT_MOST):
        resources = [f"{_RUN}{id_}" for id_ in ids[start : start + READ_BACK_AT_MOST]]
        of = EventResourceFilter(id=resources, distinct=True)
        until = EventOccurredFilter.model_validate({"until": now + _CLOCKS_DIFFER})
        signs = EventFilter(
            event=EventNameFilter(name=["prefect.flow-run.heartbeat"]),
            resource=of,
            occurred=until,
            order=EventOrder.DESC,
        )
        events = client.read_events(signs, limit=READ_BACK_AT_MOST).events
        found |= {UUID(event.resource.id.removeprefix(_RUN)): event.occurred for event in events}
    return found


def _own_signs(client: SyncPrefectClient, now: datetime) -> Sequence[datetime]:
    """The watcher's heartbeats that are in the store, whose way there is that of all others."""
    lately = EventOccurredFilter.model_validate({"since": now - SILENCE - GAP, "until": now})
    signs = EventFilter(event=EventNameFilter(name=[HEARTBEAT]), occurred=lately, order=EventOrder.DESC)
    return [event.occurred for event in client.read_events(signs, limit=READ_BACK_AT_MOST).events]


def _without_gap(signs: Sequence[datetime], now: datetime) -> bool:
    """Whether the server was there for as long as a run must have been silent."""
    times = [now - SILENCE - GAP, *sorted(signs), now]
    return all(later - earlier <= GAP for earlier, later in pairwise(times))
