"""Of what one event tells, Prefect creates a run: its limits are those of its installed version, and it counts."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from prefect.automations import AutomationCore
from prefect.events import Event, Resource
from prefect.server.schemas.actions import DeploymentFlowRunCreate
from prefect.server.utilities.user_templates import render_user_template_sync
from prefect.settings import get_current_settings
from pydantic import ValidationError

from acceptance.announcing.announcements import batches
from acceptance.announcing.delivery_events import EventDraft, arrived, arrived_together
from acceptance.deliveries.delivery import MOST_TOGETHER, Delivery, LandingObject
from acceptance.deliveries.pointer import MOST_POINTER_BYTES, DeliveryPointer
from automations import validate

SOME_ID = UUID(int=7)
TODAY = date(2026, 1, 2)
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
MD5 = "d41d8cd98f00b204e9800998ecf8427e"
LONG = {"ASCII": "k" * 1_000, "Portuguese": "ã" * 500, "emoji": "\U0001f4a9" * 250, "controls": "\x01" * 1_000}
"""Names of 1,000 bytes, which have up to 6,000 where all but ASCII is escaped."""


def landed(name: str, number: int) -> Iterator[LandingObject]:
    return (LandingObject("landing", f"in/{each:05}/{name}", MD5, 1, NOON) for each in range(number))


def delivery_of(members: Iterable[LandingObject]) -> Delivery:
    return Delivery("movies", TODAY, tuple(members))


def run_of(automation: AutomationCore, parameter: str, event: EventDraft) -> DeploymentFlowRunCreate:
    """As the server creates it from an event. Raises ValidationError if it does not."""
    (action,) = automation.actions
    rendered = render_user_template_sync(action.parameters[parameter]["value"]["template"], {"event": event})
    return DeploymentFlowRunCreate(parameters={parameter: json.loads(rendered), "event_id": str(SOME_ID)})


def is_kept(event: EventDraft) -> bool:
    """Whether the server's events take one of this size."""
    sent = Event(event=event.name, resource=Resource(dict(event.resource)), payload=dict(event.payload))
    return sent.size_bytes <= get_current_settings().server.events.maximum_size_bytes


@pytest.mark.parametrize("name", LONG)
def test_the_run_of_the_largest_delivery_that_is_told_is_created_and_that_of_a_larger_one_is_not(name):
    each_bytes = DeliveryPointer.to(delivery_of(landed(LONG[name], 100))).size_bytes // 100
    files = MOST_POINTER_BYTES // each_bytes
    largest, larger = (delivery_of(landed(LONG[name], number)) for number in (files - 1, files + 10))
    assert DeliveryPointer.to(largest).size_bytes <= MOST_POINTER_BYTES < DeliveryPointer.to(larger).size_bytes
    automation = validate.each("movies", SOME_ID)
    assert run_of(automation, "delivery", arrived(largest))
    assert is_kept(arrived(largest))
    with pytest.raises(ValidationError, match="Flow run parameters must be less than 524,288 bytes"):
        run_of(automation, "delivery", arrived(larger))


@pytest.mark.parametrize("name", LONG)
def test_the_run_of_as_many_deliveries_as_are_told_together_is_created(name):
    pointers = [DeliveryPointer.to(delivery_of([each])) for each in landed(LONG[name], 600)]
    events = [arrived_together(lot) for lot in batches(pointers, MOST_TOGETHER)]
    assert sum(len(event.payload["deliveries"]) for event in events) > 590
    assert all(run_of(validate.together(SOME_ID), "deliveries", event) and is_kept(event) for event in events)
