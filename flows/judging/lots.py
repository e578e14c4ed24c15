"""Lots: the deliveries of a run that go through their pipelines at the same time."""

from collections.abc import Iterator, Sequence

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import MOST_TOGETHER
from acceptance.deliveries.placeholders import partition_values
from acceptance.errors import ContractError, UnroutableKey
from flows.judging.delivery_run import DeliveryRun

SIDE_BY_SIDE = 4


def at_once(contract: Contract, side_by_side: int) -> int:
    """Return how many pipelines run at the same time: one if they change a parameter, which is locked by the run."""
    if contract.override:
        return 1
    return side_by_side if contract.steps else MOST_TOGETHER


def lots(delivery_runs: Sequence[DeliveryRun], at_most: int) -> Iterator[list[DeliveryRun]]:
    """Yield the delivery runs in their order, in lots in which no two have their rows in the same place.

    So each delivery of a partition is measured before the pipeline of the next one changes the partition.
    """
    waiting = list(delivery_runs)
    while waiting:
        lot: dict[object, DeliveryRun] = {}
        for delivery_run in waiting:
            if len(lot) < at_most:
                lot.setdefault(_rows_of(delivery_run), delivery_run)
        taken = set(map(id, lot.values()))
        waiting = [delivery_run for delivery_run in waiting if id(delivery_run) not in taken]
        yield list(lot.values())


def _rows_of(delivery_run: DeliveryRun) -> object:
    """Return what identifies the place of a delivery's rows. Two deliveries of one lot must differ in it."""
    try:
        return tuple(partition_values(delivery_run.contract, delivery_run.delivery).items()), delivery_run.files
    except (ContractError, UnroutableKey):  # DeliveryRun.prepare reports it
        return delivery_run.delivery.id
