"""When a delivery must be announced again. Events can be lost; a delivery cannot."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

LONGEST_PATIENCE = timedelta(hours=1)
_DOUBLINGS_AT_MOST = 20  # a second has become more than an hour long before


@dataclass(frozen=True, slots=True)
class InFlight:
    """An announced delivery without a verdict. `announcements` counts the events so far; all times are in UTC.

    `pipeline_takes` is the sum of the deadlines of its contract's steps: a claimed delivery may take that long.
    """

    delivery_id: str
    announcements: int
    announced_at: datetime
    claimed_at: datetime | None
    pipeline_takes: timedelta


def due_again(
    in_flight: Iterable[InFlight], now: datetime, patience: timedelta, queued: int = 0
) -> tuple[InFlight, ...]:
    """Those whose event or run seems lost, oldest first.

    Nobody claimed it for `patience`, doubled with each announcement up to an hour, so that a long queue is not made
    longer. Or somebody claimed it and more time has gone by than its pipeline may take: the new run finds out whether
    the claimer is alive.

    While `queued` runs wait for a free process, what nobody claimed may be one of them: it is given the whole hour.
    """
    longest_first = LONGEST_PATIENCE if queued else timedelta(0)

    def due(item: InFlight) -> bool:
        if item.claimed_at is not None:
            since = max(item.claimed_at, item.announced_at)
            return now - since >= item.pipeline_takes + patience
        doublings = min(item.announcements - 1, _DOUBLINGS_AT_MOST)
        doubled: timedelta = patience * 2**doublings
        return now - item.announced_at >= min(max(doubled, longest_first), LONGEST_PATIENCE)

    return tuple(sorted(filter(due, in_flight), key=lambda item: item.announced_at))
