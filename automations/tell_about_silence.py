"""A delivery is overdue or incomplete, or a dataset is paused -> notify people."""

from datetime import timedelta

from prefect.automations import AutomationCore
from prefect.events import EventTrigger, Posture

from acceptance.announcing.delivery_events import INCOMPLETE, OVERDUE, PAUSED
from automations.telling import Channel

NAME = "Aceite: tell about silence"


def automation(channel: Channel) -> AutomationCore:
    return AutomationCore(
        name=NAME,
        description=(
            "When a delivery does not arrive or has no verdict in time, when a delivery of several files stays "
            f"incomplete, and when a dataset is paused. {channel.description}"
        ),
        trigger=EventTrigger(
            expect={OVERDUE, INCOMPLETE, PAUSED},
            match={"aceite.dataset": "*"},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[channel.action],
    )
