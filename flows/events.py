"""Events reach Prefect's server: posted in the foreground, and read back where it must be certain.

Prefect's `emit_event` answers before anything was sent and stays silent when nothing could be; an HTTP answer means
that the event is in the server's broker, and reading it back that it is in its database.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID, uuid4

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.context import FlowRunContext
from prefect.events import Event, RelatedResource, Resource
from prefect.events.filters import EventFilter, EventIDFilter
from prefect.runtime import deployment, flow_run

from acceptance.events import EventDraft

READ_BACK_AT_MOST = 50
"""Events that one answer of POST /events/filter holds (INTERACTIVE_PAGE_SIZE in prefect.server.events.storage)."""


def post(client: SyncPrefectClient, drafts: Iterable[tuple[UUID, EventDraft]]) -> None:
    """Sends events under the given ids.

    Raises:
        httpx.HTTPError: the server did not take them.
    """
    related = _related()
    events = [
        Event(
            id=event_id,
            event=draft.name,
            resource=Resource(dict(draft.resource)),
            related=related,
            payload=dict(draft.payload),
        ).model_dump(mode="json")
        for event_id, draft in drafts
    ]
    if events:
        client.request("POST", "/events", json=events).raise_for_status()


def post_one(draft: EventDraft) -> UUID:
    event_id = uuid4()
    with get_client(sync_client=True) as client:
        post(client, [(event_id, draft)])
    return event_id


def stored(client: SyncPrefectClient, event_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Which of the events the server can show."""
    found: set[UUID] = set()
    for start in range(0, len(event_ids), READ_BACK_AT_MOST):
        ids = list(event_ids[start : start + READ_BACK_AT_MOST])
        page = client.read_events(EventFilter(id=EventIDFilter(id=ids)), limit=READ_BACK_AT_MOST)
        found.update(event.id for event in page.events)
    return frozenset(found)


def _related() -> list[RelatedResource]:
    """The run that speaks and its deployment, so that an automation can tell whose event it is."""
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
