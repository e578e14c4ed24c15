"""Posts events to Prefect's server, and reads them back where that must be certain.

Prefect's `emit_event` returns before anything is sent and hides failures. An HTTP answer means that the event is in the
server's broker; reading it back means that it is in the server's database.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID, uuid4

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.context import FlowRunContext
from prefect.events import Event, RelatedResource, Resource
from prefect.events.filters import EventFilter, EventIDFilter
from prefect.runtime import deployment, flow_run

from acceptance.announcing.delivery_events import DATASET, EventDraft
from acceptance.announcing.verdict_events import FAILURE
from flows.prefect_api.switches import read_switches

READ_BACK_AT_MOST = 50
"""The page size of POST /events/filter (INTERACTIVE_PAGE_SIZE in prefect.server.events.storage)."""
COUNTED_AT_ONCE = 200


def post(client: SyncPrefectClient, drafts: Iterable[tuple[UUID, EventDraft]]) -> None:
    """Post events under the given ids.

    Raises:
        httpx.HTTPError: the server did not take them.
    """
    drafts = list(drafts)
    related = _related()
    switches = _switches_of(client, [draft for _, draft in drafts])
    events = [
        Event(
            id=event_id,
            event=draft.name,
            resource=Resource(dict(draft.resource)),
            related=[*related, *(switches.get(draft.resource[DATASET], ()) if FAILURE in draft.resource else ())],
            payload=dict(draft.payload),
        ).model_dump(mode="json")
        for event_id, draft in drafts
    ]
    if events:
        client.request("POST", "/events", json=events).raise_for_status()


def post_one(draft: EventDraft, event_id: UUID | None = None) -> UUID:
    event_id = event_id or uuid4()
    with get_client(sync_client=True) as client:
        post(client, [(event_id, draft)])
    return event_id


def stored(client: SyncPrefectClient, event_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Return the events that the server shows. It is asked how many of many there are before it is asked which."""
    found: set[UUID] = set()
    for start in range(0, len(event_ids), COUNTED_AT_ONCE):
        found |= _stored(client, event_ids[start : start + COUNTED_AT_ONCE])
    return frozenset(found)


def _stored(client: SyncPrefectClient, ids: Sequence[UUID]) -> set[UUID]:
    readable = len(ids) <= READ_BACK_AT_MOST
    page = client.read_events(EventFilter(id=EventIDFilter(id=list(ids))), limit=READ_BACK_AT_MOST if readable else 0)
    if readable:
        return {event.id for event in page.events}
    if page.total in (0, len(ids)):
        return set(ids) if page.total else set()
    half = len(ids) // 2
    return _stored(client, ids[:half]) | _stored(client, ids[half:])


def _switches_of(client: SyncPrefectClient, drafts: Sequence[EventDraft]) -> Mapping[str, Sequence[RelatedResource]]:
    """Return by dataset, for events of failures, the automation that the circuit breaker may switch off."""
    failing = {draft.resource[DATASET] for draft in drafts if FAILURE in draft.resource}
    found = read_switches(client, sorted(failing))
    return {dataset: [RelatedResource(switch.related)] for dataset, switch in found.items()}


def _related() -> list[RelatedResource]:
    """Return the run that posts and its deployment, so that an automation can match on them."""
    if FlowRunContext.get() is None:
        return []
    related = [_resource("flow-run", str(flow_run.id), flow_run.name)]
    if deployment.id:
        related.append(_resource("deployment", str(deployment.id), deployment.name))
    return related


def _resource(role: str, identity: str, name: str | None) -> RelatedResource:
    return RelatedResource(
        {
            "prefect.resource.id": f"prefect.{role}.{identity}",
            "prefect.resource.role": role,
            "prefect.resource.name": name or "",
        }
    )
