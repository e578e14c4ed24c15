"""The events that Aceite emits: names and payloads. An event carries a pointer to a delivery, never rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acceptance.announcing.messages import message
from acceptance.deliveries.delivery import Delivery, LandingObject, common_folder
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.judging.judge import Verdict

ARRIVED = "delivery.arrived"
ARRIVED_TOGETHER = "deliveries.arrived"
ACCEPTED = "delivery.accepted"
REJECTED = "delivery.rejected"
INCONCLUSIVE = "delivery.inconclusive"
INCOMPLETE = "delivery.incomplete"
OVERDUE = "delivery.overdue"
PAUSED = "dataset.paused"
RESUMED = "dataset.resumed"
UNROUTABLE = "landing.object.unroutable"
HEARTBEAT = "watcher.heartbeat"

VERDICT_EVENTS = {Verdict.ACCEPTED: ACCEPTED, Verdict.REJECTED: REJECTED, Verdict.INCONCLUSIVE: INCONCLUSIVE}

DATASET = "aceite.dataset"
"""The resource label of every event about a delivery or a dataset."""


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event without an id and a time. `resource` holds the labels of its resource."""

    name: str
    resource: Mapping[str, str]
    payload: Mapping[str, Any]


def arrived(delivery: Delivery) -> EventDraft:
    pointer = DeliveryPointer.to(delivery)
    return EventDraft(ARRIVED, resource_of(delivery), {"delivery": pointer.model_dump(mode="json")})


def arrived_together(pointers: Sequence[DeliveryPointer]) -> EventDraft:
    """Return the event for deliveries of one dataset that one run judges. The resource is their common location."""
    first, last = min(pointer.business_date for pointer in pointers), max(pointer.business_date for pointer in pointers)
    members = [member for pointer in pointers for member in pointer.members]
    resource = {
        "prefect.resource.id": f"s3://{members[0].bucket}/{common_folder([member.key for member in members])}",
        "prefect.resource.name": title_together(pointers),
        DATASET: pointers[0].dataset,
        "aceite.business-date": first.isoformat() if first == last else f"{first.isoformat()}/{last.isoformat()}",
    }
    payload = {
        "deliveries": [pointer.model_dump(mode="json") for pointer in pointers],
        "titles": [pointer.delivery().title for pointer in pointers],
    }
    return EventDraft(ARRIVED_TOGETHER, resource, payload)


def title_together(pointers: Sequence[DeliveryPointer]) -> str:
    """Return the name of their run: `orders 12 deliveries 2026-01-01 to 2026-01-12`."""
    dates = sorted({pointer.business_date.isoformat() for pointer in pointers})
    return f"{pointers[0].dataset} {len(pointers)} deliveries {' to '.join(dict.fromkeys((dates[0], dates[-1])))}"


def unroutable(landed: LandingObject, reason: str) -> EventDraft:
    resource = {"prefect.resource.id": landed.uri, "prefect.resource.name": landed.file}
    facts = [("Bucket", landed.bucket), ("Key", landed.key), ("Why", reason)]
    payload = {"key": landed.key, "size": landed.size, "reason": reason}
    return EventDraft(UNROUTABLE, resource, {**payload, "message": message(f"{landed.file}: fits no contract", facts)})


def resource_of(delivery: Delivery) -> dict[str, str]:
    return {
        "prefect.resource.id": delivery.first.uri,
        "prefect.resource.name": delivery.title,
        DATASET: delivery.dataset,
        "aceite.business-date": delivery.business_date.isoformat(),
        "aceite.delivery": delivery.id,
    }
