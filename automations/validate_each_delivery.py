"""A delivery arrived -> run the validation."""

from datetime import timedelta
from uuid import UUID

from prefect.automations import AutomationCore
from prefect.events import EventTrigger, Posture, RunDeployment

from acceptance.events import ARRIVED
from automations.templates import json_of, text_of

NAME = "Aceite: validate each delivery"


def automation(deployment_id: UUID) -> AutomationCore:
    return AutomationCore(
        name=NAME,
        description=(
            "Runs validate-delivery for each delivery.arrived event that the watcher emits. "
            "Switched off, deliveries wait: the watcher announces them again until they have a verdict."
        ),
        trigger=EventTrigger(
            expect={ARRIVED},
            match={"prefect.resource.id": "s3://*"},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[
            RunDeployment(
                source="selected",
                deployment_id=deployment_id,
                job_variables=None,
                parameters={
                    "delivery": json_of("{{ event.payload.delivery | tojson }}"),
                    "event_id": text_of("{{ event.id }}"),
                },
            )
        ],
    )
