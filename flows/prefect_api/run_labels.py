"""Names and tags of validation runs, by which people find them on Prefect's pages. No verdict depends on them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import PrefectException
from prefect.logging import get_logger

from acceptance.announcing.delivery_events import title_together
from acceptance.deliveries.pointer import read_pointer, read_pointers
from acceptance.errors import PointerRefused
from acceptance.judging.judge import Verdict
from acceptance.untrusted_text import one_line
from flows.prefect_api.runs import AGAIN

DATASET_TAG = "dataset:"
VERDICT_TAG = "verdict:"


def name_of_one(parameters: Mapping[str, Any]) -> str:
    """Return the name of a run of validate-delivery: dataset, business date and file."""
    again = ", judged again" if parameters.get("again") else ""
    try:
        return one_line(read_pointer(parameters.get("delivery")).delivery().title + again)
    except PointerRefused:
        return "no delivery"


def name_of_many(parameters: Mapping[str, Any]) -> str:
    """Return the name of a run of validate-deliveries."""
    try:
        return one_line(title_together(read_pointers(parameters.get("deliveries"))))
    except PointerRefused:
        return "no deliveries"


def name_of(run: FlowRun) -> str:
    return (name_of_many if run.parameters.get("deliveries") else name_of_one)(run.parameters)


def name_runs(runs: Iterable[FlowRun], at_most: int | None = None) -> None:
    """Name so many runs that do not have their names yet: Prefect's engine names a run when it begins, and not before.

    Raises:
        httpx.HTTPError: Prefect's server did not answer.
    """
    unnamed = {run.id: name for run in runs if run.name != (name := name_of(run))}
    if not unnamed:
        return
    with get_client(sync_client=True) as client:
        for id_, name in list(unnamed.items())[:at_most]:
            client.set_flow_run_name(id_, name)


def tag_begun(flow_run_id: str, tags: Sequence[str], dataset: str, *, again: bool = False) -> None:
    """Tag a run that has these tags with its dataset. A copy of a run has its verdict's tag too, which goes."""
    kept = {tag for tag in tags if not tag.startswith(VERDICT_TAG)} | ({AGAIN} if again else set())
    with _costing_no_verdict(), get_client(sync_client=True) as client:
        client.update_flow_run(UUID(flow_run_id), tags=sorted({*kept, f"{DATASET_TAG}{dataset}"}))


def tag_judged(flow_run_id: str, dataset: str, verdicts: Collection[Verdict]) -> None:
    """Add the tags of verdicts that a run reached. Many deliveries may have several; one delivery has one."""
    with _costing_no_verdict(), get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(flow_run_id))
        began = run.start_time is not None
        kept = {tag for tag in run.tags if began or not tag.startswith(VERDICT_TAG)}
        wanted = sorted({*kept, f"{DATASET_TAG}{dataset}", *(f"{VERDICT_TAG}{verdict}" for verdict in verdicts)})
        if wanted != sorted(run.tags):
            client.update_flow_run(run.id, tags=wanted)


@contextmanager
def _costing_no_verdict() -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, PrefectException) as error:
        get_logger("aceite").warning("the run's tags could not be set: %s", error)
