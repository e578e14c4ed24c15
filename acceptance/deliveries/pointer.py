"""The pointer in an event: the objects of the delivery to judge."""

import json
import re
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from acceptance.deliveries.delivery import MOST_TOGETHER, Delivery, LandingObject
from acceptance.errors import PointerRefused

MOST_POINTER_BYTES = 524_288 - 1_024
"""The limit of all pointers in one event together, by `size_bytes`.

Prefect creates no run whose parameters have more than 524,288 bytes (PREFECT_SERVER_API_MAX_PARAMETER_SIZE, measured by
prefect._internal.schemas.validators.validate_parameter_size): the automation's action fails silently. 1,024 bytes are
for the event's id and the commas. Prefect drops an event of more than 1,500,000 bytes
(PREFECT_EVENTS_MAXIMUM_SIZE_BYTES, prefect.server.events.messaging); with their titles these pointers stay below that.
"""

_EVENT_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


class DeliveryPointer(BaseModel):
    """A delivery as JSON: the payload of its event, and the parameter of the validation flow."""

    model_config = ConfigDict(frozen=True)

    id: str
    dataset: str
    business_date: date
    revision: int = Field(default=1, ge=1, lt=2**31)
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


def read_pointer(said: object) -> DeliveryPointer:
    """Return the pointer that a run's parameter holds. Raise PointerRefused with what is wrong in it."""
    try:
        pointer = DeliveryPointer.model_validate(said)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, wrong["loc"])) or "the whole"
        raise PointerRefused(
            f"it is no pointer to a delivery: {where}: {wrong['msg']}; take the payload of an event delivery.arrived"
        ) from error
    if len({member.uri for member in pointer.members}) < len(pointer.members):
        raise PointerRefused("it names an object twice")
    for member in pointer.members:
        if member.last_modified.utcoffset() != timedelta(0) or member.last_modified.microsecond:
            time = member.last_modified.isoformat()
            raise PointerRefused(f"{time} is no time of a listing: S3's are in UTC, to the second")
    return pointer


def read_pointers(said: object) -> tuple[DeliveryPointer, ...]:
    """Return the pointers to deliveries of one dataset that one run judges. Raise PointerRefused as `read_pointer`."""
    if not isinstance(said, list | tuple) or not 1 <= len(said) <= MOST_TOGETHER:
        raise PointerRefused(f"it is no list of 1 to {MOST_TOGETHER} pointers to deliveries")
    pointers = tuple(map(read_pointer, said))
    datasets = sorted({pointer.dataset for pointer in pointers})
    if len(datasets) > 1:
        raise PointerRefused(f"deliveries of one dataset are judged together, not of {', '.join(datasets)}")
    if len({pointer.id for pointer in pointers}) < len(pointers):
        raise PointerRefused("it names a delivery twice; name each once")
    return pointers


def read_event_id(said: object) -> str | None:
    """Return the id of the event that started a run, None if a person did. Raise PointerRefused for no id."""
    if said is None or (isinstance(said, str) and _EVENT_ID.fullmatch(said)):
        return said
    raise PointerRefused("event_id is not the id of an event; leave it out to run by hand")


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
