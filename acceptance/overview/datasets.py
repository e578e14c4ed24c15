"""How each dataset is: what was judged of it, what is overdue, and whether it is paused."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from acceptance.announcing.overdue import Missing, Watched, judged_within, missing
from acceptance.contract.contract import Contract
from acceptance.counted import counted
from acceptance.deliveries.completeness import deadline
from acceptance.deliveries.file_groups import Group
from acceptance.evidence.reports.formatting import in_utc
from acceptance.judging.judge import Verdict

DAYS = 30
"""The days over which verdicts are counted: today, in UTC, and those before it."""
MOST_WAITING = 20
"""Deliveries without a verdict that a page lists; it counts the others."""
MOST_GROUPS = 5

Tally = tuple[tuple[Verdict, int], ...]
"""How many deliveries have each verdict, in the order of the verdicts."""


class Health(StrEnum):
    """The states of a dataset that a person has to know, the worst first."""

    BROKEN = "broken"  # its last verdict is not accepted
    LATE = "late"  # a delivery, its files or its verdict is overdue
    PAUSED = "paused"  # its automation is switched off, or deliveries wait for a contract
    NEW = "new"  # nothing of it was judged yet
    WELL = "well"
    REMOVED = "removed"  # it has no contract any more


ATTENTION = (Health.BROKEN, Health.LATE, Health.PAUSED)
"""Somebody has to act."""


@dataclass(frozen=True, slots=True)
class PastVerdict:
    """A delivery with its verdict. `file` is the first of `files`, `evidence` the s3:// prefix of its evidence."""

    delivery_id: str
    business_date: date
    revision: int
    file: str
    files: int
    verdict: Verdict
    reason: str
    evidence: str | None
    judged: datetime

    @property
    def judgement(self) -> str:
        """The id of the judgement whose verdict this is: the delivery's, or another one if it was judged again."""
        return self.evidence.rstrip("/").rsplit("/", 1)[-1] if self.evidence else self.delivery_id

    @property
    def judged_again(self) -> bool:
        return self.judgement != self.delivery_id

    @property
    def first_evidence(self) -> str:
        """The s3:// prefix of the evidence of the first judgement, which stays when a delivery is judged again."""
        return f"{(self.evidence or '').rstrip('/').rpartition('/')[0]}/{self.delivery_id}/"


@dataclass(frozen=True, slots=True)
class WaitingDelivery:
    """A delivery without a verdict. `claimed` is since when a run has it. `due` is when its verdict is."""

    business_date: date
    revision: int
    file: str
    files: int
    arrived: datetime
    claimed: datetime | None = None
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """Facts of a dataset, as the ledger and the contract tell them.

    `verdicts` are the last ones, the newest first. `days` counts verdicts by the day, in UTC, on which they were given.
    `waiting` are deliveries without a verdict, the oldest first. `groups` are those whose files are awaited.
    `broken` says why the contract cannot be used.
    """

    dataset: str
    contract: Contract | None = None
    watched: Watched | None = None
    verdicts: Sequence[PastVerdict] = ()
    days: Mapping[date, Mapping[Verdict, int]] | None = None
    waiting: Sequence[WaitingDelivery] = ()
    groups: Sequence[Group] = ()
    broken: str = ""


@dataclass(frozen=True, slots=True)
class DatasetOverview:
    """All that the pages show of a dataset. Equal ones make equal pages.

    `health` is everything that holds, the worst first. `days` are the last ones, the oldest first. `waits` is how many
    deliveries have no verdict, of which `waiting` are the oldest. `facts` are what the contract says, by their names.
    `time_zone` is the dataset's.
    `held_back` says why nothing is judged for want of a contract.
    """

    dataset: str
    name: str
    health: tuple[Health, ...]
    verdicts: tuple[PastVerdict, ...]
    days: tuple[tuple[date, Tally], ...]
    waiting: tuple[WaitingDelivery, ...]
    waits: int
    overdue: tuple[str, ...]
    paused: datetime | None
    last_arrived: datetime | None
    facts: tuple[tuple[str, str], ...]
    time_zone: str = "UTC"
    held_back: str = ""

    @property
    def last(self) -> PastVerdict | None:
        return self.verdicts[0] if self.verdicts else None

    @property
    def tally(self) -> Tally:
        """The verdicts of all days."""
        return summed([tally for _, tally in self.days])


def overview_of(facts: DatasetFacts, now: datetime) -> DatasetOverview:
    """Return how the dataset is now."""
    contract, watched = facts.contract, facts.watched
    within = judged_within(contract) if contract else None
    waiting = tuple(_with_due(each, within) for each in facts.waiting)
    overdue = tuple(_overdue(facts, waiting, now)) if contract else ()
    paused = watched.paused if watched else None
    return DatasetOverview(
        dataset=facts.dataset,
        name=contract.name if contract else facts.dataset,
        health=tuple(_health(facts, is_late=bool(overdue), is_paused=paused is not None)),
        verdicts=tuple(facts.verdicts),
        days=tuple(_days(facts.days or {}, in_utc(now).date())),
        waiting=waiting[:MOST_WAITING],
        waits=len(waiting),
        overdue=overdue,
        paused=paused,
        last_arrived=watched.last.at if watched and watched.last else None,
        facts=tuple(_facts(contract, within)) if contract else (),
        time_zone=contract.time_zone if contract else "UTC",
        held_back=_held_back(facts),
    )


def worst_first(datasets: Sequence[DatasetOverview]) -> tuple[DatasetOverview, ...]:
    order = list(Health)
    return tuple(sorted(datasets, key=lambda each: (order.index(each.health[0]), each.dataset)))


def summed(tallies: Sequence[Tally]) -> Tally:
    """Return one tally of many."""
    counts = dict.fromkeys(Verdict, 0)
    for tally in tallies:
        for verdict, number in tally:
            counts[verdict] += number
    return tuple(counts.items())


def pass_rate(tally: Tally) -> str:
    """Return how many of the verdicts are accepted: 100 % only if all are, 0 % only if none is; "" without any."""
    total, accepted = sum(number for _, number in tally), dict(tally).get(Verdict.ACCEPTED, 0)
    if not total:
        return ""
    percent = 100 * accepted / total
    if 0 < accepted < total:
        percent = min(max(percent, 0.1), 99.9)
    return f"{percent:.1f} %".replace(".0 %", " %")


def minute_text(moment: datetime) -> str:
    return f"{in_utc(moment):%Y-%m-%d %H:%M} UTC"


def _health(facts: DatasetFacts, *, is_late: bool, is_paused: bool) -> Iterator[Health]:
    if facts.contract is None:
        yield Health.PAUSED if _held_back(facts) else Health.REMOVED
        return
    is_broken = bool(facts.verdicts) and facts.verdicts[0].verdict is not Verdict.ACCEPTED
    if is_broken:
        yield Health.BROKEN
    if is_late:
        yield Health.LATE
    if is_paused:
        yield Health.PAUSED
    if not (is_broken or is_late or is_paused):
        yield Health.WELL if facts.verdicts else Health.NEW


def _held_back(facts: DatasetFacts) -> str:
    """Return why nothing is judged for want of a contract. A dataset of which nothing waits may be without one."""
    if facts.contract is not None:
        return ""
    if facts.broken:
        return f"its contract cannot be used, correct it: {facts.broken}"
    return "there is no contract for this dataset any more, and deliveries wait for it" if facts.waiting else ""


def _with_due(item: WaitingDelivery, within: timedelta | None) -> WaitingDelivery:
    due = item.arrived + within if within is not None else None
    return WaitingDelivery(item.business_date, item.revision, item.file, item.files, item.arrived, item.claimed, due)


def _overdue(facts: DatasetFacts, waiting: Sequence[WaitingDelivery], now: datetime) -> Iterator[str]:
    """Yield a sentence for each thing that is overdue. Times stand as such: a page is read later than it is made."""
    contract, watched = facts.contract, facts.watched
    if contract is None:
        return
    absent = missing(contract, watched, now) if watched else None
    if absent is not None:
        yield f"{_missing_text(absent)}; due since {minute_text(absent.since)}"
    late = [item for item in waiting if item.due is not None and item.due < now]
    if late:
        have = "1 delivery has" if len(late) == 1 else f"{len(late)} deliveries have"
        yield f"{have} no verdict in time; due since {minute_text(min(item.due for item in late if item.due))}"
    for group in facts.groups[:MOST_GROUPS]:
        due = deadline(group, contract)
        if due is not None and due < now:
            why = group.waits_for or "files are missing"
            yield f"the delivery of {_group_name(group)} is incomplete, {why}; due since {minute_text(due)}"


def _missing_text(absent: Missing) -> str:
    day = absent.business_date.isoformat() if absent.business_date else ""
    if absent.count > 1:
        return f"{absent.count} deliveries are missing" + (f", the latest that of {day}" if day else "")
    return f"the delivery of {day} is missing" if day else "the next delivery is missing"


def _group_name(group: Group) -> str:
    return " ".join((group.key.business_date.isoformat(), *map("=".join, group.key.fields)))


def _days(counts: Mapping[date, Mapping[Verdict, int]], today: date) -> Iterator[tuple[date, Tally]]:
    for ago in reversed(range(DAYS)):
        day = today - timedelta(days=ago)
        yield day, tuple((verdict, counts.get(day, {}).get(verdict, 0)) for verdict in Verdict)


def _facts(contract: Contract, within: timedelta | None) -> Iterator[tuple[str, str]]:
    yield "Contract", f"{contract.dataset} {contract.version}"
    yield "Files land as", f"s3://{contract.template.bucket}/{contract.template.pattern}"
    table = contract.table
    yield "Table", f"{table.database}.{table.name}"
    if contract.update_every is not None:
        by = f", by {contract.available_at:%H:%M} ({contract.available_at:%Z})" if contract.available_at else ""
        yield "A delivery", f"every {_span(contract.update_every).removeprefix('1 ')}{by}"
    if within is not None:
        yield "Its verdict", f"within {_span(within)} of its arrival"
    yield "Checks", str(len(contract.checks))


def _span(duration: timedelta) -> str:
    """Return a duration in its largest whole unit."""
    seconds = round(duration.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            number = seconds // size
            return counted(number, unit)
    return f"{seconds} s"
