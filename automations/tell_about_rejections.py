"""A delivery is rejected or inconclusive -> notify people."""

from datetime import timedelta

from prefect.automations import AutomationCore
from prefect.events import EventTrigger, Posture

from acceptance.announcing.delivery_events import INCONCLUSIVE, REJECTED
from automations.telling import Channel

NAME = "Aceite: tell about rejections"


def automation(channel: Channel) -> AutomationCore:
    return AutomationCore(
        name=NAME,
        description=f"When a delivery is rejected or inconclusive. {channel.description}",
        trigger=EventTrigger(
            expect={REJECTED, INCONCLUSIVE},
            match={"prefect.resource.id": "s3://*"},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[channel.action],
    )
