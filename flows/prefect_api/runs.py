"""Questions about flow runs to Prefect's server."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.states import Cancelled, Crashed
from pydantic import ValidationError

from acceptance.announcing.announcements import LONGEST_PATIENCE
from acceptance.deliveries.pointer import DeliveryPointer

SHUTTING_DOWN = "Aceite is shutting down."
_BY_NOBODY = frozenset({SHUTTING_DOWN, "Runner is shutting down."})
"""Messages of runs that what ran them cancelled, because it was told to end. The second is Prefect's own."""
WITHDRAWN = "It waited where nobody takes it any more: its deployment is served by"
"""With this begins what a run is cancelled with whose deployment moved: no person's word on its deliveries."""

_PAGE = 200
_VALIDATIONS = FlowFilter(name=FlowFilterName(any_=["validate-delivery", "validate-deliveries"]))
_ALL = FlowFilter(name=FlowFilterName(any_=["validate-delivery", "validate-deliveries", "watch-landing"]))


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

    Its UI and `prefect flow-run cancel` send no message; the API takes one, and it may say who and why. Of a run that
    has not begun it keeps the message of CANCELLED only: CANCELLING becomes a state of Prefect's own.
    """
    cancelled = cancellation(flow_run_id)
    return (cancelled.message or "") if cancelled is not None else ""


def cancellation(flow_run_id: str) -> State | None:
    """The state by which somebody cancelled the run; None of one that nobody did, but ended with what ran it.

    What Prefect says when it has carried it out comes after that, or only that, of a run that had not begun.
    """
    with get_client(sync_client=True) as client:
        states = client.read_flow_run_states(UUID(flow_run_id))
    ending = (state for state in states if state.type in (StateType.CANCELLING, StateType.CANCELLED))
    first = min(ending, key=lambda state: state.timestamp, default=None)
    return None if first is None or _is_nobodys(first.message or "") else first


def _is_nobodys(message: str) -> bool:
    return message in _BY_NOBODY or message.startswith(WITHDRAWN)


def triggered_by(flow_run_id: str) -> str | None:
    """What Prefect says of who created the run: `automation Aceite: validate sales`, say, or a deployment.

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
    """Runs of the validation flows that have not begun, and were due within the last hour: others nobody may take."""
    waiting = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED, StateType.PENDING]))
    now = datetime.now(UTC)
    due = FlowRunFilterExpectedStartTime.model_validate({"after_": now - LONGEST_PATIENCE, "before_": now})
    with get_client(sync_client=True) as client:
        return client.count_flow_runs(
            flow_filter=_VALIDATIONS, flow_run_filter=FlowRunFilter(state=waiting, expected_start_time=due)
        )


def running() -> Sequence[FlowRun]:
    """Runs of the validation flows that have begun, and did not end as far as the server knows."""
    return _runs(_begun())


def _begun(tags: FlowRunFilterTags | None = None) -> FlowRunFilter:
    begun = FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.CANCELLING])
    return FlowRunFilter(state=FlowRunFilterState(type=begun), tags=tags)


def unbegun(before: datetime) -> Sequence[FlowRun]:
    """Runs of the validation flows that a worker took, and that have not begun since.

    Prefect gives such a run to no other worker, and never ends it.
    """
    taken = _runs(FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PENDING]))))
    return [run for run in taken if run.state is not None and run.state.timestamp < before]


def beating() -> Sequence[FlowRun]:
    """Runs of Aceite's deployments, the watchers' among them, that have begun and must give signs of life."""
    return _runs(_begun(FlowRunFilterTags(all_=["aceite"])), _ALL)


def end(flow_run_id: UUID, state: State | None, message: str) -> bool:
    """Ends a run whose process is gone, as Prefect's own worker does. False if the server does not take that.

    One that is being cancelled cannot crash any more, and keeps what was said by who cancels it.
    """
    cancelled = state is not None and state.type is StateType.CANCELLING
    said = (state and state.message) or message
    ended: State = Cancelled(message=said) if cancelled else Crashed(message=message)
    with get_client(sync_client=True) as client:
        answer: OrchestrationResult[Any] = client.set_flow_run_state(flow_run_id, ended)
    return answer.status is SetStateStatus.ACCEPT


def ended_without_verdict(since: datetime) -> Sequence[FlowRun]:
    """Runs of the validation flows that were cancelled, crashed or failed since then, by whoever's clock."""
    ended = FlowRunFilterState(
        type=FlowRunFilterStateType(any_=[StateType.CANCELLED, StateType.CRASHED, StateType.FAILED]),
        name=FlowRunFilterStateName(not_any_=["Rejected", "Inconclusive"]),
    )
    return _runs(FlowRunFilter(state=ended, end_time=FlowRunFilterEndTime.model_validate({"after_": since})))


def _runs(wanted: FlowRunFilter, flows: FlowFilter = _VALIDATIONS) -> Sequence[FlowRun]:
    found: list[FlowRun] = []
    with get_client(sync_client=True) as client:
        while True:
            page = client.read_flow_runs(
                flow_filter=flows,
                flow_run_filter=wanted,
                sort=FlowRunSort.END_TIME_DESC,
                limit=_PAGE,
                offset=len(found),
            )
            found += page
            if len(page) < _PAGE:
                return found


def pointers_of(run: FlowRun) -> list[DeliveryPointer]:
    """What a run of the validation flows is about."""
    told = run.parameters.get("deliveries") or [run.parameters.get("delivery")]
    try:
        return [DeliveryPointer.model_validate(each) for each in told]
    except ValidationError:  # a person started it, with something else
        return []


def state_of_run(flow_run_id: str) -> State | None:
    """Raises ObjectNotFound if the server does not know the run, as it knows none whose id is no id of its."""
    try:
        id_ = UUID(flow_run_id)
    except ValueError as error:
        raise ObjectNotFound(error) from error
    with get_client(sync_client=True) as client:
        return client.read_flow_run(id_).state
