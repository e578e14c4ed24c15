"""The runs that wait on Prefect's server for a free process, by the deliveries that they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.ledger.status import DeliveryStatus


def queued_of(items: Sequence[DeliveryStatus]) -> Mapping[str, str]:
    """Return a sentence for each delivery that no run has taken and whose run is queued.

    Prefect is imported, and asked, only if there may be one. If its server does not answer, there is none.
    """
    waiting = {item.id for item in items if item.state == "announced"}
    if not waiting:
        return {}
    import httpx

    from flows.prefect_api.runs import pointers_of, queued

    found: dict[str, str] = {}
    with suppress(httpx.HTTPError):
        for number, run in enumerate(queued()):
            before = f"{number} runs are before it" if number != 1 else "1 run is before it"
            place = f"run {run.id} is queued for it: {before if number else 'it is the next one'}"
            found |= {pointer.id: place for pointer in pointers_of(run) if pointer.id in waiting}
    return found
