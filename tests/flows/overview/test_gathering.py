"""The ledger alone tells how all datasets are: the last verdicts, the days, who waits."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from builders import a_contract, a_delivery, an_object

from acceptance.announcing.delivery_events import arrived
from acceptance.announcing.overdue_events import paused
from acceptance.deliveries.key_ranges import KeyRange
from acceptance.judging.judge import Judged, Verdict
from acceptance.overview.datasets import DatasetOverview, Health
from flows.ledger import Ledger, open_ledger
from flows.ledger.listing import Certified
from flows.ledger.writes import NewObject
from flows.overview.gathering import LAST, gather

NOW = datetime(2026, 1, 31, 0, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CONTRACTS = [a_contract("orders"), a_contract("returns")]


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    with open_ledger(url) as ledger:
        ledger.datasets.watch(["orders", "returns", "legacy"], NOW - 60 * DAY)
        yield ledger


def land(ledger: Ledger, dataset: str, name: str, ago: timedelta, verdict: Verdict | None = None) -> str:
    """Have a file arrive, and be judged at once if there is a verdict. Return the delivery's id."""
    at = NOW - ago
    landed = an_object(f"{dataset}/{at:%Y%m%d}/{name}.csv", at=at)
    delivery = a_delivery(landed, dataset=dataset, day=at.date())
    judged = verdict and Judged(verdict, f"the reason of {name}", at, f"s3://evidence/{name}/")
    item = NewObject(landed, delivery, None if judged else arrived(delivery), judged=judged)
    ledger.listing.commit(Certified("landing", dataset, None, (KeyRange(certified_at=at),), [item]), at)
    return delivery.id


def gathered(ledger: Ledger) -> dict[str, DatasetOverview]:
    return {each.dataset: each for each in gather(ledger, CONTRACTS, NOW)}


def test_each_dataset_has_its_own_verdicts_the_newest_first(ledger: Ledger) -> None:
    land(ledger, "orders", "a", 2 * DAY, Verdict.REJECTED)
    land(ledger, "orders", "b", HOUR, Verdict.ACCEPTED)
    land(ledger, "returns", "c", 40 * DAY, Verdict.INCONCLUSIVE)
    seen = gathered(ledger)
    assert {name: each.health for name, each in seen.items()} == {
        "orders": (Health.WELL,),
        "returns": (Health.BROKEN,),
        "legacy": (Health.REMOVED,),
    }
    newest, before = seen["orders"].verdicts
    assert (newest.file, newest.verdict, newest.reason) == ("b.csv", Verdict.ACCEPTED, "the reason of b")
    assert (newest.judged, newest.evidence, before.verdict) == (NOW - HOUR, "s3://evidence/b/", Verdict.REJECTED)
    assert dict(seen["orders"].tally) == {Verdict.ACCEPTED: 1, Verdict.REJECTED: 1, Verdict.INCONCLUSIVE: 0}
    assert sum(number for _, number in seen["returns"].tally) == 0, "40 days ago"


def test_a_day_is_one_of_utc(ledger: Ledger) -> None:
    land(ledger, "orders", "a", HOUR, Verdict.ACCEPTED)  # 23:30 of the day before
    land(ledger, "orders", "b", HOUR / 2, Verdict.REJECTED)  # midnight
    land(ledger, "orders", "c", 30 * DAY, Verdict.REJECTED)
    days = {day: dict(tally) for day, tally in gathered(ledger)["orders"].days}
    assert days[NOW.date() - DAY][Verdict.ACCEPTED] == 1
    assert days[NOW.date()][Verdict.REJECTED] == 1
    assert sum(number for tally in days.values() for number in tally.values()) == 2


def test_who_waits_is_told_the_oldest_first_and_what_stands_for_a_verdict_is_none(ledger: Ledger) -> None:
    land(ledger, "orders", "b", HOUR)
    land(ledger, "orders", "a", 2 * HOUR)
    superseded = land(ledger, "orders", "c", 3 * HOUR)
    ledger.announcements.record(
        {superseded: {"judged_at": NOW, "verdict": "superseded", "reason": "replaced", "evidence": None}}, NOW
    )
    ledger.datasets.pause("orders", paused("orders", NOW, 2, (), ""), NOW)
    seen = gathered(ledger)["orders"]
    assert ([item.file for item in seen.waiting], seen.waits, seen.verdicts) == (["a.csv", "b.csv"], 2, ())
    assert seen.health == (Health.LATE, Health.PAUSED)
    assert seen.overdue == ("1 delivery has no verdict in time; due since 2026-01-30 23:30 UTC",)


def test_however_many_deliveries_there_are_a_few_are_returned_by_as_many_queries(ledger: Ledger) -> None:
    for number in range(LAST + 10):
        land(ledger, "orders", f"f{number}", number * HOUR, Verdict.ACCEPTED)
    asked: list[str] = []

    def heard(_: object, __: object, statement: str, *___: object) -> None:
        asked.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", heard)
    try:
        seen = gathered(ledger)["orders"]
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", heard)
    assert [past.file for past in seen.verdicts] == [f"f{number}.csv" for number in range(LAST)]
    assert sum(number for _, number in seen.tally) == LAST + 10
    assert len([statement for statement in asked if "SELECT" in statement]) == 5
    assert not [statement for statement in asked if "pointer" in statement]
