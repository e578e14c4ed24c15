"""When a delivery, its verdict or its run is overdue: by the contract's frequency, latency and deadlines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from acceptance.contract.checks import Metric
from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery

WITHOUT_PROMISE = timedelta(hours=1)
"""Without a latency in its contract a delivery may take what its pipeline's steps may, and this."""

QUERIES = 6
"""Queries to Athena that follow one another: what landed, checks, sample, and those that find the cells that differ."""

OF_ITS_OWN = timedelta(minutes=30)
"""For everything without a deadline in the contract: reading gigabytes, trying again, putting evidence."""

_WHOLE_DAYS = timedelta(days=27)  # a month, which some contracts count in, is no number of days


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery that arrived. `uri` is that of its first file."""

    at: datetime
    business_date: date
    uri: str


@dataclass(frozen=True, slots=True)
class Watched:
    """The state of a dataset: the start of watching, its last new delivery, and the last notification.

    A delivery of a key that was delivered before does not count as new. `told` is the due time of the missing delivery
    that people were last notified of. `paused` is when its validation was paused.
    """

    dataset: str
    since: datetime
    last: Arrival | None = None
    told: datetime | None = None
    paused: datetime | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Missing deliveries: how many, and when the first and the latest of them were due.

    `business_date` is that of the latest, None if it does not follow from the last delivery's.
    """

    count: int
    since: datetime
    due: datetime
    business_date: date | None
    last: Arrival | None


def missing(contract: Contract, watched: Watched, now: datetime) -> Missing | None:
    """Return the missing deliveries, or None if there are none or the contract promises no frequency."""
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
    """Return when the delivery after the last one is due.

    If the contract states a time of day, an arrival counts for the nearest such time, early or late, and the next is
    due `every` later; so a late delivery does not shift the following ones.
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
    """Return how long after its arrival a delivery must have its verdict."""
    promised = [check.threshold.bounds[0] for check in contract.checks if check.metric is Metric.LATENCY]
    if promised:
        return timedelta(seconds=float(min(promised)))
    return sum((step.within for step in contract.steps), timedelta()) + WITHOUT_PROMISE


def run_within(contract: Contract, deliveries: Sequence[Delivery], at_once: int, turn: timedelta) -> timedelta:
    """The sum of what its steps and queries may take, for each lot of deliveries that are judged `at_once`.

    A query may wait in Athena's queue as long as it may run. `turn` is how long a run waits for its turn with a
    parameter that it changes, or with a Glue job. A pipeline may be run once for each file of a delivery, and before a
    Glue job the end of an earlier run is awaited.
    """
    jobs = (step.within for step in contract.steps if step.glue_job)
    steps = sum((step.within for step in contract.steps), timedelta()) + sum(jobs, timedelta())
    files = max((len(delivery.members) for delivery in deliveries), default=1)
    lots = -(-len(deliveries) // max(at_once, 1))
    turns = len(contract.override) * turn + job_turns(contract, turn)
    return lots * (files * (steps + turns) + 2 * QUERIES * contract.table.query_within + OF_ITS_OWN)


def job_turns(contract: Contract, turn: timedelta) -> timedelta:
    """Return how long a pipeline may wait for its turns with Glue jobs, which limit their runs at work."""
    return len([step for step in contract.steps if step.glue_job]) * turn
