"""A run that stopped giving signs of life -> its state says so."""

from datetime import timedelta

from prefect.automations import AutomationCore
from prefect.client.schemas.objects import StateType
from prefect.events import ChangeFlowRunState, EventTrigger, Posture

NAME = "Aceite: mark dead runs as crashed"
SILENCE = timedelta(seconds=90)
"""Three of Prefect's heartbeats (blocks.environment.HEARTBEAT_S)."""

_ENDED = (
    "Completed",
    "Failed",
    "Crashed",
    "Cancelled",
    "TimedOut",
    "Accepted",
    "Rejected",
    "Inconclusive",
    "Duplicate",
    "Held",
    "AlreadyWatched",
    "TakenOver",
)


def automation() -> AutomationCore:
    """For runs whose runner died with them; one that lives tells by itself. The pattern is from Prefect's manual."""
    return AutomationCore(
        name=NAME,
        description=(
            f"A run of Aceite that gave no sign of life for {SILENCE.seconds} s died together with the process that "
            "ran it. Its state becomes Crashed, so that its delivery can be taken over."
        ),
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.heartbeat", *(f"prefect.flow-run.{state}" for state in _ENDED)},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related={"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.aceite"},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=SILENCE,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED, name=None, force=False, message="no sign of life: its process is gone"
            )
        ],
    )
