"""A delivery was rejected, or could not be judged -> tell people."""

from datetime import timedelta
from uuid import UUID

from prefect.automations import AutomationCore
from prefect.events import DoNothing, EventTrigger, Posture, SendNotification

from acceptance.events import INCONCLUSIVE, REJECTED

NAME = "Aceite: tell about rejections"

_SUBJECT = "{{ event.payload.title }}: {{ event.payload.verdict }}"
_BODY = """{{ event.payload.title }} is {{ event.payload.verdict }}.

{{ event.payload.reason }}

Run: {{ event.payload.run_url }}
Evidence: {{ event.payload.evidence }}
"""


def automation(notification_block_id: UUID | None, notification_block: str | None) -> AutomationCore:
    """Without a notification block it does nothing, and says so where people look."""
    if notification_block_id is None:
        told = "Nobody is told yet: set ACEITE_NOTIFICATION_BLOCK to a notification block, then run `aceite apply`."
    else:
        told = f"Tells through the block {notification_block}."
    return AutomationCore(
        name=NAME,
        description=f"When a delivery is rejected, or could not be judged. {told}",
        trigger=EventTrigger(
            expect={REJECTED, INCONCLUSIVE},
            match={"prefect.resource.id": "s3://*"},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[
            SendNotification(block_document_id=notification_block_id, subject=_SUBJECT, body=_BODY)
            if notification_block_id
            else DoNothing()
        ],
    )
