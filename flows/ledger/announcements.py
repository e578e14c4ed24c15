"""Announcements to Prefect's server, and the claims and verdicts of announced deliveries."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from acceptance.announcing.announcements import TRIED_TOGETHER, InFlight, batches
from acceptance.announcing.delivery_events import EventDraft, arrived, arrived_together
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.pointer import DeliveryPointer
from flows.ledger.datasets import paused_datasets
from flows.ledger.tables import announcement_row, announcements, deliveries, objects, writing
from flows.ledger.writes import AT_ONCE, slices

SUPERSEDED = "superseded"
"""Stands in the place of a verdict if a newer version of a file is judged instead."""
DELETED = "deleted"
"""Stands in the place of a verdict if a file was deleted before a run took it."""

LOOKED_AT = 2000
"""How many waiting announcements one call bundles; the next call takes the others."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event that must reach Prefect's server. `posted_at` is None until it was sent; then it lacks confirmation."""

    event_id: uuid.UUID
    draft: EventDraft
    posted_at: datetime | None


class Announcements:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def bundle(self, together: Mapping[str, int], now: datetime) -> None:
        """Put many waiting deliveries of one dataset into one announcement.

        `together` is how many of a dataset at most. A delivery that was announced TRIED_TOGETHER times without a
        verdict stays alone: it may be what ends its run.
        """
        with writing(self._engine) as connection:
            waiting: dict[str, list[Any]] = {}
            going_on = sorted({*together}.difference(paused_datasets(connection)))
            for row in connection.execute(_not_bundled(going_on).order_by(announcements.c.due_at).limit(LOOKED_AT)):
                waiting.setdefault(row.dataset, []).append(row)
            for dataset, rows in waiting.items():
                for batch in batches([DeliveryPointer.model_validate(row.pointer) for row in rows], together[dataset]):
                    ids = [pointer.id for pointer in batch]
                    together_row = announcement_row(None, arrived_together(batch), now)
                    connection.execute(sa.insert(announcements).values(together_row))
                    told = sa.update(announcements).where(announcements.c.delivery_id.in_(ids), _unposted())
                    connection.execute(told.values(batch_id=together_row["event_id"]))

    def due(self, limit: int) -> tuple[Announcement, ...]:
        """Return unconfirmed announcements: posted ones first, then the oldest. Those of paused datasets wait."""
        unconfirmed = sa.select(announcements).where(
            announcements.c.confirmed_at.is_(None), announcements.c.batch_id.is_(None)
        )
        in_turn = (announcements.c.posted_at.is_(None), announcements.c.due_at, announcements.c.event_id)
        with self._engine.connect() as connection:
            if paused := paused_datasets(connection):
                unconfirmed = unconfirmed.where(~_unposted_of(paused))
            rows = connection.execute(unconfirmed.order_by(*in_turn).limit(limit))
            return tuple(Announcement(uuid.UUID(row.event_id), EventDraft(**row.event), row.posted_at) for row in rows)

    def posted(self, event_ids: Sequence[uuid.UUID], now: datetime) -> None:
        with writing(self._engine) as connection:
            connection.execute(_update_unconfirmed(event_ids).values(posted_at=now))

    def confirmed(self, event_ids: Sequence[uuid.UUID], now: datetime) -> None:
        """Record that the server showed these events: only now are their deliveries announced. Counts each once."""
        news = sa.select(announcements.c.event_id, announcements.c.delivery_id).where(
            _with_bundled(event_ids), announcements.c.confirmed_at.is_(None)
        )
        with writing(self._engine) as connection:
            found = connection.execute(news.order_by(announcements.c.event_id).with_for_update()).all()
            told = [row.delivery_id for row in found if row.delivery_id is not None]
            connection.execute(_update_unconfirmed(event_ids).values(confirmed_at=now))
            connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.id.in_(told))
                .values(announced_at=now, announcements=deliveries.c.announcements + 1)
            )

    def in_flight(self) -> tuple[InFlight, ...]:
        """Return deliveries without a verdict that are announced, not being announced again, and not paused."""
        with self._engine.connect() as connection:
            facts = (deliveries.c[name] for name in ("id", "announcements", "announced_at", "claimed_at"))
            query = sa.select(*facts, deliveries.c.pipeline_takes_s)
            query = query.where(_awaiting_verdict(), deliveries.c.dataset.not_in(paused_datasets(connection)))
            return tuple(
                InFlight(
                    row.id, row.announcements, row.announced_at, row.claimed_at, timedelta(seconds=row.pipeline_takes_s)
                )
                for row in connection.execute(query)
            )

    def unjudged_since(self) -> Mapping[str, datetime]:
        """Return by id when each announced delivery without a verdict was last announced, paused ones included."""
        query = sa.select(deliveries.c.id, deliveries.c.announced_at).where(*_without_verdict())
        with self._engine.connect() as connection:
            return {row.id: row.announced_at for row in connection.execute(query)}

    def last_events(self, delivery_ids: Sequence[str]) -> Mapping[str, uuid.UUID]:
        """Return by id the last event of each of these deliveries, sent or not."""
        if not delivery_ids:
            return {}
        query = sa.select(announcements.c.delivery_id, announcements.c.event_id, announcements.c.batch_id)
        query = query.where(announcements.c.delivery_id.in_(delivery_ids)).order_by(announcements.c.due_at)
        with self._engine.connect() as connection:
            return {row.delivery_id: uuid.UUID(row.batch_id or row.event_id) for row in connection.execute(query)}

    def unclaimed(self, dataset: str) -> tuple[str, ...]:
        """Return the ids of the dataset's announced deliveries that no run claimed."""
        taken = (deliveries.c.dataset == dataset, deliveries.c.claimed_at.is_(None))
        with self._engine.connect() as connection:
            return tuple(connection.scalars(sa.select(deliveries.c.id).where(_awaiting_verdict(), *taken)))

    def unclaimed_events(self, before: datetime) -> Mapping[str, uuid.UUID]:
        """Return by id the last event of each delivery that was announced before then and that no run claimed.

        Deliveries of paused datasets are left out.
        """
        query = sa.select(announcements.c.delivery_id, announcements.c.event_id, announcements.c.batch_id)
        query = query.join_from(announcements, deliveries, announcements.c.delivery_id == deliveries.c.id).where(
            _awaiting_verdict(), deliveries.c.claimed_at.is_(None), deliveries.c.announced_at < before
        )
        with self._engine.connect() as connection:
            query = query.where(deliveries.c.dataset.not_in(paused_datasets(connection)))
            rows = connection.execute(query.order_by(announcements.c.due_at))
            return {row.delivery_id: uuid.UUID(row.batch_id or row.event_id) for row in rows}

    def withdrawn(self, delivery_ids: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        """Return by id what stands in the place of a verdict, and why, if a listing lacks a file of the delivery.

        A run that has not begun refuses such a delivery.
        """
        waiting = self._deliveries(_unjudged().where(deliveries.c.id.in_(delivery_ids)))
        members = [member for delivery in waiting for member in delivery.members]
        now: dict[tuple[str, str], Any] = {}
        with self._engine.connect() as connection:
            for some in slices(members, AT_ONCE):
                query = sa.select(objects).where(objects.c.key.in_([member.key for member in some]))
                now.update(((row.bucket, row.key), row) for row in connection.execute(query))
        why: dict[str, tuple[str, str]] = {}
        for delivery in waiting:
            for member in delivery.members:
                there = now.get((member.bucket, member.key))
                if there is None:
                    why[delivery.id] = DELETED, f"{member.uri} was deleted before a run took it; deliver it again"
                elif _is_newer(there, member, delivery):
                    replaced_at = f"{there.last_modified:%Y-%m-%d at %H:%M:%S%z}"
                    why[delivery.id] = SUPERSEDED, f"{member.uri} was replaced on {replaced_at}"
        return why

    def announce_again(self, delivery_ids: Sequence[str], now: datetime) -> None:
        """Make a new event, with a new id, due for each of these deliveries that still waits for a verdict."""
        these = deliveries.c.id.in_(delivery_ids)
        with writing(self._engine) as connection:
            # If two announce at the same time, the second waits here and then sees what the first did.
            connection.execute(sa.select(deliveries.c.id).where(these).order_by(deliveries.c.id).with_for_update())
            query = sa.select(deliveries.c.id, deliveries.c.pointer).where(these, _awaiting_verdict())
            for row in connection.execute(query).all():
                event = arrived(DeliveryPointer.model_validate(row.pointer).delivery())
                connection.execute(sa.insert(announcements).values(announcement_row(row.id, event, now)))

    def unjudged(self, limit: int) -> tuple[Delivery, ...]:
        """Return announced deliveries without a verdict, the least recently checked first."""
        oldest_first = (deliveries.c.looked_at.is_not(None), deliveries.c.looked_at)
        return self._deliveries(_unjudged().order_by(*oldest_first).limit(limit))

    def unjudged_of(self, delivery_ids: Sequence[str]) -> tuple[Delivery, ...]:
        return self._deliveries(_unjudged().where(deliveries.c.id.in_(delivery_ids)))

    def known(self, delivery_ids: Sequence[str]) -> tuple[Delivery, ...]:
        """Return the deliveries with these ids, judged or not."""
        return self._deliveries(sa.select(deliveries.c.pointer).where(deliveries.c.id.in_(delivery_ids)))

    def judged(self, since: datetime, until: datetime) -> tuple[Delivery, ...]:
        """Return deliveries whose verdict was read after `since` and not after `until`."""
        found = (deliveries.c.judged_at.is_not(None), deliveries.c.looked_at > since, deliveries.c.looked_at <= until)
        return self._deliveries(sa.select(deliveries.c.pointer).where(*found))

    def record(self, found: Mapping[str, Mapping[str, Any]], now: datetime) -> None:
        """Record by delivery what the evidence bucket holds: claimed_at, or judged_at, verdict, reason, evidence."""
        with writing(self._engine) as connection:
            for delivery_id, facts in sorted(found.items()):
                change = sa.update(deliveries).where(deliveries.c.id == delivery_id)
                connection.execute(change.values(looked_at=now, **facts))

    def _deliveries(self, query: sa.Select[Any]) -> tuple[Delivery, ...]:
        with self._engine.connect() as connection:
            rows = connection.execute(query)
            return tuple(DeliveryPointer.model_validate(row.pointer).delivery() for row in rows)


def _is_newer(there: Any, member: LandingObject, delivery: Delivery) -> bool:
    """Return True if the ledger's object is another version. The same bytes may be put again and be no delivery."""
    of_another = there.delivery_id is not None and there.delivery_id != delivery.id
    return of_another or (there.etag, there.size) != (member.etag, member.size)


def _unjudged() -> sa.Select[Any]:
    return sa.select(deliveries.c.pointer).where(*_without_verdict())


def _without_verdict() -> tuple[sa.ColumnElement[bool], ...]:
    return deliveries.c.judged_at.is_(None), deliveries.c.announced_at.is_not(None)


def _awaiting_verdict() -> sa.ColumnElement[bool]:
    """Announced deliveries without a verdict and without an announcement on its way."""
    on_their_way = sa.select(announcements.c.delivery_id).where(
        announcements.c.confirmed_at.is_(None), announcements.c.delivery_id.is_not(None)
    )
    return sa.and_(*_without_verdict(), deliveries.c.id.not_in(on_their_way))


def _unposted_of(paused: Sequence[str]) -> sa.ColumnElement[bool]:
    """Announcements of these datasets' deliveries that were not posted."""
    here = sa.and_(deliveries.c.id == announcements.c.delivery_id, deliveries.c.dataset.in_(paused))
    return sa.and_(announcements.c.posted_at.is_(None), sa.exists().where(here))


def _with_bundled(event_ids: Sequence[uuid.UUID]) -> sa.ColumnElement[bool]:
    """The announcements with these event ids, and those bundled into them."""
    ids = list(map(str, event_ids))
    return sa.or_(announcements.c.event_id.in_(ids), announcements.c.batch_id.in_(ids))


def _update_unconfirmed(event_ids: Sequence[uuid.UUID]) -> sa.Update:
    return sa.update(announcements).where(_with_bundled(event_ids), announcements.c.confirmed_at.is_(None))


def _unposted() -> sa.ColumnElement[bool]:
    """Announcements that are not posted, not confirmed, and not part of a bundle."""
    nobody = (announcements.c.posted_at.is_(None), announcements.c.confirmed_at.is_(None))
    return sa.and_(*nobody, announcements.c.batch_id.is_(None))


def _not_bundled(datasets: Sequence[str]) -> sa.Select[Any]:
    query = sa.select(deliveries.c.dataset, deliveries.c.pointer)
    return query.join_from(announcements, deliveries, announcements.c.delivery_id == deliveries.c.id).where(
        _unposted(), deliveries.c.dataset.in_(datasets), deliveries.c.announcements < TRIED_TOGETHER
    )
