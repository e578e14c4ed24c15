"""Something happened that people should know -> notify them, through the notification block of the settings.

Without a block there is none of these automations: Prefect's page would show each of them with an empty action.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from prefect.automations import AutomationCore
from prefect.events import EventTrigger, Posture, SendNotification

from acceptance.announcing.delivery_events import (
    DATASET,
    INCOMPLETE,
    INCONCLUSIVE,
    OVERDUE,
    PAUSED,
    REJECTED,
    UNROUTABLE,
    UNROUTABLE_TOGETHER,
)

REJECTIONS = "Aceite: notify of rejected deliveries"
LATE = "Aceite: notify of overdue deliveries"
NO_CONTRACT = "Aceite: notify of objects that fit no contract"
"""The first object of an hour speaks for all of that hour: a wrong prefix makes thousands of them."""

NAMES = (REJECTIONS, LATE, NO_CONTRACT)

_SUBJECT = "{{ event.payload.message.subject }}"
_BODY = "{{ event.payload.message.body }}"
"""The event carries its message, whose texts no channel takes for markup: see acceptance.announcing.messages."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A notification block, as type/name, through which people are notified."""

    block: str
    block_id: UUID

    @property
    def description(self) -> str:
        return f"Notifies through the block {self.block}."

    @property
    def action(self) -> SendNotification:
        return SendNotification(block_document_id=self.block_id, subject=_SUBJECT, body=_BODY)


def automations(channel: Channel) -> Iterator[AutomationCore]:
    delivery, at_once = {"prefect.resource.id": "s3://*"}, timedelta(0)
    when = "When a delivery is rejected or inconclusive."
    yield _automation(REJECTIONS, when, {REJECTED, INCONCLUSIVE}, delivery, at_once, channel)
    when = (
        "When a delivery does not arrive or has no verdict in time, when a delivery of several files stays incomplete, "
        "and when a dataset is paused."
    )
    yield _automation(LATE, when, {OVERDUE, INCOMPLETE, PAUSED}, {DATASET: "*"}, at_once, channel)
    when = "When an object lands that fits no contract: at most once an hour, for the first. `aceite status` lists all."
    yield _automation(NO_CONTRACT, when, {UNROUTABLE, UNROUTABLE_TOGETHER}, delivery, timedelta(hours=1), channel)


def _automation(
    name: str, when: str, events: set[str], match: dict[str, str], at_most_every: timedelta, channel: Channel
) -> AutomationCore:
    return AutomationCore(
        name=name,
        description=f"{when} {channel.description}",
        trigger=EventTrigger(
            expect=events, match=dict(match), posture=Posture.Reactive, threshold=1, within=at_most_every
        ),
        actions=[channel.action],
    )
