"""Looks at what keeps runs from beginning on Prefect's server: a pause, a limit, and runs that are late."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterNextScheduledStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, StateType, WorkPool, WorkQueue
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from automations.deployments import WATCHER
from cli.doctor.looks.findings import Look, duration, met, unmet
from cli.doctor.looks.prefect import PlannedChanges, connected

LATE_AFTER = timedelta(minutes=1)
"""Runs are asked for every second; in a burst they queue for seconds."""


def may_begin(planned: PlannedChanges) -> Look:
    """Check that nobody paused a deployment, its work pool or its work queue, or limited it to no run."""
    with connected() as client:
        deployments = _deployments(client, planned)
        found = dict.fromkeys(held for deployment in deployments for held in _held_back(client, deployment))
    if not found:
        return met(f"nothing holds back the runs of {len(deployments)} deployments")
    return unmet("; ".join(found), "undo it on that page of the Prefect UI: until then deliveries wait as `announced`")


def in_time(planned: PlannedChanges, now: Callable[[], datetime]) -> Look:
    """Check that no run of ours should have begun a while ago.

    While a watcher runs, others wait for it to end, the third one as a late run. Nothing waits for them.
    """
    should_have_begun = FlowRunFilterNextScheduledStartTime.model_validate({"before_": now() - LATE_AFTER})
    scheduled = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
    late = FlowRunFilter(state=scheduled, next_scheduled_start_time=should_have_begun)
    with connected() as client:
        awaited = [each.id for each in _deployments(client, planned) if not _watches_already(client, each)]
        ours = DeploymentFilter(id=DeploymentFilterId(any_=awaited))
        first = client.read_flow_runs(
            deployment_filter=ours,
            flow_run_filter=late,
            sort=FlowRunSort.NEXT_SCHEDULED_START_TIME_ASC,
            limit=1,
        )
        count = client.count_flow_runs(deployment_filter=ours, flow_run_filter=late)
    if not first:
        return met("no run waits longer than it should")
    return unmet(
        f"runs that should have begun: {count}, the first one "
        f"{duration(now() - (first[0].next_scheduled_start_time or now()))} ago",
        "look at the lines `runs may begin` and `flows are served`; if both are well, more runs come than "
        "are worked on, so start `aceite up` with more --workers",
    )


def _watches_already(client: SyncPrefectClient, deployment: DeploymentResponse) -> bool:
    """Return True for the watcher's deployment while a run of it goes on."""
    goes_on = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING])))
    of = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
    return deployment.name == WATCHER and bool(client.count_flow_runs(deployment_filter=of, flow_run_filter=goes_on))


def _deployments(client: SyncPrefectClient, planned: PlannedChanges) -> list[DeploymentResponse]:
    found = []
    for change in planned.of("deployment"):
        try:
            found.append(client.read_deployment_by_name(change.name))
        except ObjectNotFound:  # which the look at the deployments tells
            continue
    return found


def _held_back(client: SyncPrefectClient, deployment: DeploymentResponse) -> Iterator[str]:
    if deployment.paused:
        yield f"the deployment {deployment.name} is paused"
    limit, options = deployment.global_concurrency_limit, deployment.concurrency_options
    if limit is not None and limit.active and limit.limit < 1:
        yield f"the deployment {deployment.name} has a concurrency limit of {limit.limit}"
    if limit is not None and options and options.collision_strategy is ConcurrencyLimitStrategy.CANCEL_NEW:
        yield f"the deployment {deployment.name} has a concurrency limit that cancels new runs (CANCEL_NEW)"
    if deployment.work_pool_name is None:
        return
    pool = client.read_work_pool(deployment.work_pool_name)
    yield from _stopped(f"the work pool {pool.name}", pool)
    if deployment.work_queue_id is not None:
        queue = client.read_work_queue(deployment.work_queue_id)
        yield from _stopped(f"the work queue {queue.name} of the work pool {pool.name}", queue)


def _stopped(name: str, place: WorkPool | WorkQueue) -> Iterator[str]:
    if place.is_paused:
        yield f"{name} is paused"
    if place.concurrency_limit is not None and place.concurrency_limit < 1:
        yield f"{name} has a concurrency limit of {place.concurrency_limit}"
