"""How people are told: through the notification block of the settings, if there is one."""

from dataclasses import dataclass
from uuid import UUID

from prefect.events import DoNothing, SendNotification

_SUBJECT = "{{ event.payload.message.subject }}"
_BODY = "{{ event.payload.message.body }}"
"""Whoever makes the event also makes the message, of texts that no channel takes for markup: acceptance.messages."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A notification block, as type/name. None means that nobody is told, which is said where people look."""

    block: str | None = None
    block_id: UUID | None = None

    @property
    def description(self) -> str:
        if self.block_id is None:
            return "Nobody is told yet: set ACEITE_NOTIFICATION_BLOCK to a notification block, then run `aceite apply`."
        return f"Tells through the block {self.block}."

    @property
    def action(self) -> SendNotification | DoNothing:
        if self.block_id is None:
            return DoNothing()
        return SendNotification(block_document_id=self.block_id, subject=_SUBJECT, body=_BODY)
