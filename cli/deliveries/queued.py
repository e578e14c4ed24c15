"""The runs that wait on Prefect's server for a free process, by the deliveries that they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from flows.ledger.status import DeliveryStatus


def queued_of(items: Sequence[DeliveryStatus]) -> Mapping[str, str]:
    """Return a sentence for each delivery that no run has taken and whose run is queued.

    It begins with what holds the run back on Prefect's server, if somebody paused or limited its place there.
    Prefect is imported, and asked, only if there may be one. If its server does not answer, there is none.
    """
    waiting = {item.id for item in items if item.state == "announced"}
    if not waiting:
        return {}
    import httpx

    from flows.prefect_api.runs import pointers_of, queued

    found: dict[str, str] = {}
    with suppress(httpx.HTTPError):
        stopped = cache(_stopped)
        for number, run in enumerate(queued()):
            ours = [pointer.id for pointer in pointers_of(run) if pointer.id in waiting]
            before = f"{number} runs are before it" if number != 1 else "1 run is before it"
            place = f"run {run.id} is queued for it: {before if number else 'it is the next one'}"
            if ours and (why := stopped(run.work_pool_name, run.work_queue_id)):
                place = f"{why}; {place}"
            found |= dict.fromkeys(ours, place)
    return found


def _stopped(pool_name: str | None, queue_id: UUID | None) -> str:
    """Return what keeps the runs of a work pool and its work queue from beginning, and how a person undoes it."""
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    found = []
    with get_client(sync_client=True) as client, suppress(ObjectNotFound):
        if pool_name is not None:
            pool = client.read_work_pool(pool_name)
            command = ("work-pool", f'"{pool_name}"')
            found.append(_held(f"work pool {pool_name}", pool.is_paused, pool.concurrency_limit, command))
        if pool_name is not None and queue_id is not None:
            queue = client.read_work_queue(queue_id)
            command = ("work-queue", f'"{queue.name}" --pool "{pool_name}"')
            named = f"work queue {queue.name} of the work pool {pool_name}"
            found.append(_held(named, queue.is_paused, queue.concurrency_limit, command))
    return "; ".join(filter(None, found))


def _held(name: str, is_paused: bool, limit: int | None, command: tuple[str, str]) -> str:
    verb, place = command
    if is_paused:
        return f"the {name} is paused, `prefect {verb} resume {place}` lets its runs begin"
    if limit is not None:
        runs = "run begins" if limit == 1 else "runs begin"
        return (
            f"of the {name} {limit or 'no'} {runs} at once, `prefect {verb} clear-concurrency-limit {place}` ends that"
        )
    return ""
