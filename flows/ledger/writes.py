"""Writes of new objects, deliveries and groups, each inside the caller's transaction."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import TypeAdapter

from acceptance.announcing.delivery_events import ARRIVED, EventDraft
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.file_groups import Group
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.judging.judge import Judged
from flows.ledger.tables import announcement_row, announcements, datasets, deliveries, groups, keys_as_text, objects

AT_ONCE = 400  # older versions of SQLite allow 999 values in a statement
GROUP = TypeAdapter(Group)
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class NewObject:
    """A new object version: a delivery, whose pipeline may take `pipeline_takes`, or the reason why it is none.

    At most one of `delivery`, `unroutable` and `ignored` is set; none if it is part of a group. `event` is what must be
    announced, if anything. `judged` is a verdict that the delivery already has, when the ledger was lost.
    """

    landed: LandingObject
    delivery: Delivery | None = None
    event: EventDraft | None = None
    unroutable: str | None = None
    ignored: str | None = None
    pipeline_takes: timedelta = timedelta(0)
    judged: Judged | None = None


def insert_new_objects(connection: sa.Connection, new_objects: Sequence[NewObject], now: datetime) -> None:
    for some in slices(new_objects, AT_ONCE):
        _remember_objects(connection, some, now)
        insert_deliveries(connection, some, now)


def insert_deliveries(connection: sa.Connection, new_objects: Sequence[NewObject], now: datetime) -> None:
    """Insert the deliveries that the ledger does not hold, with their events, and the events without a delivery."""
    fresh = _unknown_deliveries(connection, new_objects)
    if fresh:
        connection.execute(sa.insert(deliveries), [_delivery_row(new_object, now) for new_object in fresh.values()])
        _remember_newest(connection, fresh.values(), now)
    announced = [
        announcement_row(new_object.delivery.id if new_object.delivery else None, new_object.event, now)
        for new_object in new_objects
        if new_object.event is not None and (new_object.delivery is None or new_object.delivery.id in fresh)
    ]
    if announced:
        connection.execute(sa.insert(announcements), announced)


def _remember_objects(connection: sa.Connection, new_objects: Sequence[NewObject], now: datetime) -> None:
    by_bucket: dict[str, list[str]] = {}
    for new_object in new_objects:
        by_bucket.setdefault(new_object.landed.bucket, []).append(new_object.landed.key)
    for bucket, keys in by_bucket.items():
        connection.execute(sa.delete(objects).where(objects.c.bucket == bucket, objects.c.key.in_(keys)))
    connection.execute(sa.insert(objects), [_object_row(new_object, now) for new_object in new_objects])


def _object_row(new_object: NewObject, now: datetime) -> dict[str, Any]:
    landed = new_object.landed
    return {
        "bucket": landed.bucket,
        "key": landed.key,
        "etag": landed.etag,
        "size": landed.size,
        "last_modified": landed.last_modified,
        "seen_at": now,
        "delivery_id": new_object.delivery.id if new_object.delivery else None,
        "unroutable": new_object.unroutable,
        "ignored": new_object.ignored,
    }


def _unknown_deliveries(connection: sa.Connection, new_objects: Sequence[NewObject]) -> dict[str, NewObject]:
    """Return by id the deliveries that the ledger does not hold. A delivery's id depends on its content only."""
    found = {new_object.delivery.id: new_object for new_object in new_objects if new_object.delivery is not None}
    known = sa.select(deliveries.c.id).where(deliveries.c.id.in_(found))
    for row in connection.execute(known):
        del found[row.id]
    return found


def _remember_newest(connection: sa.Connection, fresh: Iterable[NewObject], now: datetime) -> None:
    """Record each dataset's new delivery of the latest date. An amended one is not the next expected one."""
    new = [each.delivery for each in fresh if each.delivery is not None and each.delivery.revision == 1]
    newest = {delivery.dataset: delivery for delivery in sorted(new, key=lambda each: each.business_date)}
    for dataset, delivery in newest.items():
        known = {"last_arrived_at": now, "last_business_date": delivery.business_date, "last_uri": delivery.first.uri}
        earlier = sa.or_(
            datasets.c.last_arrived_at.is_(None),
            datasets.c.last_arrived_at < now,
            datasets.c.last_business_date <= delivery.business_date,
        )
        connection.execute(sa.update(datasets).where(datasets.c.dataset == dataset, earlier).values(**known))


def _delivery_row(new_object: NewObject, now: datetime) -> dict[str, Any]:
    delivery = new_object.delivery
    assert delivery is not None
    return {
        "id": delivery.id,
        "dataset": delivery.dataset,
        "business_date": delivery.business_date,
        "revision": delivery.revision,
        "member_keys": keys_as_text([member.key for member in delivery.members]),
        "pointer": _pointer(delivery, new_object.event),
        "pipeline_takes_s": new_object.pipeline_takes.total_seconds(),
        "arrived_at": now,
        **verdict_columns(new_object.judged),
    }


def _pointer(delivery: Delivery, event: EventDraft | None) -> Any:
    """Return the pointer as JSON, which the event of the delivery's arrival has made already."""
    if event is not None and event.name == ARRIVED:
        return event.payload["delivery"]
    return DeliveryPointer.to(delivery).model_dump(mode="json")


def verdict_columns(judged: Judged | None) -> dict[str, Any]:
    return {
        "judged_at": judged and judged.judged_at,
        "verdict": judged and judged.verdict.value,
        "reason": judged and judged.reason,
        "evidence": judged and judged.evidence_uri,
    }


def replace_groups(connection: sa.Connection, changed: Iterable[Group]) -> None:
    rows = [_row(group) for group in changed]
    if rows:
        connection.execute(sa.delete(groups).where(groups.c.id.in_([row["id"] for row in rows])))
        connection.execute(sa.insert(groups), rows)


def _row(group: Group) -> dict[str, Any]:
    return {
        "id": group.key.id,
        "dataset": group.key.dataset,
        "opened_at": group.opened_at,
        "state": GROUP.dump_python(group, mode="json"),
    }


def slices(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
