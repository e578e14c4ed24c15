"""The watcher sends no heartbeat -> start it again."""

from datetime import timedelta
from uuid import UUID

from prefect.automations import AutomationCore
from prefect.events import EventTrigger, Posture, RunDeployment

from acceptance.announcing.delivery_events import HEARTBEAT

NAME = "Aceite: restart the watcher"
SILENCE = timedelta(seconds=35)
"""One missed heartbeat (flows.watching.keepalive.HEARTBEAT_EVERY_S) and 15 s for it to be late.

A false alarm costs a second watcher, which waits until the first one is gone.
"""

SIGNS_OF_LIFE = frozenset(
    {
        HEARTBEAT,
        "prefect.flow-run.Pending",
        "prefect.flow-run.Running",
        "prefect.flow-run.Failed",
        "prefect.flow-run.Crashed",
        "prefect.flow-run.TimedOut",
        "prefect.flow-run.TakenOver",
    }
)
"""Each of them restarts the wait. Scheduled and Late are not among them: they mean that nobody runs flows, and another
scheduled run would not help."""

STOPPED_BY_A_PERSON = frozenset({"prefect.flow-run.Cancelling", "prefect.flow-run.Cancelled"})


def automation(deployment_id: UUID) -> AutomationCore:
    """Return the automation: each sign of life must be followed by another in time. The wait survives restarts of the
    server, which keeps it in its database."""
    return AutomationCore(
        name=NAME,
        description=(
            f"Starts watch-landing again after {SILENCE.seconds} s without a heartbeat: it failed, crashed, was "
            "killed, or its machine is gone. A watcher that a person cancels stays stopped."
        ),
        trigger=EventTrigger(
            after=set(SIGNS_OF_LIFE),
            expect=set(SIGNS_OF_LIFE | STOPPED_BY_A_PERSON),
            match_related={
                "prefect.resource.role": "deployment",
                "prefect.resource.id": f"prefect.deployment.{deployment_id}",
            },
            posture=Posture.Proactive,
            threshold=1,
            within=SILENCE,
        ),
        actions=[RunDeployment(source="selected", deployment_id=deployment_id, parameters=None, job_variables=None)],
    )
