"""The events that Aceite emits: names and payloads. An event carries a pointer to a delivery, never rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acceptance.announcing.messages import message
from acceptance.contract.contract import Contract
from acceptance.deliveries.completeness import Incomplete, deadline
from acceptance.deliveries.delivery import Delivery, LandingObject, common_folder
from acceptance.deliveries.file_groups import Group, group_prefix
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.judging.judge import Verdict
from acceptance.messages.languages import ENGLISH, Language, date_text
from acceptance.messages.message import Grouped, Message
from acceptance.untrusted_text import one_line

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
UNROUTABLE_TOGETHER = "landing.objects.unroutable"
HEARTBEAT = "watcher.heartbeat"

VERDICT_EVENTS = {Verdict.ACCEPTED: ACCEPTED, Verdict.REJECTED: REJECTED, Verdict.INCONCLUSIVE: INCONCLUSIVE}

DATASET = "aceite.dataset"
"""The resource label of every event about a delivery or a dataset."""

MOST_KEYS = 500
"""The most keys that an event lists: with as many missing ones of 1,024 bytes, it stays below Prefect's 1.5 MB."""


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event without an id and a time. `resource` holds the labels of its resource."""

    name: str
    resource: Mapping[str, str]
    payload: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "resource", {label: one_line(text) for label, text in self.resource.items()})


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


def unroutable(landed: LandingObject, reason: str, language: Language = ENGLISH) -> EventDraft:
    resource = {"prefect.resource.id": landed.uri, "prefect.resource.name": landed.file}
    facts: list[tuple[str, str]] = [
        (Message("Bucket"), landed.bucket),
        (Message("Key"), landed.key),
        (Message("Why"), reason),
    ]
    told = message(Message("{file}: fits no contract", file=landed.file), facts, language=language)
    payload = {"key": landed.key, "size": landed.size, "reason": reason, "message": told}
    return EventDraft(UNROUTABLE, resource, payload)


def unroutable_together(bucket: str, prefix: str, count: int, untold: int, language: Language = ENGLISH) -> EventDraft:
    """Return the event that tells how many keys of a location fit no contract, when there are too many to tell each."""
    location = f"s3://{bucket}/{prefix}"
    subject = Message("{number} objects fit no contract", number=Grouped(count))
    facts: list[tuple[str, str]] = [
        (Message("Location"), location),
        (Message("New"), Message("{number}", number=Grouped(untold))),
        (Message("Which"), Message("`aceite status` lists the first of them")),
    ]
    told = message(subject, facts, language=language)
    payload = {"bucket": bucket, "prefix": prefix, "count": count, "untold": untold, "message": told}
    return EventDraft(UNROUTABLE_TOGETHER, {"prefect.resource.id": location, "prefect.resource.name": subject}, payload)


def incomplete(group: Group, contract: Contract, finding: Incomplete, language: Language = ENGLISH) -> EventDraft:
    """Return the event of an incomplete group. Its `deadline` is when people are notified that files are missing."""
    due = deadline(group, contract)
    location = f"s3://{contract.template.bucket}/{group_prefix(contract, group.key)}"
    resource = {
        "prefect.resource.id": location,
        "prefect.resource.name": group.key.title,
        DATASET: group.key.dataset,
        "aceite.business-date": group.key.business_date.isoformat(),
        "aceite.group": group.key.id,
    }
    payload = {
        "dataset": group.key.dataset,
        "business_date": group.key.business_date.isoformat(),
        "fields": dict(group.key.fields),
        "why": finding.why,
        "overdue": finding.overdue,
        "missing": list(finding.missing[:MOST_KEYS]),
        "missing_count": len(finding.missing),
        "keys": sorted(group.members)[:MOST_KEYS],
        "key_count": len(group.members),
        "signals": sorted(group.signals)[:MOST_KEYS],
        "deadline": due.isoformat() if due else None,
        "revision": group.revision,
        "message": message(
            Message("{delivery}: incomplete", delivery=group.key.title),
            [
                (Message("Dataset"), group.key.dataset),
                (Message("Date"), date_text(group.key.business_date, language)),
                (Message("Files"), Message("{number}", number=len(group.members))),
                (Message("Why"), finding.why),
                (Message("Missing"), ", ".join(finding.missing[:MOST_KEYS])),
            ],
            language=language,
        ),
    }
    return EventDraft(INCOMPLETE, resource, payload)


def resource_of(delivery: Delivery) -> dict[str, str]:
    return {
        "prefect.resource.id": delivery.first.uri,
        "prefect.resource.name": delivery.title,
        DATASET: delivery.dataset,
        "aceite.business-date": delivery.business_date.isoformat(),
        "aceite.delivery": delivery.id,
    }
