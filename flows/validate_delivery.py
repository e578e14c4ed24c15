"""Takes one delivery through its pipeline, judges the table, and leaves evidence. One delivery, one verdict."""

from typing import Any

import httpx
from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.exceptions import TerminationSignal
from prefect.runtime import flow_run
from prefect.settings import get_current_settings
from prefect.states import Completed, Failed

from acceptance.events import DeliveryPointer
from acceptance.judge import Judgement, Verdict
from acceptance.verdict_events import verdict_event_id
from flows import events
from flows.artifacts import publish
from flows.case import Case
from flows.chain import Chain
from flows.clients import load_clients
from flows.installation import contract_of
from flows.records import Run, this_run
from flows.runs import is_being_cancelled
from flows.switches import held, is_paused

RESULTS: dict[str, Any] = {
    "persist_result": False,
    "result_storage": get_current_settings().results.local_storage_path,
}
"""None is kept: there is evidence. A run that does not say both asks Prefect's server, three times, for its default.

The exception that ends a run is kept whatever is said, by Prefect: where it keeps such things unless it is told.
"""

DUPLICATE = "Duplicate"
"""The state of a run whose delivery is, or was, judged by another."""


def _run_name() -> str:
    return DeliveryPointer.model_validate(flow_run.parameters["delivery"]).delivery().title


@flow(name="validate-delivery", flow_run_name=_run_name, **RESULTS)
def validate_delivery(delivery: DeliveryPointer, event_id: str | None = None) -> State:
    """Judges a delivery. The state's name is the verdict and its message the reason.

    Args:
        delivery: What to judge, as the event `delivery.arrived` carries it.
        event_id: That event; none when a person asked.
    """
    if event_id is not None and is_paused(delivery.dataset):
        return held(delivery.dataset)
    contract, clients = contract_of(delivery.dataset), load_clients()
    chain = Chain(clients.evidence_s3, clients.evidence_bucket, contract.dataset)
    case = Case(contract, delivery.delivery(), event_id, chain)
    if not case.claim(str(flow_run.id)):
        return Completed(name=DUPLICATE, message="this delivery has a verdict, or another run is working on it")
    try:
        case.prepare()
        case.measure()
    except TerminationSignal:
        # A person's word is final. A run that its runner ends leaves no verdict, and its delivery is announced again.
        if is_being_cancelled(str(flow_run.id)):
            run = this_run(contract, clients.caller)
            if case.record_cancellation(run):
                _tell(case, run)
        raise
    run = this_run(contract, clients.caller)
    evidence = case.put(run)
    if evidence is None:
        return Completed(name=DUPLICATE, message=f"another run was faster; its evidence is at {case.evidence_uri}")
    publish(evidence, case.evidence_uri, clients, case.delivery.title)
    _tell(case, run)
    return state_of(case.judgement)


def _tell(case: Case, run: Run) -> None:
    try:
        events.post_one(case.verdict_event(run), verdict_event_id(case.evidence_uri))
    except httpx.HTTPError as error:
        get_run_logger().error("the verdict stands, but its event could not be sent: %s", error)


def state_of(judgement: Judgement) -> State:
    name = judgement.verdict.value.capitalize()
    if judgement.verdict is Verdict.ACCEPTED:
        return Completed(name=name, message=judgement.reason)
    return Failed(name=name, message=judgement.reason)
