"""The events that Aceite emits: names, and what they carry. An event holds a pointer to a delivery, never rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from acceptance.delivery import Delivery, LandingObject, common_folder
from acceptance.judge import Verdict
from acceptance.messages import message

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
"""The label that every event about a delivery or a dataset has."""

MOST_POINTER_BYTES = 524_288 - 1_024
"""The most that the pointers of one event have together, by `size_bytes`: of one delivery or of several.

Prefect creates no run whose parameters have more than 524,288 bytes (PREFECT_SERVER_API_MAX_PARAMETER_SIZE, measured by
prefect._internal.schemas.validators.validate_parameter_size): the automation's action fails, and nobody is told. 1,024
bytes are for the event's id and the commas. An event of more than 1,500,000 bytes is dropped
(PREFECT_EVENTS_MAXIMUM_SIZE_BYTES, prefect.server.events.messaging); with their titles these pointers stay below.
"""


class LandingObjectPointer(BaseModel):
    model_config = ConfigDict(frozen=True)

    bucket: str
    key: str
    etag: str
    size: int
    last_modified: datetime


class DeliveryPointer(BaseModel):
    """A delivery as JSON: the payload of its event, and the parameter of the validation flow."""

    model_config = ConfigDict(frozen=True)

    id: str
    dataset: str
    business_date: date
    revision: int = 1
    members: tuple[LandingObjectPointer, ...] = Field(min_length=1)
    fields: dict[str, str] = Field(default_factory=dict)

    @classmethod
    def to(cls, delivery: Delivery) -> "DeliveryPointer":
        return cls(
            id=delivery.id,
            dataset=delivery.dataset,
            business_date=delivery.business_date,
            revision=delivery.revision,
            members=tuple(
                LandingObjectPointer(
                    bucket=member.bucket,
                    key=member.key,
                    etag=member.etag,
                    size=member.size,
                    last_modified=member.last_modified,
                )
                for member in sorted(delivery.members)
            ),
            fields=dict(delivery.fields),
        )

    @property
    def size_bytes(self) -> int:
        """As Prefect counts parameters: JSON without spaces, in which all but ASCII is escaped."""
        return len(json.dumps(self.model_dump(mode="json"), separators=(",", ":")))

    def delivery(self) -> Delivery:
        members = tuple(LandingObject(**member.model_dump()) for member in self.members)
        return Delivery(self.dataset, self.business_date, members, self.fields, self.revision)


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event before it has an id and a time. `resource` are the labels of what it is about."""

    name: str
    resource: Mapping[str, str]
    payload: Mapping[str, Any]


def more_than_prefect_takes(delivery: Delivery) -> str:
    """Why no run could be told of the delivery, for the one who sends it; empty if one can."""
    files, size_bytes = len(delivery.members), DeliveryPointer.to(delivery).size_bytes
    if size_bytes <= MOST_POINTER_BYTES:
        return ""
    fitting = files * MOST_POINTER_BYTES // size_bytes
    return (
        f"there are {files:,} files, whose list has {size_bytes:,} bytes; Prefect takes {MOST_POINTER_BYTES:,} for a "
        f"run, which is about {fitting:,} such files: send fewer and larger ones, or split the delivery"
    )


def arrived(delivery: Delivery) -> EventDraft:
    pointer = DeliveryPointer.to(delivery)
    return EventDraft(ARRIVED, resource_of(delivery), {"delivery": pointer.model_dump(mode="json")})


def arrived_together(pointers: Sequence[DeliveryPointer]) -> EventDraft:
    """Deliveries of one dataset that one run judges. The resource is the location that they share."""
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
    """The name of their run: `orders 12 deliveries 2026-01-01 to 2026-01-12`."""
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
