"""A delivery arrived -> run the validation. One automation for each dataset, its switch, and one for bursts."""

from datetime import timedelta
from uuid import UUID

from prefect.automations import AutomationCore
from prefect.events import EventTrigger, Posture, RunDeployment

from acceptance.announcing.delivery_events import ARRIVED, ARRIVED_TOGETHER, DATASET
from automations.templates import json_of, text_of
from flows.prefect_api.switches import switch_name

TOGETHER = "Aceite: validate deliveries that arrive together"


def each(dataset: str, deployment_id: UUID) -> AutomationCore:
    """Switched off, by a person or by the circuit breaker, all of its dataset waits: see flows.switches."""
    return _validating(
        switch_name(dataset),
        f"Runs validate-delivery for each delivery of {dataset} that the watcher announces. Switched off, the dataset "
        "is paused: its deliveries wait in the ledger, and are judged when this is switched on again.",
        ARRIVED,
        {"prefect.resource.id": "s3://*", DATASET: dataset},
        deployment_id,
        "delivery",
    )


def together(deployment_id: UUID) -> AutomationCore:
    return _validating(
        TOGETHER,
        "Runs validate-deliveries for each deliveries.arrived event, by which the watcher announces many deliveries of "
        "one dataset at once. Switched off, they wait: the watcher announces them again until they have verdicts.",
        ARRIVED_TOGETHER,
        {"prefect.resource.id": "s3://*"},
        deployment_id,
        "deliveries",
    )


def _validating(
    name: str, description: str, event: str, match: dict[str, str | list[str]], deployment_id: UUID, parameter: str
) -> AutomationCore:
    """The run's parameter is named as what the event carries."""
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
                    parameter: json_of(f"{{{{ event.payload.{parameter} | tojson }}}}"),
                    "event_id": text_of("{{ event.id }}"),
                },
            )
        ],
    )
