"""The pointer in an event: the objects of the delivery to judge."""

import json
from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from acceptance.deliveries.delivery import Delivery, LandingObject

MOST_POINTER_BYTES = 524_288 - 1_024
"""The limit of all pointers in one event together, by `size_bytes`.

Prefect creates no run whose parameters have more than 524,288 bytes (PREFECT_SERVER_API_MAX_PARAMETER_SIZE, measured by
prefect._internal.schemas.validators.validate_parameter_size): the automation's action fails silently. 1,024 bytes are
for the event's id and the commas. Prefect drops an event of more than 1,500,000 bytes
(PREFECT_EVENTS_MAXIMUM_SIZE_BYTES, prefect.server.events.messaging); with their titles these pointers stay below that.
"""


class DeliveryPointer(BaseModel):
    """A delivery as JSON: the payload of its event, and the parameter of the validation flow."""

    model_config = ConfigDict(frozen=True)

    id: str
    dataset: str
    business_date: date
    revision: int = 1
    members: tuple[LandingObject, ...] = Field(min_length=1)
    fields: dict[str, str] = Field(default_factory=dict)

    @classmethod
    def to(cls, delivery: Delivery) -> "DeliveryPointer":
        return cls(
            id=delivery.id,
            dataset=delivery.dataset,
            business_date=delivery.business_date,
            revision=delivery.revision,
            members=tuple(sorted(delivery.members)),
            fields=dict(delivery.fields),
        )

    @property
    def size_bytes(self) -> int:
        """Return the size as Prefect counts parameters: JSON without spaces, with non-ASCII characters escaped."""
        return len(json.dumps(self.model_dump(mode="json"), separators=(",", ":")))

    def delivery(self) -> Delivery:
        return Delivery(self.dataset, self.business_date, self.members, self.fields, self.revision)


def more_than_prefect_takes(delivery: Delivery) -> str:
    """Return why Prefect cannot pass the delivery to a run, for its sender, or ""."""
    files, size_bytes = len(delivery.members), DeliveryPointer.to(delivery).size_bytes
    if size_bytes <= MOST_POINTER_BYTES:
        return ""
    fitting = files * MOST_POINTER_BYTES // size_bytes
    return (
        f"the list of {files:,} files has {size_bytes:,} bytes; Prefect accepts {MOST_POINTER_BYTES:,} for a run, "
        f"which is about {fitting:,} such files: send fewer and larger files, or split the delivery"
    )
