"""Each watched dataset as a whole: its last new delivery, what was reported as overdue, and pauses."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from acceptance.announcing.delivery_events import EventDraft
from acceptance.announcing.overdue import Arrival, Watched
from acceptance.announcing.overdue_events import Late
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.messages.message import Message
from flows.ledger.lease import writing_as
from flows.ledger.tables import announcement_row, announcements, datasets, deliveries, writing

MOST_LATE = 1000
"""How many late deliveries one look reports; the next look takes the others."""


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

    def pause(self, dataset: str, draft: EventDraft | None, now: datetime, holder: str | None = None) -> None:
        """Record the pause and its announcement, if any, in one transaction. Raises LeaseLost, as do those below."""
        self._commit(dataset, {"paused_at": now}, draft, now, holder)

    def resume(self, dataset: str, draft: EventDraft, now: datetime, holder: str | None = None) -> None:
        self._commit(dataset, {"paused_at": None}, draft, now, holder)

    def report_missing(self, dataset: str, due: datetime, draft: EventDraft, now: datetime, holder: str | None) -> None:
        """Record and announce that the delivery due at `due` did not arrive."""
        self._commit(dataset, {"missing_told": due}, draft, now, holder)

    def late(self, allowed: Mapping[str, timedelta], now: datetime) -> Mapping[str, Sequence[Late]]:
        """Return by dataset deliveries without a verdict for longer than allowed and not reported yet, oldest first."""
        if not allowed:
            return {}
        silent = (deliveries.c.judged_at.is_(None), deliveries.c.overdue_told_at.is_(None))
        old = deliveries.c.arrived_at < now - min(allowed.values())
        query = sa.select(deliveries).where(*silent, old, deliveries.c.dataset.in_(list(allowed)))
        found: defaultdict[str, list[Late]] = defaultdict(list)
        with self._engine.connect() as connection:
            for row in connection.execute(query.order_by(deliveries.c.arrived_at, deliveries.c.id).limit(MOST_LATE)):
                due = row.arrived_at + allowed[row.dataset]
                if due < now:
                    found[row.dataset].append(_late(row, due))
        return found

    def report_late(self, ids: Iterable[str], draft: EventDraft, now: datetime, holder: str | None = None) -> None:
        with writing_as(self._engine, holder) as connection:
            connection.execute(sa.update(deliveries).where(deliveries.c.id.in_(list(ids))).values(overdue_told_at=now))
            connection.execute(sa.insert(announcements).values(announcement_row(None, draft, now)))

    def _commit(
        self, dataset: str, change: Mapping[str, Any], draft: EventDraft | None, now: datetime, holder: str | None
    ) -> None:
        with writing_as(self._engine, holder) as connection:
            connection.execute(sa.update(datasets).where(datasets.c.dataset == dataset).values(**change))
            if draft is not None:
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


def _late(row: Any, due: datetime) -> Late:
    delivery = DeliveryPointer.model_validate(row.pointer).delivery()
    if row.claimed_at is not None:
        state = Message("a run claimed it at {moment}", moment=f"{row.claimed_at:%Y-%m-%d %H:%M:%S%z}")
    elif row.announcements:
        state = Message.counted(
            "announced {count} time, no run took it", "announced {count} times, no run took it", row.announcements
        )
    else:
        state = Message("not announced yet")
    return Late(row.id, delivery.title, row.business_date, delivery.first.uri, row.arrived_at, due, state)
