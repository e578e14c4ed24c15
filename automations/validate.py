"""A delivery arrived -> run the validation. One automation per dataset (its on/off switch), and one for bursts."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.automations import AutomationCore
from prefect.client.orchestration import SyncPrefectClient
from prefect.events import EventTrigger, Posture, RunDeployment
from prefect.events.schemas.automations import Automation

from acceptance.announcing.delivery_events import ARRIVED, ARRIVED_TOGETHER, DATASET
from flows.prefect_api.switches import switch_name

_PAGE = 200
_REMOVED = (
    "Aceite switched this off, because its dataset has no contract any more. Once there is one, Aceite switches it on "
    "again, and what landed meanwhile is found and judged."
)
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


def of_other_datasets(client: SyncPrefectClient, datasets: Collection[str]) -> Mapping[str, Automation]:
    """Return by dataset the automations that are on and validate other datasets than these."""
    every: list[Automation] = []
    while page := _page(client, len(every)):
        every += page
    named = {_dataset_of(automation): automation for automation in every if automation.enabled}
    return {dataset: found for dataset, found in named.items() if dataset and dataset not in datasets}


def removed(dataset: str, deployment_id: UUID) -> AutomationCore:
    """Return the automation of a dataset that has no contract any more: switched off, and it says why."""
    return each(dataset, deployment_id).model_copy(update={"description": _REMOVED, "enabled": False})


def was_removed(automation: Automation) -> bool:
    """Return True if it is switched off for want of a contract, and not by a person."""
    return not automation.enabled and automation.description == _REMOVED


def _dataset_of(automation: Automation) -> str:
    """Return the dataset that the automation validates, "" if it is none of ours."""
    trigger = automation.trigger
    if not isinstance(trigger, EventTrigger) or ARRIVED not in trigger.expect:
        return ""
    matched = dict(trigger.match.items()).get(DATASET, "")
    dataset = matched if isinstance(matched, str) else "".join(matched[:1])
    return dataset if automation.name == switch_name(dataset) else ""


def _page(client: SyncPrefectClient, offset: int) -> list[Automation]:
    asked = {"sort": "NAME_ASC", "limit": _PAGE, "offset": offset}
    answer = client.request("POST", "/automations/filter", json=asked).raise_for_status()
    return Automation.model_validate_list(answer.json())


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
