"""Bounds what keys that fit no contract may cost: anybody who may put objects can put any number of them.

The ledger remembers the first MOST of a location, each with an event of its own. Of the others it has a count, and one
event an hour tells it.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from acceptance.announcing.delivery_events import unroutable_together
from flows.ledger import Ledger
from flows.ledger.listing import StrangeKeys
from flows.ledger.writes import NewObject

MOST = 1000
SUMMED_UP_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Bounded:
    """New objects without the strange ones that are only `counted`. `known` is None if there are no strange ones."""

    new_objects: Sequence[NewObject]
    counted: int = 0
    known: StrangeKeys | None = None


def bounded(
    ledger: Ledger,
    bucket: str,
    prefix: str,
    new_objects: Sequence[NewObject],
    remembered: Container[str],
    counted_before: int,
) -> Bounded:
    """Bound the new objects of a part of the location.

    `remembered` are the part's keys that the ledger has; `counted_before` were only counted until now.
    """
    if all(each.unroutable is None for each in new_objects):
        return Bounded(new_objects)
    known, room = ledger.listing.strange(bucket, prefix), MOST - ledger.listing.count_unroutable(bucket, prefix)
    kept, told, silent, counted = list[NewObject](), known.told, 0, 0
    for each in new_objects:
        is_new = each.unroutable is not None and each.landed.key not in remembered
        if is_new and room <= 0:
            counted += 1
            continue
        room -= is_new
        is_silent = each.unroutable is not None and told >= MOST
        silent += is_silent
        told += each.unroutable is not None and not is_silent
        kept.append(replace(each, event=None) if is_silent else each)
    untold = known.untold + silent + max(counted - counted_before, 0)
    return Bounded(kept, counted, replace(known, told=told, untold=untold))


def sum_up(ledger: Ledger, bucket: str, prefix: str, counted: int, now: datetime, holder: str | None) -> int:
    """Tell how many strange keys there are, if some were not told and an hour has passed. Return how many were told."""
    known = ledger.listing.strange(bucket, prefix)
    if not known.untold or (known.summed_up_at is not None and now - known.summed_up_at < SUMMED_UP_EVERY):
        return 0
    count = ledger.listing.count_unroutable(bucket, prefix) + counted
    ledger.listing.sum_up(bucket, prefix, unroutable_together(bucket, prefix, count, known.untold), now, holder)
    return count
