"""A delivery arrived -> run the validation. One automation per dataset (its on/off switch), and one for bursts."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.automations import AutomationCore
from prefect.events import EventTrigger, Posture, RunDeployment

from acceptance.announcing.delivery_events import ARRIVED, ARRIVED_TOGETHER, DATASET
from flows.prefect_api.switches import switch_name

TOGETHER = "Aceite: validate deliveries that arrive together"


def each(dataset: str, deployment_id: UUID) -> AutomationCore:
    """Return the dataset's automation. Disabling it pauses the dataset: see flows.prefect_api.switches."""
    return _validating(
        switch_name(dataset),
        f"Runs validate-delivery for each delivery of {dataset} that the watcher announces. Disabling it pauses the "
        "dataset: its deliveries wait in the ledger until somebody enables this automation again.",
        ARRIVED,
        {"prefect.resource.id": "s3://*", DATASET: dataset},
        deployment_id,
        "delivery",
    )


def together(deployment_id: UUID) -> AutomationCore:
    return _validating(
        TOGETHER,
        "Runs validate-deliveries for each deliveries.arrived event, in which the watcher announces many deliveries of "
        "one dataset. While it is disabled they wait: the watcher announces them again until they have verdicts.",
        ARRIVED_TOGETHER,
        {"prefect.resource.id": "s3://*"},
        deployment_id,
        "deliveries",
    )


def _validating(
    name: str, description: str, event: str, match: dict[str, str | list[str]], deployment_id: UUID, parameter: str
) -> AutomationCore:
    """Return an automation that runs a validation. The run's parameter has the name of the event's payload field."""
    pointer = _jinja(f"{{{{ event.payload.{parameter} | tojson }}}}")
    return AutomationCore(
        name=name,
        description=description,
        trigger=EventTrigger(expect={event}, match=match, posture=Posture.Reactive, threshold=1, within=timedelta(0)),
        actions=[
            RunDeployment(
                source="selected",
                deployment_id=deployment_id,
                job_variables=None,
                parameters={
                    parameter: {"__prefect_kind": "json", "value": pointer},
                    "event_id": _jinja("{{ event.id }}"),
                },
            )
        ],
    )


def _jinja(template: str) -> dict[str, Any]:
    """Return a templated parameter. Prefect renders a plain "{{ event.id }}" through tojson, which refuses a UUID."""
    return {"__prefect_kind": "jinja", "template": template}
