"""Each watched dataset as a whole: its last new delivery, what was reported as overdue, and pauses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from acceptance.announcing.delivery_events import EventDraft
from acceptance.announcing.overdue import Arrival, Watched
from acceptance.deliveries.pointer import DeliveryPointer
from flows.ledger.lease import still_held
from flows.ledger.tables import announcement_row, announcements, datasets, deliveries, writing

MOST_LATE = 1000
"""How many late deliveries one look reports; the next look takes the others."""


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A delivery without a verdict that was not reported as late yet."""

    id: str
    dataset: str
    business_date: date
    pointer: Mapping[str, Any]
    arrived_at: datetime
    announcements: int
    claimed_at: datetime | None

    @property
    def title(self) -> str:
        return DeliveryPointer.model_validate(self.pointer).delivery().title

    @property
    def uri(self) -> str:
        return DeliveryPointer.model_validate(self.pointer).delivery().first.uri

    @property
    def state(self) -> str:
        if self.claimed_at is not None:
            return f"a run claimed it at {self.claimed_at:%Y-%m-%d %H:%M:%S%z}"
        return f"announced {self.announcements} times, no run took it" if self.announcements else "not announced yet"


class Datasets:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def watch(self, names: Iterable[str], now: datetime) -> None:
        """Watch these datasets from now on; those that are watched already keep their time."""
        with writing(self._engine) as connection:
            known = set(connection.scalars(sa.select(datasets.c.dataset)))
            rows = [{"dataset": name, "watched_at": now} for name in names if name not in known]
            if rows:
                connection.execute(sa.insert(datasets), rows)

    def watched(self) -> Mapping[str, Watched]:
        with self._engine.connect() as connection:
            return {row.dataset: _watched(row) for row in connection.execute(sa.select(datasets))}

    def paused(self) -> Mapping[str, datetime]:
        """Return the paused datasets, with the time of each pause."""
        query = sa.select(datasets.c.dataset, datasets.c.paused_at).where(datasets.c.paused_at.is_not(None))
        with self._engine.connect() as connection:
            return {dataset: since for dataset, since in connection.execute(query)}

    def count_unclaimed(self, dataset: str) -> int:
        """Count the dataset's deliveries that no run claimed."""
        query = sa.select(sa.func.count()).where(deliveries.c.dataset == dataset, *_untouched())
        with self._engine.connect() as connection:
            return connection.execute(query).scalar_one()

    def inconclusive_reasons(self, dataset: str, since: datetime) -> tuple[str, ...]:
        """Return the reasons of the dataset's inconclusive verdicts since then, the newest first."""
        recent = (deliveries.c.judged_at >= since, deliveries.c.dataset == dataset)
        query = sa.select(deliveries.c.reason).where(*recent, deliveries.c.verdict == "inconclusive")
        with self._engine.connect() as connection:
            return tuple(connection.scalars(query.order_by(deliveries.c.judged_at.desc())))

    def pause(self, dataset: str, draft: EventDraft, now: datetime, holder: str | None = None) -> None:
        """Record the pause and its announcement in one transaction. Raises LeaseLost, as do the methods below."""
        self._commit(dataset, {"paused_at": now}, draft, now, holder)

    def resume(self, dataset: str, draft: EventDraft, now: datetime, holder: str | None = None) -> None:
        self._commit(dataset, {"paused_at": None}, draft, now, holder)

    def report_missing(self, dataset: str, due: datetime, draft: EventDraft, now: datetime, holder: str | None) -> None:
        """Record and announce that the delivery due at `due` did not arrive."""
        self._commit(dataset, {"missing_told": due}, draft, now, holder)

    def late(self, allowed: Mapping[str, timedelta], now: datetime) -> tuple[Unjudged, ...]:
        """Return deliveries without a verdict for longer than allowed and not reported yet, the oldest first."""
        if not allowed:
            return ()
        silent = (deliveries.c.judged_at.is_(None), deliveries.c.overdue_told_at.is_(None))
        old = deliveries.c.arrived_at < now - min(allowed.values())
        query = sa.select(deliveries).where(*silent, old, deliveries.c.dataset.in_(list(allowed)))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(deliveries.c.arrived_at, deliveries.c.id).limit(MOST_LATE))
            found = tuple(
                Unjudged(
                    row.id,
                    row.dataset,
                    row.business_date,
                    row.pointer,
                    row.arrived_at,
                    row.announcements,
                    row.claimed_at,
                )
                for row in rows
            )
        return tuple(each for each in found if each.arrived_at + allowed[each.dataset] < now)

    def report_late(self, ids: Iterable[str], draft: EventDraft, now: datetime, holder: str | None = None) -> None:
        with writing(self._engine) as connection:
            if holder is not None:
                still_held(connection, holder)
            connection.execute(sa.update(deliveries).where(deliveries.c.id.in_(list(ids))).values(overdue_told_at=now))
            connection.execute(sa.insert(announcements).values(announcement_row(None, draft, now)))

    def _commit(
        self, dataset: str, change: Mapping[str, Any], draft: EventDraft, now: datetime, holder: str | None
    ) -> None:
        with writing(self._engine) as connection:
            if holder is not None:
                still_held(connection, holder)
            connection.execute(sa.update(datasets).where(datasets.c.dataset == dataset).values(**change))
            connection.execute(sa.insert(announcements).values(announcement_row(None, draft, now)))


def paused_datasets(connection: sa.Connection) -> list[str]:
    """Return the paused datasets."""
    return list(connection.scalars(sa.select(datasets.c.dataset).where(datasets.c.paused_at.is_not(None))))


def _untouched() -> tuple[sa.ColumnElement[bool], ...]:
    return deliveries.c.judged_at.is_(None), deliveries.c.claimed_at.is_(None)


def _watched(row: Any) -> Watched:
    last = None
    if row.last_arrived_at is not None:
        last = Arrival(row.last_arrived_at, row.last_business_date, row.last_uri)
    return Watched(row.dataset, row.watched_at, last, row.missing_told, row.paused_at)
