"""An object landed that fits no contract -> tell people, once an hour."""

from datetime import timedelta

from prefect.automations import AutomationCore
from prefect.events import EventTrigger, Posture

from acceptance.announcing.delivery_events import UNROUTABLE
from automations.telling import Channel

NAME = "Aceite: tell about objects that fit no contract"
AT_MOST_EVERY = timedelta(hours=1)


def automation(channel: Channel) -> AutomationCore:
    """A wrong prefix makes thousands of them: the first speaks for all of its hour, and `aceite status` lists them."""
    return AutomationCore(
        name=NAME,
        description=(
            "When an object lands that fits no contract: once an hour at most, for the first. `aceite status` lists "
            f"them. {channel.description}"
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
