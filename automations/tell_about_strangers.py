"""An object landed that fits no contract -> notify people, once an hour."""

from datetime import timedelta

from prefect.automations import AutomationCore
from prefect.events import EventTrigger, Posture

from acceptance.announcing.delivery_events import UNROUTABLE
from automations.telling import Channel

NAME = "Aceite: tell about objects that fit no contract"
AT_MOST_EVERY = timedelta(hours=1)


def automation(channel: Channel) -> AutomationCore:
    """Return the automation. A wrong prefix makes thousands of such objects, so it notifies of the first per hour."""
    return AutomationCore(
        name=NAME,
        description=(
            "When an object lands that fits no contract: at most once an hour, for the first. `aceite status` lists "
            f"all. {channel.description}"
        ),
        trigger=EventTrigger(
            expect={UNROUTABLE},
            match={"prefect.resource.id": "s3://*"},
            posture=Posture.Reactive,
            threshold=1,
            within=AT_MOST_EVERY,
        ),
        actions=[channel.action],
    )
