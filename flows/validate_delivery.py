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
from flows.evidence.artifacts import publish
from flows.evidence.chain import Chain
from flows.evidence.repetitions import next_judgement
from flows.evidence.run_facts import this_run
from flows.installation.clients import load_clients
from flows.installation.installed import contract_of, installed_contracts
from flows.judging.delivery_run import DeliveryRun, post_verdicts
from flows.judging.states import DUPLICATE, RESULTS, is_retry, refused, state_of, superseded
from flows.prefect_api.run_labels import name_of_one, tag_begun, tag_judged
from flows.prefect_api.runs import cancelled_by, mark_as_judging_again
from flows.prefect_api.switches import held, is_paused


def _run_name() -> str:
    return name_of_one(flow_run.parameters)


def _confirmed(pointer: DeliveryPointer, asked_by: str | None) -> DeliveryRun:
    """Return the run of the delivery that the pointer is of. Raise PointerRefused if it is of none."""
    contract, clients = contract_of(pointer.dataset), load_clients()
    landed = delivery_of_keys(pointer, contract, installed_contracts())
    chain = Chain(clients.evidence_s3, clients.evidence_bucket, contract.dataset)
    delivery_run = DeliveryRun(contract, landed, asked_by, chain)
    delivery_run.confirm()
    return delivery_run


def _confirmed_again(pointer: DeliveryPointer, without_pipeline: bool) -> DeliveryRun:
    """Return the run that judges the pointer's delivery again. Raise PointerRefused if it has no verdict yet."""
    contract, clients = contract_of(pointer.dataset), load_clients()
    landed = delivery_of_keys(pointer, contract, installed_contracts())
    s3, bucket, run_id = clients.evidence_s3, clients.evidence_bucket, str(flow_run.id)
    again, before = next_judgement(s3, bucket, landed, run_id)
    chain = Chain(s3, bucket, contract.dataset)
    delivery_run = DeliveryRun(contract, again, None, chain, judged_before=before, without_pipeline=without_pipeline)
    delivery_run.confirm()
    mark_as_judging_again(run_id, flow_run.tags)
    return delivery_run


def _refuse_other_than_flags(**flags: object) -> None:
    """Raise PointerRefused unless each parameter is true or false, and `without_pipeline` comes with `again`."""
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise PointerRefused(f"{name} is {value!r}; allowed are true and false")
    if flags["without_pipeline"] and not flags["again"]:
        raise PointerRefused("without_pipeline is for a delivery that is judged again: set again to true as well")


# Prefect would load a block that a parameter refers to, and end in a traceback: `read_pointer` validates instead.
@flow(name="validate-delivery", flow_run_name=_run_name, validate_parameters=False, **RESULTS)
def validate_delivery(
    delivery: DeliveryPointer | None = None,
    event_id: str | None = None,
    again: bool = False,
    without_pipeline: bool = False,
) -> State:
    """Judges a delivery. The state's name is the verdict and its message the reason.

    Args:
        delivery: What to judge, as the event `delivery.arrived` carries it. Without one the run ends as Refused:
            Prefect's engine would leave a run that lacks an argument Pending.
        event_id: That event; none when a person asked.
        again: Judge a delivery that has a verdict once more, as its next revision. Its evidence so far stays.
        without_pipeline: When judging again, run no step of the pipeline, and judge the table as it is.
    """
    try:
        _refuse_other_than_flags(again=again, without_pipeline=without_pipeline)
        pointer, asked_by = read_pointer(delivery), read_event_id(event_id)
        if asked_by is not None and not again and is_paused(pointer.dataset):
            return held(pointer.dataset)
        delivery_run = _confirmed_again(pointer, without_pipeline) if again else _confirmed(pointer, asked_by)
    except PointerRefused as refusal:
        return refused(refusal)
    if not delivery_run.claim(str(flow_run.id)):
        return _another_s(delivery_run)
    tag_begun(str(flow_run.id), flow_run.tags, pointer.dataset, again=again)
    try:
        delivery_run.prepare()
        delivery_run.measure()
    except TerminationSignal:
        # A person's word is final. A run that its runner ends leaves no verdict, and its delivery is announced again.
        # If it judged again, the verdict before stands.
        if not again and (reason := cancelled_by(str(flow_run.id))):
            run = this_run(delivery_run.contract, load_clients().caller)
            if delivery_run.record_cancellation(run, reason):
                post_verdicts([delivery_run], run)
                tag_judged(run.id, pointer.dataset, [delivery_run.judgement.verdict])
        raise
    return superseded(delivery_run.superseded) if delivery_run.superseded else _concluded(delivery_run)


def _another_s(delivery_run: DeliveryRun) -> State:
    """Return the state of a run whose delivery has a verdict, or is another run's."""
    dataset = delivery_run.delivery.dataset
    # Who retries a run whose delivery was rejected must not make it green.
    if is_retry() and (standing := delivery_run.standing_verdict()):
        tag_judged(str(flow_run.id), dataset, [standing.verdict])
        return state_of(standing, delivery_run.language)
    tag_begun(str(flow_run.id), flow_run.tags, dataset)
    return Completed(name=DUPLICATE, message="this delivery has a verdict, or another run is working on it")


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
    tag_judged(run.id, evidence.delivery.dataset, [judgement.verdict])
    if judgement.verdict is not Verdict.ACCEPTED:
        # Prefect logs a flow's last state at level INFO, whatever it is. An inconclusive delivery needs a person too.
        get_run_logger().error("%s: %s", judgement.verdict.value, judgement.reason)
    return state_of(judgement, delivery_run.language)
