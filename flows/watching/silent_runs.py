"""Ends runs whose heartbeats stopped, so that others can take over what they hold.

The watcher does it, not a Prefect automation. An automation's wait goes on while the server is down or the machine
sleeps, so it would end all living runs afterwards; and it tries only once.
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
"""Three of Prefect's heartbeats (blocks.settings.HEARTBEAT_S)."""
SILENCE_OF_WATCHERS = timedelta(seconds=360)
"""Three of those of a watcher (blocks.settings.WATCHER_HEARTBEAT_S). Nothing waits for the end of a silent one."""
GAP = timedelta(seconds=40)
"""Between two heartbeats of a watcher that reaches the server (keepalive.HEARTBEAT_EVERY_S), with slack."""
GONE_MESSAGE = "no sign of life: its process is gone"

_RUN = "prefect.flow-run."
_CLOCKS_DIFFER = timedelta(days=1)


@dataclass
class SilentRuns:
    """Ends a run whose last heartbeat is SILENCE old while the watcher's own heartbeats reached the server.

    Other watchers, whose heartbeats are fewer, get SILENCE_OF_WATCHERS.
    The age counts from when the watcher first saw the heartbeat, by its own clock. `own` is the watcher's run id.
    """

    own: str
    _seen: dict[UUID, tuple[datetime, datetime]] = field(default_factory=dict)

    def look(self, now: datetime) -> None:
        """End silent runs; the next look ends what this one could not. Raises httpx.HTTPError if the server is away."""
        beating = {run.id: run for run in runs.beating()}
        watching = {run.flow_id for run in beating.values() if str(run.id) == self.own}
        begun = {id_: run for id_, run in beating.items() if str(id_) != self.own}
        with get_client(sync_client=True) as client:
            last = _last_signs(client, list(begun), now)
            reached = bool(begun) and _without_gap(_own_signs(client, now), now)
        before, self._seen = self._seen, {}
        for run, sign in last.items():
            self._seen[run] = before[run] if run in before and before[run][0] == sign else (sign, now)
            silence = SILENCE_OF_WATCHERS if begun[run].flow_id in watching else SILENCE
            if reached and now - self._seen[run][1] >= silence and runs.end(run, begun[run].state, GONE_MESSAGE):
                get_run_logger().warning(
                    "run %s sent no heartbeat for %s; the watcher ends it", begun[run].name, silence
                )


def _last_signs(client: SyncPrefectClient, ids: Sequence[UUID], now: datetime) -> Mapping[UUID, datetime]:
    """Return the time of each run's last heartbeat; runs without one are left out."""
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
    """Return the times of the watcher's heartbeats in the event store, which all heartbeats reach the same way."""
    lately = EventOccurredFilter.model_validate({"since": now - SILENCE - GAP, "until": now})
    signs = EventFilter(event=EventNameFilter(name=[HEARTBEAT]), occurred=lately, order=EventOrder.DESC)
    return [event.occurred for event in client.read_events(signs, limit=READ_BACK_AT_MOST).events]


def _without_gap(signs: Sequence[datetime], now: datetime) -> bool:
    """Return whether the server was reachable for as long as a run must have been silent."""
    times = [now - SILENCE - GAP, *sorted(signs), now]
    return all(later - earlier <= GAP for earlier, later in pairwise(times))
