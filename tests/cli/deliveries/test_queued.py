"""A delivery whose run is queued in Prefect says so, and how many runs are before it."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from builders import a_delivery
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.settings import get_current_settings
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


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize(
    ("change", "told", "undone"),
    [
        ({"is_paused": True}, "the work pool {pool} is paused", ["work-pool", "resume", "{pool}"]),
        ({"concurrency_limit": 0}, "no runs begin at once", ["work-pool", "clear-concurrency-limit", "{pool}"]),
    ],
)
def test_a_work_pool_that_somebody_stopped_is_named_with_the_command_that_lets_its_runs_begin(
    change: dict[str, Any], told: str, undone: list[str]
) -> None:
    with get_client(sync_client=True) as client:
        pool = client.create_work_pool(WorkPoolCreate(name=f"stopped-{uuid4()}", type="process")).name
        delivery = a_delivery(f"orders/20260102/{pool}.csv")
        run = queue(delivery, pool)
        client.update_work_pool(pool, WorkPoolUpdate(**change))
    said = queued_of([waiting(delivery)])[delivery.id]
    assert told.format(pool=pool) in said
    assert f"run {run} is queued for it" in said
    _undo(said, undone, pool)
    assert queued_of([waiting(delivery)])[delivery.id].startswith(f"run {run} is queued for it")


@pytest.mark.usefixtures("prefect_server")
def test_so_is_a_work_queue_that_somebody_paused_or_limited() -> None:
    with get_client(sync_client=True) as client:
        pool = client.create_work_pool(WorkPoolCreate(name=f"stopped-{uuid4()}", type="process")).name
        delivery = a_delivery(f"orders/20260102/{pool}.csv")
        place = client.read_flow_run(queue(delivery, pool)).work_queue_id
        assert place is not None
        client.update_work_queue(place, is_paused=True)
        paused = queued_of([waiting(delivery)])[delivery.id]
        client.update_work_queue(place, is_paused=False, concurrency_limit=1)
        limited = queued_of([waiting(delivery)])[delivery.id]
    assert "the work queue default of the work pool" in paused
    assert f'`prefect work-queue resume "default" --pool "{pool}"`' in paused
    assert "1 run begins at once" in limited
    _undo(limited, ["work-queue", "clear-concurrency-limit", "default", "--pool", "{pool}"], pool)
    assert queued_of([waiting(delivery)])[delivery.id].startswith("run ")


def _undo(said: str, words: list[str], pool: str) -> None:
    """Run the command that stands in the sentence, as who copies it does."""
    (command,) = re.findall("`prefect ([^`]+)`", said)
    assert shlex.split(command) == [word.format(pool=pool) for word in words]
    api = get_current_settings().to_environment_variables(exclude_unset=True)
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *shlex.split(command)],
        env={**os.environ, **api},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prefect_is_not_asked_if_nobody_waits_for_a_run() -> None:
    claimed = waiting(a_delivery(), "claimed")
    assert queued_of([claimed, replace(claimed, state="judged")]) == {}
