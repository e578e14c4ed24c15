"""Takes many deliveries of one dataset through their pipelines side by side, and judges them by few queries.

Each has its own steps, verdict and evidence, as in a run of its own; whatever goes wrong with one is its own affair.
"""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from acceptance.deliveries.delivery import MOST_TOGETHER
from acceptance.deliveries.pointer import DeliveryPointer, read_event_id, read_pointers
from acceptance.deliveries.pointer_check import delivery_of_keys
from acceptance.errors import PointerRefused
from flows.evidence.chain import Chain
from flows.evidence.run_facts import this_run
from flows.installation.clients import load_clients
from flows.installation.installed import contract_of, installed_contracts
from flows.judging.batch import SIDE_BY_SIDE, Batch, at_once, lots
from flows.judging.delivery_run import DeliveryRun
from flows.judging.states import RESULTS, is_retry, refused
from flows.prefect_api.run_labels import name_of_many, tag_begun
from flows.prefect_api.switches import held, is_paused
from flows.steps.timeline import Timeline, without_task_run


def _run_name() -> str:
    return name_of_many(flow_run.parameters)


# As in `validate_delivery`, what is wrong with a pointer is told in words.
@flow(name="validate-deliveries", flow_run_name=_run_name, validate_parameters=False, **RESULTS)
def validate_deliveries(
    deliveries: list[DeliveryPointer] | None = None, event_id: str | None = None, side_by_side: int = SIDE_BY_SIDE
) -> State:
    """Judges deliveries of one dataset. Each is a task run of its name, whose state is its verdict.

    Args:
        deliveries: What to judge, as the event `deliveries.arrived` carries it.
        event_id: That event; none when a person asked.
        side_by_side: Pipelines that run at the same time.
    """
    try:
        pointers, asked_by = read_pointers(deliveries), read_event_id(event_id)
        if asked_by is not None and is_paused(pointers[0].dataset):
            return held(pointers[0].dataset)
        contract = contract_of(pointers[0].dataset)
    except PointerRefused as refusal:
        return refused(refusal)
    if not isinstance(side_by_side, int) or not 1 <= side_by_side <= MOST_TOGETHER:
        return refused(f"side_by_side is {side_by_side!r}; allowed is a number from 1 to {MOST_TOGETHER}")
    clients = load_clients()
    tag_begun(str(flow_run.id), flow_run.tags, contract.dataset)
    batch = Batch(contract, this_run(contract, clients.caller), side_by_side, is_retry())
    chain = Chain(clients.evidence_s3, clients.evidence_bucket, contract.dataset)
    delivery_runs = []
    for pointer in pointers:
        try:
            delivery = delivery_of_keys(pointer, contract, installed_contracts())
        except PointerRefused as refusal:
            batch.refuse(pointer.delivery(), refusal)
        else:
            delivery_runs.append(DeliveryRun(contract, delivery, asked_by, chain, Timeline(without_task_run)))
    with batch.side_by_side():
        for lot in lots(delivery_runs, at_once(contract, side_by_side)):
            if batch.judged and asked_by is not None and is_paused(contract.dataset):
                break  # the other deliveries are not claimed, and wait with those of the paused dataset
            batch.judge(lot)
    return batch.state()
