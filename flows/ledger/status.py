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
    """A landing location. `certified_at` is since when all of it is certified; None if it was never listed whole."""

    bucket: str
    prefix: str
    objects: int
    ignored: int
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
        query = sa.select(ranges.c.bucket, ranges.c.prefix, sa.func.min(ranges.c.certified_at), never)
        with self._engine.connect() as connection:
            rows = connection.execute(query.group_by(ranges.c.bucket, ranges.c.prefix).order_by("bucket", "prefix"))
            return tuple(
                LocationStatus(bucket, prefix, *_counted(connection, bucket, prefix), None if missing else oldest)
                for bucket, prefix, oldest, missing in rows.all()
            )


def _counted(connection: sa.Connection, bucket: str, prefix: str) -> tuple[int, int]:
    counts = sa.select(sa.func.count(), sa.func.count(objects.c.ignored))
    found, ignored = connection.execute(counts.where(objects.c.bucket == bucket, *below(prefix))).one()
    return found, ignored


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
