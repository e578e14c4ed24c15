"""What Prefect's server must be told, and what became of the deliveries that it was told of."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from acceptance.announcing.announcements import TRIED_TOGETHER, InFlight, batches
from acceptance.announcing.delivery_events import EventDraft, arrived, arrived_together
from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.pointer import DeliveryPointer
from flows.ledger.datasets import held_back
from flows.ledger.tables import announcement_row, announcements, deliveries, writing

LOOKED_AT = 2000
"""Waiting announcements that are bundled at once; the others follow."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event that must reach Prefect's server. `posted_at` says whether it was sent and only lacks confirmation."""

    event_id: uuid.UUID
    draft: EventDraft
    posted_at: datetime | None


class Announcements:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def bundle(self, together: Mapping[str, int], now: datetime) -> None:
        """Deliveries that wait to be announced, many of one dataset, get an announcement that tells of them together.

        `together` is how many of a dataset at most. Those of which two runs came to nothing already are told of alone:
        one of them may be what ends its run.
        """
        with writing(self._engine) as connection:
            waiting: dict[str, list[Any]] = {}
            going_on = sorted({*together}.difference(held_back(connection)))
            for row in connection.execute(_alone(going_on).order_by(announcements.c.due_at).limit(LOOKED_AT)):
                waiting.setdefault(row.dataset, []).append(row)
            for dataset, rows in waiting.items():
                for batch in batches([DeliveryPointer.model_validate(row.pointer) for row in rows], together[dataset]):
                    ids = [pointer.id for pointer in batch]
                    together_row = announcement_row(None, arrived_together(batch), now)
                    connection.execute(sa.insert(announcements).values(together_row))
                    told = sa.update(announcements).where(announcements.c.delivery_id.in_(ids), _unsaid())
                    connection.execute(told.values(batch_id=together_row["event_id"]))

    def due(self, limit: int) -> tuple[Announcement, ...]:
        """Those that are not confirmed: what was posted first, then the oldest. Paused datasets' deliveries wait."""
        unconfirmed = sa.select(announcements).where(
            announcements.c.confirmed_at.is_(None), announcements.c.batch_id.is_(None)
        )
        in_turn = (announcements.c.posted_at.is_(None), announcements.c.due_at, announcements.c.event_id)
        with self._engine.connect() as connection:
            if paused := held_back(connection):
                unconfirmed = unconfirmed.where(~_of(paused))
            rows = connection.execute(unconfirmed.order_by(*in_turn).limit(limit))
            return tuple(Announcement(uuid.UUID(row.event_id), EventDraft(**row.event), row.posted_at) for row in rows)

    def posted(self, event_ids: Sequence[uuid.UUID], now: datetime) -> None:
        with writing(self._engine) as connection:
            connection.execute(_these(event_ids).values(posted_at=now))

    def confirmed(self, event_ids: Sequence[uuid.UUID], now: datetime) -> None:
        """The server showed these events: only now are their deliveries announced. Counts an event once."""
        news = sa.select(announcements.c.event_id, announcements.c.delivery_id).where(
            _told_by(event_ids), announcements.c.confirmed_at.is_(None)
        )
        with writing(self._engine) as connection:
            found = connection.execute(news.order_by(announcements.c.event_id).with_for_update()).all()
            told = [row.delivery_id for row in found if row.delivery_id is not None]
            connection.execute(_these(event_ids).values(confirmed_at=now))
            connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.id.in_(told))
                .values(announced_at=now, announcements=deliveries.c.announcements + 1)
            )

    def in_flight(self) -> tuple[InFlight, ...]:
        """Deliveries that are announced, have no verdict, no announcement still on its way, and are not paused."""
        with self._engine.connect() as connection:
            facts = (deliveries.c[name] for name in ("id", "announcements", "announced_at", "claimed_at"))
            query = sa.select(*facts, deliveries.c.pipeline_takes_s)
            query = query.where(_silent(), deliveries.c.dataset.not_in(held_back(connection)))
            return tuple(
                InFlight(
                    row.id, row.announcements, row.announced_at, row.claimed_at, timedelta(seconds=row.pipeline_takes_s)
                )
                for row in connection.execute(query)
            )

    def unjudged_since(self) -> Mapping[str, datetime]:
        """When each announced delivery without a verdict was announced last, by id, be its dataset paused or not."""
        query = sa.select(deliveries.c.id, deliveries.c.announced_at).where(*_without_verdict())
        with self._engine.connect() as connection:
            return {row.id: row.announced_at for row in connection.execute(query)}

    def told_by(self, delivery_ids: Sequence[str]) -> Mapping[str, uuid.UUID]:
        """The last event that told of each of these deliveries, or is to tell."""
        if not delivery_ids:
            return {}
        query = sa.select(announcements.c.delivery_id, announcements.c.event_id, announcements.c.batch_id)
        query = query.where(announcements.c.delivery_id.in_(delivery_ids)).order_by(announcements.c.due_at)
        with self._engine.connect() as connection:
            return {row.delivery_id: uuid.UUID(row.batch_id or row.event_id) for row in connection.execute(query)}

    def untaken(self, dataset: str) -> tuple[str, ...]:
        """Ids of its deliveries that were announced, and that no run took."""
        taken = (deliveries.c.dataset == dataset, deliveries.c.claimed_at.is_(None))
        with self._engine.connect() as connection:
            return tuple(connection.scalars(sa.select(deliveries.c.id).where(_silent(), *taken)))

    def announce_again(self, delivery_ids: Sequence[str], now: datetime) -> None:
        """A new event, with a new id, becomes due for each of these deliveries that is still in flight."""
        these = deliveries.c.id.in_(delivery_ids)
        with writing(self._engine) as connection:
            # Two that announce at the same time: the second waits here, and then sees what the first one did.
            connection.execute(sa.select(deliveries.c.id).where(these).order_by(deliveries.c.id).with_for_update())
            query = sa.select(deliveries.c.id, deliveries.c.pointer).where(these, _silent())
            for row in connection.execute(query).all():
                event = arrived(DeliveryPointer.model_validate(row.pointer).delivery())
                connection.execute(sa.insert(announcements).values(announcement_row(row.id, event, now)))

    def unjudged(self, limit: int) -> tuple[Delivery, ...]:
        """Announced deliveries without a verdict, those first whose evidence was not looked for the longest."""
        oldest_first = (deliveries.c.looked_at.is_not(None), deliveries.c.looked_at)
        return self._deliveries(_unjudged().order_by(*oldest_first).limit(limit))

    def unjudged_of(self, delivery_ids: Sequence[str]) -> tuple[Delivery, ...]:
        return self._deliveries(_unjudged().where(deliveries.c.id.in_(delivery_ids)))

    def judged(self, since: datetime, until: datetime) -> tuple[Delivery, ...]:
        """Deliveries whose verdict was found after `since`, and at `until` at the latest."""
        found = (deliveries.c.judged_at.is_not(None), deliveries.c.looked_at > since, deliveries.c.looked_at <= until)
        return self._deliveries(sa.select(deliveries.c.pointer).where(*found))

    def note(self, found: Mapping[str, Mapping[str, Any]], now: datetime) -> None:
        """What is in the evidence bucket, by delivery: claimed_at, or judged_at with verdict, reason and evidence."""
        with writing(self._engine) as connection:
            for delivery_id, facts in sorted(found.items()):
                change = sa.update(deliveries).where(deliveries.c.id == delivery_id)
                connection.execute(change.values(looked_at=now, **facts))

    def _deliveries(self, query: sa.Select[Any]) -> tuple[Delivery, ...]:
        with self._engine.connect() as connection:
            rows = connection.execute(query)
            return tuple(DeliveryPointer.model_validate(row.pointer).delivery() for row in rows)


def _unjudged() -> sa.Select[Any]:
    return sa.select(deliveries.c.pointer).where(*_without_verdict())


def _without_verdict() -> tuple[sa.ColumnElement[bool], ...]:
    return deliveries.c.judged_at.is_(None), deliveries.c.announced_at.is_not(None)


def _silent() -> sa.ColumnElement[bool]:
    """Deliveries that were announced, and of which nothing is heard or on its way."""
    on_their_way = sa.select(announcements.c.delivery_id).where(
        announcements.c.confirmed_at.is_(None), announcements.c.delivery_id.is_not(None)
    )
    return sa.and_(*_without_verdict(), deliveries.c.id.not_in(on_their_way))


def _of(paused: Sequence[str]) -> sa.ColumnElement[bool]:
    """Announcements of deliveries of these datasets that nobody was told of."""
    here = sa.and_(deliveries.c.id == announcements.c.delivery_id, deliveries.c.dataset.in_(paused))
    return sa.and_(announcements.c.posted_at.is_(None), sa.exists().where(here))


def _told_by(event_ids: Sequence[uuid.UUID]) -> sa.ColumnElement[bool]:
    """The announcements that these events are, and those that they tell of."""
    ids = list(map(str, event_ids))
    return sa.or_(announcements.c.event_id.in_(ids), announcements.c.batch_id.in_(ids))


def _these(event_ids: Sequence[uuid.UUID]) -> sa.Update:
    return sa.update(announcements).where(_told_by(event_ids), announcements.c.confirmed_at.is_(None))


def _unsaid() -> sa.ColumnElement[bool]:
    """Announcements that nobody was told of yet, and that no other one tells of."""
    nobody = (announcements.c.posted_at.is_(None), announcements.c.confirmed_at.is_(None))
    return sa.and_(*nobody, announcements.c.batch_id.is_(None))


def _alone(datasets: Sequence[str]) -> sa.Select[Any]:
    query = sa.select(deliveries.c.dataset, deliveries.c.pointer)
    return query.join_from(announcements, deliveries, announcements.c.delivery_id == deliveries.c.id).where(
        _unsaid(), deliveries.c.dataset.in_(datasets), deliveries.c.announcements < TRIED_TOGETHER
    )
