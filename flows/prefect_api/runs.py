"""Reads flow runs from Prefect's server, and ends those whose process is gone."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
    FlowRunFilterTags,
    WorkPoolFilter,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus
from prefect.client.schemas.sorting import FlowRunSort
from prefect.events import Event
from prefect.events.filters import EventAnyResourceFilter, EventFilter, EventNameFilter
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.states import Cancelled, Crashed

from acceptance.announcing.announcements import LONGEST_PATIENCE
from acceptance.announcing.waiting import switch_name
from acceptance.deliveries.pointer import DeliveryPointer, read_pointer, read_pointers
from acceptance.errors import PointerRefused
from acceptance.untrusted_text import one_line
from flows.prefect_api.events import READ_BACK_AT_MOST

SHUTTING_DOWN = "Aceite is shutting down."
WITHDRAWN = "It waited where nobody takes it any more: its deployment is served by"
"""How the message begins when a run is cancelled because its deployment moved. No person decided that."""
_BY_NOBODY = re.compile(
    rf"{re.escape(SHUTTING_DOWN)}|Runner is shutting down\.|{re.escape(WITHDRAWN)}.*"
    r"|Deployment concurrency limit reached\.|Deployment concurrency slot lost .*"
    r"|Deployment \S+ no longer exists, cancelled run\.",
    re.DOTALL,
)
"""Messages of cancellations that no person and no automation decided.

Aceite's or Prefect's own runner shuts down, the deployment moved or is gone, or its concurrency limit is reached:
core_policy.py of Prefect's server and workers/base.py (3.8).
"""
_BY_AUTOMATION = re.compile(r"Cancelled by Automation ([0-9a-f-]{36})")
"""The message of Prefect's action `cancel-flow-run`: server/events/actions.py (3.8)."""
_OWN_FAILURE = "Flow run encountered an exception"
"""How the message begins when Prefect's engine reports that the flow failed: flow_engine.py (3.8)."""

INCONCLUSIVE = "Inconclusive"
"""The state of a run that could not judge: the only end of type Crashed that a run itself tells."""

AGAIN = "aceite-again"
"""The tag of a run that judges a delivery again. By it the watcher finds what a person asked for."""

_ENDED = [StateType.CANCELLED, StateType.CRASHED, StateType.FAILED, StateType.COMPLETED]
_LONGEST_END = 500
_EVENT = "prefect.event."
_PAGE = 200
_VALIDATIONS = FlowFilter(name=FlowFilterName(any_=["validate-delivery", "validate-deliveries"]))
_ANY_WORK_POOL = WorkPoolFilter()
"""A run whose work pool somebody deleted is in none."""
_ALL = FlowFilter(name=FlowFilterName(any_=["validate-delivery", "validate-deliveries", "watch-landing"]))


def has_ended(flow_run_id: str) -> bool:
    """Return whether the run has ended. A run that the server does not know was one of a server that is gone."""
    try:
        state = state_of_run(flow_run_id)
    except ObjectNotFound:
        return True
    return state is not None and state.is_final()


def cancelled_by(flow_run_id: str) -> str | None:
    """Return how somebody cancelled the run, for people: `cancelled by a person`, or by an automation of that name.

    None if nobody did: if it goes on, or ended with its runner, its deployment, or for a concurrency limit.

    The first cancelling state tells: Prefect adds another when it has carried the cancellation out.

    Prefect records no user. Its UI and `prefect flow-run cancel` send no message. The API accepts one, which may say
    who and why. If the run has not begun, Prefect keeps the message of CANCELLED only and replaces the state
    CANCELLING by its own.
    """
    with get_client(sync_client=True) as client:
        states = client.read_flow_run_states(UUID(flow_run_id))
        ending = (state for state in states if state.type in (StateType.CANCELLING, StateType.CANCELLED))
        first = min(ending, key=lambda state: state.timestamp, default=None)
        message = (first and first.message) or ""
        if first is None or _BY_NOBODY.fullmatch(message):
            return None
        if by := _BY_AUTOMATION.fullmatch(message):
            return f"cancelled by the automation {_automation(client, by[1])}"
    return f"cancelled by a person: {message}" if message else "cancelled by a person"


def _automation(client: SyncPrefectClient, id_: str) -> str:
    """Return the automation's name, or its id if it is gone."""
    try:
        found = client.read_automation(id_)
    except httpx.HTTPStatusError as error:
        if error.response.status_code != httpx.codes.NOT_FOUND:
            raise
        found = None
    return json.dumps(found.name, ensure_ascii=False) if found is not None else id_


def is_own_report(state: State) -> bool:
    """Return True if the run itself reported that it completed or failed, and no other did for it.

    Our flows give each end a name of its own, and Prefect's engine tells the reason of a failure. Who sets a state by
    hand leaves Prefect's name for it, as does a worker that tells of a crash.
    """
    if state.type is StateType.CRASHED:
        return state.name == INCONCLUSIVE
    if state.type not in (StateType.COMPLETED, StateType.FAILED):
        return False
    return state.name not in ("Completed", "Failed") or (state.message or "").startswith(_OWN_FAILURE)


def triggered_by(flow_run_id: str) -> str | None:
    """Return who created the run, such as `automation Aceite: validate sales` or a deployment.

    None if Prefect does not know, as for a flow that a person's process called, or does not answer: no verdict depends
    on it.
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
    """Count the validation runs that wait in a work pool, and were due within the last hour. Nobody takes others."""
    with get_client(sync_client=True) as client:
        return client.count_flow_runs(
            flow_filter=_VALIDATIONS, flow_run_filter=_queued(), work_pool_filter=_ANY_WORK_POOL
        )


def queued() -> Sequence[FlowRun]:
    """Return the runs that `queued_runs` counts, in the order in which they were due."""
    waiting = _runs(_queued(), work_pools=_ANY_WORK_POOL)
    return sorted(waiting, key=lambda run: (run.expected_start_time or run.created, run.id))


def waiting() -> Sequence[FlowRun]:
    """Return these runs, and those that wait where nobody takes them."""
    return _runs(_queued())


def _queued() -> FlowRunFilter:
    waiting = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED, StateType.PENDING]))
    now = datetime.now(UTC)
    due = FlowRunFilterExpectedStartTime.model_validate({"after_": now - LONGEST_PATIENCE, "before_": now})
    return FlowRunFilter(state=waiting, expected_start_time=due)


def running() -> Sequence[FlowRun]:
    """Return the validation runs that have begun and, as far as the server knows, have not ended."""
    return _runs(_begun())


def _begun(tags: FlowRunFilterTags | None = None) -> FlowRunFilter:
    begun = FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.CANCELLING])
    return FlowRunFilter(state=FlowRunFilterState(type=begun), tags=tags)


def unbegun(before: datetime) -> Sequence[FlowRun]:
    """Return the validation runs that a worker took before this time and that have not begun since.

    Prefect gives such a run to no other worker, and never ends it.
    """
    taken = _runs(FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PENDING]))))
    return [run for run in taken if run.state is not None and run.state.timestamp < before]


def beating() -> Sequence[FlowRun]:
    """Return the begun runs of Aceite's deployments, watchers included. They must send heartbeats."""
    return _runs(_begun(FlowRunFilterTags(all_=["aceite"])), _ALL)


def end(flow_run_id: UUID, state: State | None, message: str) -> bool:
    """End a run whose process is gone, as Prefect's own worker does. Return False if the server refuses the state.

    A run that is being cancelled becomes Cancelled and keeps that message; any other becomes Crashed.
    """
    cancelled = state is not None and state.type is StateType.CANCELLING
    said = (state and state.message) or message
    ended: State = Cancelled(message=said) if cancelled else Crashed(message=message)
    with get_client(sync_client=True) as client:
        answer: OrchestrationResult[Any] = client.set_flow_run_state(flow_run_id, ended)
    return answer.status is SetStateStatus.ACCEPT


def ended_without_verdict(since: datetime) -> Sequence[FlowRun]:
    """Return the validation runs that ended without a word of their own since then, the latest first.

    They were cancelled, crashed or failed, or somebody set them to Completed by hand. Any machine's clock may count.
    """
    ended = FlowRunFilterState(
        type=FlowRunFilterStateType(any_=_ENDED),
        name=FlowRunFilterStateName(not_any_=["Accepted", "Rejected", INCONCLUSIVE, "Duplicate", "Superseded", "Held"]),
    )
    return _runs(FlowRunFilter(state=ended, end_time=FlowRunFilterEndTime.model_validate({"after_": since})))


def deleted(announced: Sequence[UUID]) -> Mapping[UUID, UUID]:
    """Return by announcement the run that it started and that somebody deleted: at most READ_BACK_AT_MOST are asked of.

    The server tells nobody of a deletion, and keeps the event of the automation that started the run. An announcement
    whose run is not started yet has none.
    """
    asked = EventAnyResourceFilter(id=[f"{_EVENT}{id_}" for id_ in announced])
    executed = EventNameFilter(name=["prefect.automation.action.executed"])
    with get_client(sync_client=True) as client:
        page = client.read_events(EventFilter(event=executed, any_resource=asked), limit=READ_BACK_AT_MOST)
        started = [pair for event in page.events if (pair := _started_by(event)) is not None]
        if not started:
            return {}
        known = FlowRunFilter(id=FlowRunFilterId(any_=[run for _, run in started]))
        there = {run.id for run in client.read_flow_runs(flow_run_filter=known)}
    waiting = {announcement for announcement, run in started if run in there}
    return {announcement: run for announcement, run in started if announcement not in waiting}


def _started_by(event: Event) -> tuple[UUID, UUID] | None:
    """Return the announcement and the run of an event that tells of a validation's start; None of any other.

    Anybody may have posted it.
    """
    by_role = {each.role: each.id for each in event.related}
    if not (event.resource.name or "").startswith(switch_name("")):
        return None
    try:
        announcement = UUID(by_role["triggering-event"].removeprefix(_EVENT))
        return announcement, UUID(by_role["flow-run"].removeprefix("prefect.flow-run."))
    except (KeyError, ValueError):
        return None


def mark_as_judging_again(flow_run_id: str, tags: Sequence[str]) -> None:
    """Add the tag to a run, which has these tags."""
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(flow_run_id), tags=sorted({*tags, AGAIN}))


def judged_again(since: datetime) -> Sequence[FlowRun]:
    """Return the runs that judged a delivery again, or tried to, and ended since then, the latest first."""
    ended = FlowRunFilterEndTime.model_validate({"after_": since})
    return _runs(FlowRunFilter(tags=FlowRunFilterTags(all_=[AGAIN]), end_time=ended))


def end_of(run: FlowRun) -> str:
    """Return for people which run ended, how and when: `run 5e1c... ended as Crashed at ...: its process is gone`."""
    state = run.state
    assert state is not None, "a run that ended has a state"
    at = (run.end_time or state.timestamp).astimezone(UTC)
    said = f": {state.message}" if state.message else ""
    return one_line(f"run {run.id} ended as {state.name} at {at:%Y-%m-%d %H:%M:%S} (UTC){said}", _LONGEST_END)


def _runs(
    wanted: FlowRunFilter, flows: FlowFilter = _VALIDATIONS, work_pools: WorkPoolFilter | None = None
) -> Sequence[FlowRun]:
    found: list[FlowRun] = []
    with get_client(sync_client=True) as client:
        while True:
            page = client.read_flow_runs(
                flow_filter=flows,
                flow_run_filter=wanted,
                work_pool_filter=work_pools,
                sort=FlowRunSort.END_TIME_DESC,
                limit=_PAGE,
                offset=len(found),
            )
            found += page
            if len(page) < _PAGE:
                return found


def pointers_of(run: FlowRun) -> list[DeliveryPointer]:
    """Return pointers to the deliveries that a validation run says it is about. Anybody may have written them."""
    together = run.parameters.get("deliveries")
    try:
        return list(read_pointers(together)) if together else [read_pointer(run.parameters.get("delivery"))]
    except PointerRefused:
        return []


def state_of_run(flow_run_id: str) -> State | None:
    """Return the run's state. Raises ObjectNotFound if the server does not know the run, or if the id is no UUID."""
    try:
        id_ = UUID(flow_run_id)
    except ValueError as error:
        raise ObjectNotFound(error) from error
    with get_client(sync_client=True) as client:
        return client.read_flow_run(id_).state
