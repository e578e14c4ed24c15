"""Reads what `aceite status` shows."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from flows.ledger.datasets import paused_datasets
from flows.ledger.tables import below, deliveries, objects, ranges


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """One line of `aceite status`. `state` is landed, announced, claimed, judged, or paused (no run takes it)."""

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


@dataclass(frozen=True, slots=True)
class LocationStatus:
    """A landing location. `certified_at` is since when all of it is certified; None if it was never listed whole.

    `unroutable` objects fit no contract; of these, those beyond the first thousand are only `counted`.
    """

    bucket: str
    prefix: str
    objects: int
    ignored: int
    unroutable: int
    counted: int
    certified_at: datetime | None


class Status:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def deliveries(self, limit: int = 1000) -> tuple[DeliveryStatus, ...]:
        """Return the deliveries, newest first."""
        query = sa.select(deliveries).order_by(deliveries.c.arrived_at.desc(), deliveries.c.id).limit(limit)
        with self._engine.connect() as connection:
            paused = paused_datasets(connection)
            return tuple(_status(row, row.dataset in paused) for row in connection.execute(query))

    def locations(self) -> tuple[LocationStatus, ...]:
        never = sa.func.max(sa.case((ranges.c.certified_at.is_(None), 1), else_=0))
        oldest, counted = sa.func.min(ranges.c.certified_at), sa.func.sum(ranges.c.strange)
        query = sa.select(ranges.c.bucket, ranges.c.prefix, oldest, never, counted)
        with self._engine.connect() as connection:
            rows = connection.execute(query.group_by(ranges.c.bucket, ranges.c.prefix).order_by("bucket", "prefix"))
            return tuple(
                _location(connection, bucket, prefix, counted, None if missing else oldest)
                for bucket, prefix, oldest, missing, counted in rows.all()
            )


def _location(
    connection: sa.Connection, bucket: str, prefix: str, counted: int, certified_at: datetime | None
) -> LocationStatus:
    counts = sa.select(sa.func.count(), sa.func.count(objects.c.ignored), sa.func.count(objects.c.unroutable))
    found, ignored, unroutable = connection.execute(counts.where(objects.c.bucket == bucket, *below(prefix))).one()
    return LocationStatus(bucket, prefix, found + counted, ignored, unroutable + counted, counted, certified_at)


def _status(row: Any, paused: bool) -> DeliveryStatus:
    if row.judged_at is not None:
        state = "judged"
    elif row.claimed_at is not None:
        state = "claimed"
    elif paused:
        state = "paused"
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
