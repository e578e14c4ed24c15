"""Questions about flow runs to Prefect's server."""

from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import ObjectNotFound, PrefectException


def has_ended(flow_run_id: str) -> bool:
    """Whether the run can do nothing any more. One that the server does not know is of a server that is gone."""
    try:
        state = state_of_run(flow_run_id)
    except ObjectNotFound:
        return True
    return state is not None and state.is_final()


def is_being_cancelled(flow_run_id: str) -> bool:
    """Whether somebody asked for it. A run that ends because its runner is told to end is still in state Running."""
    state = state_of_run(flow_run_id)
    return state is not None and state.type in (StateType.CANCELLING, StateType.CANCELLED)


def said_when_cancelled(flow_run_id: str) -> str:
    """What the one who cancels the run said, as its state's message. Prefect's own server knows no names.

    Its UI and `prefect flow-run cancel` send no message; the API takes one, and it may say who and why.
    """
    state = state_of_run(flow_run_id)
    return (state.message or "") if state is not None and state.type is StateType.CANCELLING else ""


def triggered_by(flow_run_id: str) -> str | None:
    """What Prefect says of who created the run: `automation validate each delivery`, a deployment, a user.

    None if it says nothing, as of a flow that a person's process called, or cannot be asked: no verdict hangs on it.
    """
    try:
        with get_client(sync_client=True) as client:
            created = client.read_flow_run(UUID(flow_run_id)).created_by
    except (httpx.HTTPError, PrefectException, ValueError):
        return None
    if created is None:
        return None
    return " ".join(
        text for text in ((created.type or "").lower(), created.display_value or str(created.id or "")) if text
    )


def queued_runs() -> int:
    """Runs of the validation flows that were created and have not begun."""
    flow = FlowFilter(name=FlowFilterName(any_=["validate-delivery", "validate-deliveries"]))
    waiting = FlowRunFilterStateType(any_=[StateType.SCHEDULED, StateType.PENDING])
    with get_client(sync_client=True) as client:
        return client.count_flow_runs(
            flow_filter=flow, flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=waiting))
        )


def state_of_run(flow_run_id: str) -> State | None:
    """Raises ObjectNotFound if the server does not know the run."""
    with get_client(sync_client=True) as client:
        return client.read_flow_run(UUID(flow_run_id)).state
