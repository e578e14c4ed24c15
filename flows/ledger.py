"""The watcher's memory, in SQL: objects seen, deliveries announced, when, how often, and how they ended.

`observe` is one transaction: what was seen and what must be announced commit together. It can be rebuilt from S3: the
landing buckets hold the objects and the evidence bucket the verdicts.
"""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from acceptance.announcements import InFlight
from acceptance.delivery import Delivery, LandingObject
from acceptance.events import DeliveryPointer, EventDraft, arrived
from blocks.settings import Settings
from flows.ledger_tables import announcements, deliveries, lease, metadata, objects


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event that must reach Prefect's server. `posted` says whether it was sent and only lacks confirmation."""

    event_id: uuid.UUID
    draft: EventDraft
    posted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a new object version means: a delivery, whose pipeline may take so long, or the reason why it is none."""

    landed: LandingObject
    delivery: Delivery | None
    event: EventDraft
    unroutable: str | None = None
    pipeline_takes: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """One line of `aceite status`. `state` is landed, announced, claimed or judged."""

    id: str
    dataset: str
    business_date: str
    keys: tuple[str, ...]
    revision: int
    state: str
    verdict: str | None
    reason: str | None
    evidence: str | None
    arrived: datetime
    judged: datetime | None


class Ledger:
    """The ledger at a database URL. Safe for one writer and many readers; `lease` keeps a second writer out."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url)
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _durable_and_concurrent)
        metadata.create_all(self._engine)

    def seen(self, bucket: str, prefix: str) -> dict[str, LandingObject]:
        """The last seen version of every key below the prefix."""
        below = objects.c.key.startswith(prefix, autoescape=True)
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(objects).where(objects.c.bucket == bucket, below))
            return {row.key: LandingObject(row.bucket, row.key, row.etag, row.size, row.last_modified) for row in rows}

    def revision_of(self, dataset: str, keys: Sequence[str]) -> int:
        """How often these keys were delivered, this time included."""
        same = sa.and_(deliveries.c.dataset == dataset, deliveries.c.member_keys == _as_text(keys))
        with self._engine.connect() as connection:
            return 1 + connection.execute(sa.select(sa.func.count()).where(same)).scalar_one()

    def observe(self, sightings: Sequence[Sighting], now: datetime) -> None:
        """Remembers the object versions, and that each has an event to announce, in one transaction."""
        with self._engine.begin() as connection:
            for sighting in sightings:
                _remember_object(connection, sighting, now)
                if sighting.delivery is not None and not _remember_delivery(connection, sighting, now):
                    continue
                delivery_id = sighting.delivery.id if sighting.delivery else None
                _make_due(connection, delivery_id, sighting.event, now)

    def due(self, limit: int) -> tuple[Announcement, ...]:
        """Announcements that are not confirmed, oldest first."""
        query = sa.select(announcements).where(announcements.c.confirmed_at.is_(None))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(announcements.c.due_at).limit(limit))
            return tuple(Announcement(uuid.UUID(row.event_id), EventDraft(**row.event), row.posted_at) for row in rows)

    def posted(self, event_ids: Sequence[uuid.UUID], now: datetime) -> None:
        with self._engine.begin() as connection:
            connection.execute(_these(event_ids).values(posted_at=now))

    def confirmed(self, event_ids: Sequence[uuid.UUID], now: datetime) -> None:
        """The server showed these events: only now are their deliveries announced."""
        with self._engine.begin() as connection:
            connection.execute(_these(event_ids).values(confirmed_at=now))
            told = sa.select(announcements.c.delivery_id).where(announcements.c.event_id.in_(map(str, event_ids)))
            connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.id.in_(told))
                .values(announced_at=now, announcements=deliveries.c.announcements + 1)
            )

    def in_flight(self) -> tuple[InFlight, ...]:
        """Announced, no verdict, and no announcement still on its way."""
        waiting = sa.select(announcements.c.delivery_id).where(
            announcements.c.confirmed_at.is_(None), announcements.c.delivery_id.is_not(None)
        )
        query = sa.select(deliveries).where(
            deliveries.c.judged_at.is_(None), deliveries.c.announced_at.is_not(None), deliveries.c.id.not_in(waiting)
        )
        with self._engine.connect() as connection:
            return tuple(
                InFlight(
                    row.id, row.announcements, row.announced_at, row.claimed_at, timedelta(seconds=row.pipeline_takes_s)
                )
                for row in connection.execute(query)
            )

    def announce_again(self, delivery_ids: Sequence[str], now: datetime) -> None:
        """A new event, with a new id, for each of these deliveries becomes due."""
        with self._engine.begin() as connection:
            query = sa.select(deliveries.c.id, deliveries.c.pointer).where(deliveries.c.id.in_(delivery_ids))
            for row in connection.execute(query).all():
                delivery = DeliveryPointer.model_validate(row.pointer).delivery()
                _make_due(connection, row.id, arrived(delivery), now)

    def unjudged(self, limit: int) -> tuple[Delivery, ...]:
        """Deliveries without a verdict, those first whose evidence was not looked for the longest."""
        query = sa.select(deliveries.c.pointer).where(deliveries.c.judged_at.is_(None))
        oldest = query.order_by(deliveries.c.looked_at.is_not(None), deliveries.c.looked_at).limit(limit)
        with self._engine.connect() as connection:
            rows = connection.execute(oldest)
            return tuple(DeliveryPointer.model_validate(row.pointer).delivery() for row in rows)

    def note(self, delivery_id: str, now: datetime, **facts: Any) -> None:
        """What was found in the evidence bucket: claimed_at, or judged_at with verdict, reason and evidence."""
        with self._engine.begin() as connection:
            change = sa.update(deliveries).where(deliveries.c.id == delivery_id)
            connection.execute(change.values(looked_at=now, **facts))

    def statuses(self, limit: int = 1000) -> tuple[DeliveryStatus, ...]:
        """Newest first."""
        query = sa.select(deliveries).order_by(deliveries.c.arrived_at.desc(), deliveries.c.id).limit(limit)
        with self._engine.connect() as connection:
            return tuple(_status(row) for row in connection.execute(query))

    def unroutable(self, limit: int = 100) -> tuple[tuple[str, str], ...]:
        """URI and reason of the latest objects that fit no contract, newest first."""
        query = sa.select(objects).where(objects.c.unroutable.is_not(None)).order_by(objects.c.seen_at.desc())
        with self._engine.connect() as connection:
            rows = connection.execute(query.limit(limit))
            return tuple((f"s3://{row.bucket}/{row.key}", row.unroutable) for row in rows)

    def take_lease(self, holder: str, until: datetime, now: datetime) -> bool:
        """Takes or renews the watcher's lease; False if another holds it and it has not run out."""
        with self._engine.begin() as connection:
            free = sa.or_(lease.c.holder == holder, lease.c.until < now)
            mine = {"holder": holder, "until": until}
            if connection.execute(sa.update(lease).where(lease.c.name == "watcher", free).values(mine)).rowcount:
                return True
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(lease).values(name="watcher", **mine))
        except sa.exc.IntegrityError:
            return False
        return True

    def give_lease_back(self, holder: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.delete(lease).where(lease.c.name == "watcher", lease.c.holder == holder))

    def close(self) -> None:
        self._engine.dispose()


@contextmanager
def open_ledger(url: str) -> Iterator[Ledger]:
    ledger = Ledger(url)
    try:
        yield ledger
    finally:
        ledger.close()


def ledger_url(settings: Settings) -> str:
    return settings.ledger_url or sqlite_url(settings.home.expanduser() / "ledger.db")


def sqlite_url(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{path.as_posix()}"


def _durable_and_concurrent(connection: Any, _: Any) -> None:
    """Readers do not wait for the writer, a commit survives a power cut, and a writer waits for another up to 30 s."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}").close()


def _remember_object(connection: sa.Connection, sighting: Sighting, now: datetime) -> None:
    landed = sighting.landed
    facts = {
        "etag": landed.etag,
        "size": landed.size,
        "last_modified": landed.last_modified,
        "seen_at": now,
        "delivery_id": sighting.delivery.id if sighting.delivery else None,
        "unroutable": sighting.unroutable,
    }
    same = sa.and_(objects.c.bucket == landed.bucket, objects.c.key == landed.key)
    if not connection.execute(sa.update(objects).where(same).values(facts)).rowcount:
        connection.execute(sa.insert(objects).values(bucket=landed.bucket, key=landed.key, **facts))


def _remember_delivery(connection: sa.Connection, sighting: Sighting, now: datetime) -> bool:
    """False if the delivery is known already: its identity is its content."""
    delivery = sighting.delivery
    assert delivery is not None
    if connection.execute(sa.select(deliveries.c.id).where(deliveries.c.id == delivery.id)).first():
        return False
    connection.execute(
        sa.insert(deliveries).values(
            id=delivery.id,
            dataset=delivery.dataset,
            business_date=delivery.business_date,
            revision=delivery.revision,
            member_keys=_as_text([member.key for member in delivery.members]),
            pointer=DeliveryPointer.to(delivery).model_dump(mode="json"),
            pipeline_takes_s=sighting.pipeline_takes.total_seconds(),
            arrived_at=now,
        )
    )
    return True


def _make_due(connection: sa.Connection, delivery_id: str | None, draft: EventDraft, now: datetime) -> None:
    event: Mapping[str, Any] = {"name": draft.name, "resource": dict(draft.resource), "payload": dict(draft.payload)}
    row = {"event_id": str(uuid.uuid4()), "delivery_id": delivery_id, "event": event, "due_at": now}
    connection.execute(sa.insert(announcements).values(row))


def _these(event_ids: Sequence[uuid.UUID]) -> sa.Update:
    return sa.update(announcements).where(announcements.c.event_id.in_(map(str, event_ids)))


def _as_text(keys: Sequence[str]) -> str:
    return json.dumps(sorted(keys), ensure_ascii=False)


def _status(row: Any) -> DeliveryStatus:
    if row.judged_at is not None:
        state = "judged"
    elif row.claimed_at is not None:
        state = "claimed"
    else:
        state = "landed" if row.announced_at is None else "announced"
    return DeliveryStatus(
        id=row.id,
        dataset=row.dataset,
        business_date=row.business_date.isoformat(),
        keys=tuple(json.loads(row.member_keys)),
        revision=row.revision,
        state=state,
        verdict=row.verdict,
        reason=row.reason,
        evidence=row.evidence,
        arrived=row.arrived_at,
        judged=row.judged_at,
    )
