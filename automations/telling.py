"""The notification channel: the notification block of the settings, if there is one."""

from dataclasses import dataclass
from uuid import UUID

from prefect.events import DoNothing, SendNotification

_SUBJECT = "{{ event.payload.message.subject }}"
_BODY = "{{ event.payload.message.body }}"
"""The event carries its message, whose texts no channel takes for markup: see acceptance.announcing.messages."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A notification block, as type/name. With None nobody is notified, and the automation's description says so."""

    block: str | None = None
    block_id: UUID | None = None

    @property
    def description(self) -> str:
        if self.block_id is None:
            return "Notifies nobody yet: set ACEITE_NOTIFICATION_BLOCK to a notification block and run `aceite apply`."
        return f"Notifies through the block {self.block}."

    @property
    def action(self) -> SendNotification | DoNothing:
        if self.block_id is None:
            return DoNothing()
        return SendNotification(block_document_id=self.block_id, subject=_SUBJECT, body=_BODY)
