"""Decide which deliveries to announce together, which to announce again, and which events Prefect's server has lost.

An announcement is on its way from when it is posted until the server's event store shows it. Until then it is in
queues in the server's memory, which hold 10,000 events each, drop silently what does not fit, and end with it.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from acceptance.contract.contract import Contract
from acceptance.contract.landing_format import PartitionHolds
from acceptance.deliveries.delivery import MOST_TOGETHER
from acceptance.deliveries.pointer import MOST_POINTER_BYTES, DeliveryPointer

FEW = 8
"""Up to this many waiting deliveries of a dataset get an event and a run each."""

TRIED_TOGETHER = 2

LONGEST_PATIENCE = timedelta(hours=1)
KNOWN_DEAD = 8
"""Patience is divided by this for deliveries whose run is known to have died."""
_DOUBLINGS_AT_MOST = 20  # even one second exceeds an hour after fewer doublings

ON_THEIR_WAY_AT_MOST = 200
"""A fifth of the 1,000 event ids by which the server knows an event that is posted again. Two copies of one event in
its queue make it drop the whole batch in which it writes them."""

OVERTAKEN = timedelta(seconds=15)
SILENCE = timedelta(seconds=45)
"""Longer than the 30 s for which the server waits when another process locks its SQLite."""


def together_at_most(contract: Contract, most: int = MOST_TOGETHER) -> int:
    """Return how many deliveries of the dataset one run may judge.

    With an overridden parameter one delivery runs at a time: a run of many would lock the parameter, and delay the file
    that a person waits for, for hours. If a partition holds all deliveries of its date, its expected rows depend on
    which of them it already holds, so each is measured right after its pipeline.
    """
    alone = contract.override or contract.partition_holds is PartitionHolds.ALL_DELIVERIES
    return 1 if alone else most


def batches(pointers: Sequence[DeliveryPointer], at_most: int) -> Iterator[tuple[DeliveryPointer, ...]]:
    """Yield the groups of pointers to announce together, in order. The last few get events of their own."""
    while len(pointers) > FEW and at_most > 1:
        taken = _fitting(pointers[:at_most])
        if len(taken) > 1:
            yield taken
        pointers = pointers[len(taken) :]


def _fitting(pointers: Sequence[DeliveryPointer]) -> tuple[DeliveryPointer, ...]:
    """Return as many pointers as fit into one event, but at least one."""
    size_bytes, taken = 0, 0
    for pointer in pointers:
        size_bytes += pointer.size_bytes
        if taken and size_bytes > MOST_POINTER_BYTES:
            break
        taken += 1
    return tuple(pointers[:taken])


@dataclass(frozen=True, slots=True)
class InFlight:
    """An announced delivery without a verdict. `announcements` counts its events; all times are in UTC.

    `pipeline_takes` is the sum of the deadlines of its contract's steps, the time that a claimed delivery may take.
    """

    delivery_id: str
    announcements: int
    announced_at: datetime
    claimed_at: datetime | None
    pipeline_takes: timedelta


def due_again(
    in_flight: Iterable[InFlight],
    now: datetime,
    patience: timedelta,
    queued: int = 0,
    orphaned: Container[str] = frozenset(),
) -> tuple[InFlight, ...]:
    """Return the deliveries whose event or run seems lost, oldest first.

    Either no run claimed it for `patience`, which doubles with each announcement up to an hour, so that a long queue
    does not grow. Or a run claimed it and exceeded the time of its pipeline: a new run checks whether the claimer is
    alive.

    While `queued` runs wait for a free process, an unclaimed delivery may be one of them, so it gets the whole hour.
    `orphaned` deliveries, by id, whose run is known to have ended without a verdict, are announced again at once, then
    at growing intervals, as one of them may be what kills its run.
    """

    def due(item: InFlight) -> bool:
        return now >= due_again_at(item, patience, queued=bool(queued), orphaned=item.delivery_id in orphaned)

    return tuple(sorted(filter(due, in_flight), key=lambda item: item.announced_at))


def due_again_at(item: InFlight, patience: timedelta, *, queued: bool, orphaned: bool) -> datetime:
    """Return when `due_again` returns the delivery, if nothing becomes of it until then.

    `queued`: runs wait for a free process. `orphaned`: its run is known to have ended without a verdict.
    """
    if item.claimed_at is not None:
        return max(item.claimed_at, item.announced_at) + item.pipeline_takes + patience
    doublings = min(item.announcements - 1, _DOUBLINGS_AT_MOST)
    doubled: timedelta = patience * 2**doublings
    if orphaned:
        return item.announced_at + (min(doubled / KNOWN_DEAD, LONGEST_PATIENCE) if doublings else timedelta(0))
    return item.announced_at + min(max(doubled, LONGEST_PATIENCE if queued else timedelta(0)), LONGEST_PATIENCE)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the server has come. All times are in UTC.

    `stored_at` says when it last stored any announcement, `newest_stored` when the newest that it stored was posted,
    `refused_at` when it last could not be reached.
    """

    stored_at: datetime | None = None
    newest_stored: datetime | None = None
    refused_at: datetime | None = None

    def stored(self, posted_at: Iterable[datetime], now: datetime) -> "Progress":
        """Return the progress after the server stored announcements that were posted at these times."""
        newest = max(posted_at, default=None)
        if newest is None:
            return self
        return replace(self, stored_at=now, newest_stored=max(newest, self.newest_stored or newest))

    def refused(self, now: datetime) -> "Progress":
        """Return the progress after the server could not be reached."""
        return replace(self, refused_at=now)

    def is_lost(self, posted_at: datetime, now: datetime) -> bool:
        """Return True if the server lost an announcement that it does not show, or has stored nothing for very long.

        The server writes in the order in which it gets them, so one that is overtaken was dropped; and one that was
        posted before the server could not be reached was in the memory of a process that is gone.
        """
        if self.refused_at is not None and posted_at <= self.refused_at:
            return True
        if self.newest_stored is not None and self.newest_stored - posted_at >= OVERTAKEN:
            return True
        return now - max(posted_at, self.stored_at or posted_at) >= SILENCE
