"""A delivery arrived -> run the validation."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.automations import AutomationCore
from prefect.events import EventTrigger, Posture, RunDeployment

from acceptance.events import ARRIVED

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
                    "delivery": _json("{{ event.payload.delivery | tojson }}"),
                    "event_id": _text("{{ event.id }}"),
                },
            )
        ],
    )


def _text(template: str) -> dict[str, Any]:
    # Prefect renders a plain "{{ event.id }}" through tojson, which cannot write a UUID.
    return {"__prefect_kind": "jinja", "template": template}


def _json(template: str) -> dict[str, Any]:
    return {"__prefect_kind": "json", "value": _text(template)}
