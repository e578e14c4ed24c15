"""Facts of datasets for the pages over all of them, of which a test says only what it is about."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from builders import a_contract

from acceptance.announcing.overdue import Arrival, Watched
from acceptance.judging.judge import Verdict
from acceptance.overview.datasets import DatasetFacts, DatasetOverview, PastVerdict, WaitingDelivery, overview_of

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
TODAY = NOW.date()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def past(verdict: Verdict = Verdict.ACCEPTED, *, ago: timedelta = HOUR, **said: Any) -> PastVerdict:
    facts: dict[str, Any] = {
        "delivery_id": "3e9882cd04649cfa9d7c",
        "business_date": (NOW - ago).date(),
        "revision": 1,
        "file": "orders.csv",
        "files": 1,
        "reason": "rows_equal_landed: a row is missing",
        "evidence": "s3://evidence/deliveries/orders/2026-01-31/3e9882cd04649cfa9d7c/",
    }
    return PastVerdict(verdict=verdict, judged=NOW - ago, **{**facts, **said})


def waiting(ago: timedelta, **said: Any) -> WaitingDelivery:
    return WaitingDelivery(said.pop("business_date", TODAY), 1, said.pop("file", "orders.csv"), 1, NOW - ago, **said)


def watched(dataset: str = "orders", *, ago: timedelta | None = HOUR, paused: datetime | None = None) -> Watched:
    """Return what is known of a dataset that is watched for 60 days, and whose last delivery came so long ago."""
    last = Arrival(NOW - ago, (NOW - ago).date(), f"s3://landing/{dataset}/a.csv") if ago is not None else None
    return Watched(dataset, NOW - 60 * DAY, last, paused=paused)


def facts(dataset: str = "orders", *verdicts: PastVerdict, **said: Any) -> DatasetFacts:
    days: dict[date, dict[Verdict, int]] = {}
    for each in verdicts:
        counts = days.setdefault(each.judged.date(), {})
        counts[each.verdict] = counts.get(each.verdict, 0) + 1
    said = {"contract": a_contract(dataset), "watched": watched(dataset), "days": days, **said}
    return DatasetFacts(dataset, verdicts=verdicts, **said)


def overview(dataset: str = "orders", *verdicts: PastVerdict, **said: Any) -> DatasetOverview:
    return overview_of(facts(dataset, *verdicts, **said), NOW)
