"""Which deliveries are announced together, and when one must be announced again. Events can be lost; deliveries not."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from acceptance.contract.contract import Contract
from acceptance.contract.landing_format import PartitionHolds
from acceptance.deliveries.delivery import MOST_TOGETHER
from acceptance.deliveries.pointer import MOST_POINTER_BYTES, DeliveryPointer

FEW = 8
"""So many deliveries of a dataset that wait at once are a trickle: each gets an event and a run of its own."""

TRIED_TOGETHER = 2

LONGEST_PATIENCE = timedelta(hours=1)
KNOWN_DEAD = 8
"""By so much is the patience shorter with a delivery whose run is known to have come to nothing."""
_DOUBLINGS_AT_MOST = 20  # a second has become more than an hour long before


def together_at_most(contract: Contract, most: int = MOST_TOGETHER) -> int:
    """How many deliveries of the dataset one run may judge.

    Where the pipeline reads a parameter that is overridden, one delivery runs at a time: a run of many would hold it,
    and the file that a person waits for, for hours. Where a partition holds all deliveries of its date, what it must
    hold depends on which of them are in it already: each is measured right behind its pipeline.
    """
    alone = contract.override or contract.partition_holds is PartitionHolds.ALL_DELIVERIES
    return 1 if alone else most


def batches(pointers: Sequence[DeliveryPointer], at_most: int) -> Iterator[tuple[DeliveryPointer, ...]]:
    """Those that are announced together, in their order; a few are not."""
    while len(pointers) > FEW and at_most > 1:
        taken = _fitting(pointers[:at_most])
        if len(taken) > 1:
            yield taken
        pointers = pointers[len(taken) :]


def _fitting(pointers: Sequence[DeliveryPointer]) -> tuple[DeliveryPointer, ...]:
    """As many as one event holds, and one at least."""
    size_bytes, taken = 0, 0
    for pointer in pointers:
        size_bytes += pointer.size_bytes
        if taken and size_bytes > MOST_POINTER_BYTES:
            break
        taken += 1
    return tuple(pointers[:taken])


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
    in_flight: Iterable[InFlight],
    now: datetime,
    patience: timedelta,
    queued: int = 0,
    orphaned: Container[str] = frozenset(),
) -> tuple[InFlight, ...]:
    """Those whose event or run seems lost, oldest first.

    Nobody claimed it for `patience`, doubled with each announcement up to an hour, so that a long queue is not made
    longer. Or somebody claimed it and more time has gone by than its pipeline may take: the new run finds out whether
    the claimer is alive.

    While `queued` runs wait for a free process, what nobody claimed may be one of them: it is given the whole hour.
    Not so `orphaned` deliveries, by id, whose run is known to have ended without a verdict: they are announced again at
    once the first time, and then ever later, as one of them may be what ends its run.
    """
    longest_first = LONGEST_PATIENCE if queued else timedelta(0)

    def due(item: InFlight) -> bool:
        if item.claimed_at is not None:
            since = max(item.claimed_at, item.announced_at)
            return now - since >= item.pipeline_takes + patience
        doublings = min(item.announcements - 1, _DOUBLINGS_AT_MOST)
        doubled: timedelta = patience * 2**doublings
        if item.delivery_id in orphaned:
            return not doublings or now - item.announced_at >= min(doubled / KNOWN_DEAD, LONGEST_PATIENCE)
        return now - item.announced_at >= min(max(doubled, longest_first), LONGEST_PATIENCE)

    return tuple(sorted(filter(due, in_flight), key=lambda item: item.announced_at))
