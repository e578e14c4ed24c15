"""A delivery whose run is queued in Prefect says so, and how many runs are before it."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from builders import a_delivery
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.states import Scheduled

from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.pointer import DeliveryPointer
from cli.deliveries.queued import queued_of
from flows.ledger.status import DeliveryStatus
from flows.validate_delivery import validate_delivery


def waiting(delivery: Delivery, state: str = "announced") -> DeliveryStatus:
    date, keys = delivery.business_date.isoformat(), (delivery.first.key,)
    return DeliveryStatus(
        delivery.id, "orders", date, keys, 1, state, None, None, None, datetime.now(UTC), None, None, None, 1
    )


def queue(delivery: Delivery, pool: str) -> UUID:
    """Put a run of the delivery into the queue of a work pool that no worker serves."""
    parameters = {"delivery": DeliveryPointer.to(delivery).model_dump(mode="json")}
    with get_client(sync_client=True) as client:
        flow, state = validate_delivery, Scheduled()
        return client.create_flow_run(flow, parameters=parameters, state=state, work_pool_name=pool).id


@pytest.mark.usefixtures("prefect_server")
def test_a_queued_run_is_named_with_its_place_in_the_queue() -> None:
    with get_client(sync_client=True) as client:
        pool = client.create_work_pool(WorkPoolCreate(name="of-those-who-queue", type="process")).name
    deliveries = [a_delivery(f"orders/20260102/{name}.csv") for name in ("first", "second", "third")]
    runs = [queue(each, pool) for each in deliveries[:2]]
    found = queued_of([waiting(each) for each in deliveries])
    assert set(found) == {each.id for each in deliveries[:2]}, "nobody started a run for the third"
    first, second = (found[each.id] for each in deliveries[:2])
    assert first.startswith(f"run {runs[0]} is queued for it: ")
    assert second.startswith(f"run {runs[1]} is queued for it: ")
    assert "before it" in second


def test_prefect_is_not_asked_if_nobody_waits_for_a_run() -> None:
    claimed = waiting(a_delivery(), "claimed")
    assert queued_of([claimed, replace(claimed, state="judged")]) == {}
