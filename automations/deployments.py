"""The deployments, and where their runs go: to a work pool, with job variables, or to `aceite up`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled
from prefect.types.entrypoint import EntrypointType
from prefect.workers.base import BaseWorker
from prefect.workers.process import ProcessWorker

from blocks.settings import Settings
from flows.prefect_api.runs import WITHDRAWN
from flows.validate_deliveries import validate_deliveries
from flows.validate_delivery import validate_delivery
from flows.watch_landing import watch_landing
from flows.workers.worker import WarmWorker

WATCHER = "aceite-watcher"
VALIDATION = "aceite-validation"
VALIDATION_TOGETHER = "aceite-validation-together"
"""The deployments' own names, the only part that Prefect's automations page shows."""

WARM_POOL = "aceite-warm"
PROCESS_POOL = "aceite-process"
OURS: Mapping[str, type[BaseWorker[Any, Any, Any]]] = {WARM_POOL: WarmWorker, PROCESS_POOL: ProcessWorker}
"""The work pools that `aceite up` creates and serves, each with the type of its worker."""

WATCHER_PART = "watcher"
VALIDATIONS_PART = "validations"
_PARTS = {WATCHER: WATCHER_PART, VALIDATION: VALIDATIONS_PART, VALIDATION_TOGETHER: VALIDATIONS_PART}


@dataclass(frozen=True, slots=True)
class Place:
    """Where runs go. `work_pool` is None if a runner in `aceite up` polls for them."""

    work_pool: str | None
    job_variables: Mapping[str, Any] = field(default_factory=dict)


Places = Mapping[str, Place]
"""Places by part. Deployments of a part not named stay where they are. New ones, and validations whose work pool
somebody deleted, begin where `aceite up` serves them."""


def served_here(settings: Settings, only: str | None = None) -> Places:
    """Return the places for which `aceite up` serves runs: both parts, or only one."""
    validations = WARM_POOL if settings.runner == "warm" else PROCESS_POOL
    both = {WATCHER_PART: Place(None), VALIDATIONS_PART: Place(validations)}
    return {part: place for part, place in both.items() if only in (None, part)}


@dataclass(frozen=True, slots=True)
class Deployed:
    watch_landing: UUID
    validate_delivery: UUID
    validate_deliveries: UUID


def deployments(settings: Settings) -> tuple[RunnerDeployment, ...]:
    """Return the watcher's deployment, then those of the validations."""
    watcher = _deployment(
        watch_landing,
        WATCHER,
        "Lists the landing locations and announces each new delivery. One run watches; a second one waits for its end.",
        {"poll_s": settings.poll_s, "patience_s": settings.patience_s, "together": settings.together},
    )
    validations = (
        _deployment(
            validate_delivery,
            VALIDATION,
            "Runs the pipeline of a delivery and judges it. An automation starts it for each delivery. To judge one "
            "again, copy its run to a new run, and set `again` to true.",
        ),
        _deployment(
            validate_deliveries,
            VALIDATION_TOGETHER,
            "Does the same for many deliveries of a dataset. An automation starts it if deliveries arrive together.",
        ),
    )
    return (watcher, *validations)


def _deployment(
    flow: Flow[..., Any], name: str, description: str, parameters: dict[str, Any] | None = None
) -> RunnerDeployment:
    made: Any = flow.to_deployment(
        name,
        parameters=parameters,
        tags=["aceite"],
        entrypoint_type=EntrypointType.MODULE_PATH,
        description=description,
        enforce_parameter_schema=False,  # a run whose pointer is wrong says so; one that is not created says nothing
    )
    return cast(RunnerDeployment, made)


def deployed(client: SyncPrefectClient) -> Deployed | None:
    """Return the deployments' ids, or None if one does not exist."""
    names = ((watch_landing, WATCHER), (validate_delivery, VALIDATION), (validate_deliveries, VALIDATION_TOGETHER))
    ids = [_deployment_id(client, f"{flow.name}/{name}") for flow, name in names]
    found = [id_ for id_ in ids if id_ is not None]
    return Deployed(*found) if len(found) == len(ids) else None


def put_in_place(
    client: SyncPrefectClient, deployment: RunnerDeployment, places: Places, otherwise: Places
) -> DeploymentResponse | None:
    """Set the place of a deployment, for one without a place from `otherwise`. Return the server's, if it exists.

    A new deployment has no place, and neither have validations whose work pool or work queue somebody deleted: no
    runner polls for their runs.
    """
    part = _PARTS[deployment.name]
    try:
        existing = client.read_deployment_by_name(full_name(deployment))
    except ObjectNotFound:
        existing = None
    if existing is not None and (existing.work_pool_name is not None or part == WATCHER_PART):
        otherwise = {**otherwise, part: Place(existing.work_pool_name, existing.job_variables or {})}
    place = {**otherwise, **places}[part]
    # Set even if it is None, which takes the deployment out of its work pool.
    deployment.work_pool_name, deployment.job_variables = place.work_pool, dict(place.job_variables)
    return existing


def withdraw_waiting(client: SyncPrefectClient, moved: DeploymentResponse, work_pool: str | None) -> None:
    """Cancel runs that still wait at the deployment's earlier place.

    A worker there would start them with the deployment's new job variables: a watcher without its ledger. Without a
    worker there they would wait for ever. The watcher announces their deliveries again.
    """
    scheduled = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
    there = f"the work pool {work_pool}" if work_pool else "`aceite up`"
    while waiting := client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[moved.id])),
        flow_run_filter=FlowRunFilter(state=scheduled),
    ):
        for run in waiting:
            client.set_flow_run_state(run.id, Cancelled(message=f"{WITHDRAWN} {there} from now on"), force=True)


def full_name(deployment: RunnerDeployment) -> str:
    return f"{deployment.flow_name}/{deployment.name}"


def _deployment_id(client: SyncPrefectClient, name: str) -> UUID | None:
    try:
        return client.read_deployment_by_name(name).id
    except ObjectNotFound:
        return None
