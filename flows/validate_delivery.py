"""Takes one delivery through its pipeline, judges the table, and leaves evidence. One delivery, one verdict."""

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.exceptions import TerminationSignal
from prefect.runtime import flow_run
from prefect.states import Completed

from acceptance.deliveries.pointer import DeliveryPointer, read_event_id, read_pointer
from acceptance.deliveries.pointer_check import delivery_of_keys
from acceptance.errors import PointerRefused
from acceptance.judging.judge import Verdict
from acceptance.untrusted_text import one_line
from flows.evidence.artifacts import publish
from flows.evidence.chain import Chain
from flows.evidence.run_facts import this_run
from flows.installation.clients import load_clients
from flows.installation.installed import contract_of, installed_contracts
from flows.judging.delivery_run import DeliveryRun, post_verdicts
from flows.judging.states import DUPLICATE, RESULTS, is_retry, refused, state_of, superseded
from flows.prefect_api.runs import cancelled_by
from flows.prefect_api.switches import held, is_paused


def _run_name() -> str:
    try:
        return one_line(read_pointer(flow_run.parameters["delivery"]).delivery().title)
    except PointerRefused:
        return "no delivery"


def _confirmed(pointer: DeliveryPointer, asked_by: str | None) -> DeliveryRun:
    """Return the run of the delivery that the pointer is of. Raise PointerRefused if it is of none."""
    contract, clients = contract_of(pointer.dataset), load_clients()
    landed = delivery_of_keys(pointer, contract, installed_contracts())
    chain = Chain(clients.evidence_s3, clients.evidence_bucket, contract.dataset)
    delivery_run = DeliveryRun(contract, landed, asked_by, chain)
    delivery_run.confirm()
    return delivery_run


# Prefect would load a block that a parameter refers to, and end in a traceback: `read_pointer` validates instead.
@flow(name="validate-delivery", flow_run_name=_run_name, validate_parameters=False, **RESULTS)
def validate_delivery(delivery: DeliveryPointer, event_id: str | None = None) -> State:
    """Judges a delivery. The state's name is the verdict and its message the reason.

    Args:
        delivery: What to judge, as the event `delivery.arrived` carries it.
        event_id: That event; none when a person asked.
    """
    try:
        pointer, asked_by = read_pointer(delivery), read_event_id(event_id)
        if asked_by is not None and is_paused(pointer.dataset):
            return held(pointer.dataset)
        delivery_run = _confirmed(pointer, asked_by)
    except PointerRefused as refusal:
        return refused(refusal)
    if not delivery_run.claim(str(flow_run.id)):
        # Who retries a run whose delivery was rejected must not make it green.
        if is_retry() and (standing := delivery_run.standing_verdict()):
            return state_of(standing)
        return Completed(name=DUPLICATE, message="this delivery has a verdict, or another run is working on it")
    try:
        delivery_run.prepare()
        delivery_run.measure()
    except TerminationSignal:
        # A person's word is final. A run that its runner ends leaves no verdict, and its delivery is announced again.
        if reason := cancelled_by(str(flow_run.id)):
            run = this_run(delivery_run.contract, load_clients().caller)
            if delivery_run.record_cancellation(run, reason):
                post_verdicts([delivery_run], run)
        raise
    return superseded(delivery_run.superseded) if delivery_run.superseded else _concluded(delivery_run)


def _concluded(delivery_run: DeliveryRun) -> State:
    """Put the evidence and tell the verdict. Return the run's state."""
    clients = load_clients()
    run = this_run(delivery_run.contract, clients.caller)
    evidence = delivery_run.put(run)
    if evidence is None:
        return Completed(
            name=DUPLICATE, message=f"another run was faster; its evidence is at {delivery_run.evidence_uri}"
        )
    publish(evidence, delivery_run.evidence_uri, clients, delivery_run.delivery.title)
    post_verdicts([delivery_run], run)
    judgement = delivery_run.judgement
    if judgement.verdict is not Verdict.ACCEPTED:
        # Prefect logs a flow's last state at level INFO, whatever it is. An inconclusive delivery needs a person too.
        get_run_logger().error("%s: %s", judgement.verdict.value, judgement.reason)
    return state_of(judgement)
