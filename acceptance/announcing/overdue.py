"""What should have come and has not: by the frequency that a contract promises, and the time that a verdict takes."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from acceptance.contract.checks import Metric
from acceptance.contract.contract import Contract

WITHOUT_PROMISE = timedelta(hours=1)
"""Without a latency in its contract a delivery may take what its pipeline's steps may, and this."""

_WHOLE_DAYS = timedelta(days=27)  # a month, which some contracts count in, is no number of days


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery that came. `uri` is of its first file."""

    at: datetime
    business_date: date
    uri: str


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of a dataset: since when it is watched, its last new delivery, and the last one found missing.

    An amended delivery, of files that were delivered before, is not the next one. `told` is when that which people
    were told of last was due. `paused` is since when its validation is paused.
    """

    dataset: str
    since: datetime
    last: Arrival | None = None
    told: datetime | None = None
    paused: datetime | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Deliveries that did not come: how many, when the first and the latest of them were due.

    `business_date` is that of the latest, None where it does not follow from the last one's.
    """

    count: int
    since: datetime
    due: datetime
    business_date: date | None
    last: Arrival | None


def missing(contract: Contract, watched: Watched, now: datetime) -> Missing | None:
    """None if nothing is, or the contract promises no frequency."""
    every = contract.update_every
    if every is None:
        return None
    since = first_due(contract, watched, every)
    if now <= since:
        return None
    passed = (now - since) // every
    business_date = None
    if watched.last is not None and timedelta(days=1) <= every <= _WHOLE_DAYS and not every % timedelta(days=1):
        business_date = watched.last.business_date + (passed + 1) * every
    return Missing(passed + 1, since, since + passed * every, business_date, watched.last)


def first_due(contract: Contract, watched: Watched, every: timedelta) -> datetime:
    """When the delivery after the last one is due.

    With a time of day in the contract an arrival counts for the nearest one, be it early or late, and the next is due
    `every` later; so a late delivery does not make the following ones late.
    """
    counted_from = watched.last.at if watched.last else watched.since
    at = contract.available_at
    if at is None:
        return counted_from + every
    counted_from = counted_from.astimezone(at.tzinfo)
    same_day = datetime.combine(counted_from.date(), at)
    around = [same_day + timedelta(days=days) for days in (-1, 0, 1)]
    return min(around, key=lambda slot: abs(slot - counted_from)) + every


def judged_within(contract: Contract) -> timedelta:
    """How long after its arrival a delivery has its verdict at the latest."""
    promised = [check.threshold.bounds[0] for check in contract.checks if check.metric is Metric.LATENCY]
    if promised:
        return timedelta(seconds=float(min(promised)))
    return sum((step.within for step in contract.steps), timedelta()) + WITHOUT_PROMISE
