"""Takes many deliveries of one dataset through their pipelines side by side, and judges them by few queries.

Each has its own steps, verdict and evidence, as in a run of its own; whatever goes wrong with one is its own affair.
"""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from acceptance.announcing.delivery_events import title_together
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.errors import AceiteError
from flows.evidence.chain import Chain
from flows.evidence.run_facts import this_run
from flows.installation.clients import load_clients
from flows.installation.installed import contract_of
from flows.judging.batch import SIDE_BY_SIDE, Batch, at_once, lots
from flows.judging.delivery_run import DeliveryRun
from flows.judging.states import RESULTS
from flows.prefect_api.switches import held, is_paused
from flows.steps.timeline import Timeline, without_task_run


def _pointers() -> list[DeliveryPointer]:
    return [DeliveryPointer.model_validate(each) for each in flow_run.parameters["deliveries"]]


def _run_name() -> str:
    return title_together(_pointers())


@flow(name="validate-deliveries", flow_run_name=_run_name, **RESULTS)
def validate_deliveries(
    deliveries: list[DeliveryPointer], event_id: str | None = None, side_by_side: int = SIDE_BY_SIDE
) -> State:
    """Judges deliveries of one dataset. Each is a task run of its name, whose state is its verdict.

    Args:
        deliveries: What to judge, as the event `deliveries.arrived` carries it.
        event_id: That event; none when a person asked.
        side_by_side: Pipelines that run at the same time.
    """
    datasets = {pointer.dataset for pointer in deliveries}
    if len(datasets) != 1:
        raise AceiteError(f"deliveries of one dataset are judged together, not of {', '.join(sorted(datasets))}")
    dataset = datasets.pop()
    if event_id is not None and is_paused(dataset):
        return held(dataset)
    contract, clients = contract_of(dataset), load_clients()
    batch = Batch(contract, this_run(contract, clients.caller), side_by_side)
    chain = Chain(clients.evidence_s3, clients.evidence_bucket, contract.dataset)
    delivery_runs = [
        DeliveryRun(contract, each.delivery(), event_id, chain, Timeline(without_task_run)) for each in deliveries
    ]
    with batch.side_by_side():
        for lot in lots(delivery_runs, at_once(contract, side_by_side)):
            if batch.judged and event_id is not None and is_paused(dataset):
                break  # the other deliveries are not claimed, and wait with those of the paused dataset
            batch.judge(lot)
    return batch.state()
