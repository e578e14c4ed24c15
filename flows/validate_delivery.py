"""Takes one delivery through its pipeline, judges the table, and leaves evidence. One delivery, one verdict."""

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.exceptions import TerminationSignal
from prefect.runtime import flow_run
from prefect.states import Completed

from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.judging.judge import Verdict
from flows.evidence.artifacts import publish
from flows.evidence.chain import Chain
from flows.evidence.run_facts import this_run
from flows.installation.clients import load_clients
from flows.installation.installed import contract_of
from flows.judging.delivery_run import DeliveryRun, post_verdicts
from flows.judging.states import DUPLICATE, RESULTS, state_of
from flows.prefect_api.runs import is_being_cancelled
from flows.prefect_api.switches import held, is_paused


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
    delivery_run = DeliveryRun(contract, delivery.delivery(), event_id, chain)
    if not delivery_run.claim(str(flow_run.id)):
        return Completed(name=DUPLICATE, message="this delivery has a verdict, or another run is working on it")
    try:
        delivery_run.prepare()
        delivery_run.measure()
    except TerminationSignal:
        # A person's word is final. A run that its runner ends leaves no verdict, and its delivery is announced again.
        if is_being_cancelled(str(flow_run.id)):
            run = this_run(contract, clients.caller)
            if delivery_run.record_cancellation(run):
                post_verdicts([delivery_run], run)
        raise
    run = this_run(contract, clients.caller)
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
