"""Which deliveries of a run go through their pipelines at the same time."""

from collections.abc import Iterator, Sequence

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import MOST_TOGETHER
from acceptance.deliveries.placeholders import partition_values
from acceptance.errors import ContractError, UnroutableKey
from flows.judging.delivery_run import Case

SIDE_BY_SIDE = 4


def at_once(contract: Contract, side_by_side: int) -> int:
    """Pipelines that change a parameter take turns: its note names the run, which here is the same for all."""
    if contract.override:
        return 1
    return side_by_side if contract.steps else MOST_TOGETHER


def waves(cases: Sequence[Case], at_most: int) -> Iterator[list[Case]]:
    """The cases in their order, in lots in which no two have their rows at the same place.

    Of deliveries of one partition each is measured before the pipeline of the next one changes it.
    """
    waiting = list(cases)
    while waiting:
        wave: dict[object, Case] = {}
        for case in waiting:
            if len(wave) < at_most:
                wave.setdefault(_rows_of(case), case)
        taken = set(map(id, wave.values()))
        waiting = [case for case in waiting if id(case) not in taken]
        yield list(wave.values())


def _rows_of(case: Case) -> object:
    """What no two deliveries may share whose rows are to be told apart."""
    try:
        return tuple(partition_values(case.contract, case.delivery).items()), case.files
    except (ContractError, UnroutableKey):  # its own run tells: see Case.prepare
        return case.delivery.id
