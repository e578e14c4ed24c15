"""Many deliveries of a dataset arrived at once -> run one validation of all of them."""

from datetime import timedelta
from uuid import UUID

from prefect.automations import AutomationCore
from prefect.events import EventTrigger, Posture, RunDeployment

from acceptance.events import ARRIVED_TOGETHER
from automations.templates import json_of, text_of

NAME = "Aceite: validate deliveries that arrive together"


def automation(deployment_id: UUID) -> AutomationCore:
    return AutomationCore(
        name=NAME,
        description=(
            "Runs validate-deliveries for each deliveries.arrived event, by which the watcher announces many "
            "deliveries of one dataset at once. Switched off, they wait: the watcher announces them again until they "
            "have verdicts."
        ),
        trigger=EventTrigger(
            expect={ARRIVED_TOGETHER},
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
                    "deliveries": json_of("{{ event.payload.deliveries | tojson }}"),
                    "event_id": text_of("{{ event.id }}"),
                },
            )
        ],
    )
