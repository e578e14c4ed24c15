"""Reads what became of each object that was listed: which deliveries hold it, or why it is none."""

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.pointer import DeliveryPointer
from flows.ledger.tables import deliveries, objects

_BEGINNING_DATE = re.compile(r"\d{4}-\d{2}-\d{2} ")


@dataclass(frozen=True, slots=True)
class Sighting:
    """An object version that the watcher listed, and when. `unroutable` or `ignored` say why it is no delivery."""

    landed: LandingObject
    listed: datetime
    unroutable: str | None
    ignored: str | None


@dataclass(frozen=True, slots=True)
class IgnoredObjects:
    """The number of objects that are ignored for one reason, and the latest of them."""

    reason: str
    count: int
    latest: LandingObject


class Sightings:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def of(self, bucket: str, key: str) -> Sighting | None:
        """Return what the watcher knows of the object, None if it has not listed it."""
        query = sa.select(objects).where(objects.c.bucket == bucket, objects.c.key == key)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Sighting(_landed(row), row.seen_at, row.unroutable, row.ignored)

    def deliveries_with(self, bucket: str, key: str) -> tuple[Delivery, ...]:
        """Return the deliveries that hold any version of this object."""
        named = deliveries.c.member_keys.contains(json.dumps(key, ensure_ascii=False), autoescape=True)
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(deliveries.c.pointer).where(named))
            found = [DeliveryPointer.model_validate(row.pointer).delivery() for row in rows]
        return tuple(each for each in found if any((it.bucket, it.key) == (bucket, key) for it in each.members))

    def ignored(self) -> tuple[IgnoredObjects, ...]:
        """Return why objects are ignored, the most frequent reason first. Reasons that differ by a date are one."""
        counted = sa.select(objects.c.ignored, sa.func.count(), sa.func.max(objects.c.seen_at))
        counted = counted.where(objects.c.ignored.is_not(None)).group_by(objects.c.ignored)
        by_reason: dict[str, IgnoredObjects] = {}
        with self._engine.connect() as connection:
            for reason, number, seen_at in connection.execute(counted).all():
                these = sa.select(objects).where(objects.c.ignored == reason, objects.c.seen_at == seen_at)
                latest = connection.execute(these.order_by(objects.c.key.desc()).limit(1)).one()
                alike = _BEGINNING_DATE.sub("its date ", reason, count=1)
                known = by_reason.get(alike, IgnoredObjects(alike, 0, _landed(latest)))
                by_reason[alike] = replace(known, count=known.count + number)
        return tuple(sorted(by_reason.values(), key=lambda each: (-each.count, each.reason)))


def _landed(row: Any) -> LandingObject:
    return LandingObject(row.bucket, row.key, row.etag, row.size, row.last_modified)
