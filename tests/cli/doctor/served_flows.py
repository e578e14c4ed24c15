"""Signs by which Prefect's server takes the flows for served and the watcher for alive; no flow runs."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType

from acceptance.announcing.delivery_events import HEARTBEAT, EventDraft
from cli.doctor.looks.findings import Look, LookOutcome
from flows.prefect_api import events


def become_served() -> None:
    """Asks for runs, as runners and workers do, and takes those that wait, such as that of a new watcher."""
    waiting = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=waiting):
            client.delete_flow_run(run.id)
        for deployment in client.read_deployments():
            route = f"/work_pools/{deployment.work_pool_name}/get_scheduled_flow_runs"
            asked = {"deployment_ids": [str(deployment.id)], "scheduled_before": datetime.now(UTC).isoformat()}
            if deployment.work_pool_name is None:
                client.request("POST", "/deployments/get_scheduled_flow_runs", json=asked).raise_for_status()
            else:
                client.request("POST", route, json={}).raise_for_status()  # type: ignore[arg-type]


def give_sign_of_life() -> None:
    resource = {"prefect.resource.id": "aceite.watcher"}
    events.post_one(EventDraft(HEARTBEAT, resource, {"doing": "watching"}))


def eventually_green(look_again: Callable[[], Look], within_s: float = 60) -> Look:
    deadline = time.monotonic() + within_s
    while (seen := look_again()).outcome is not LookOutcome.GREEN:
        assert time.monotonic() < deadline, seen
        time.sleep(0.2)
    return seen
