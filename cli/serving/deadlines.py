"""The deadline of a run of the validation flows, which its dataset's contract sets."""

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache

from prefect.client.schemas.objects import FlowRun

from acceptance.announcing.overdue import run_within
from acceptance.contract.contract import Contract
from acceptance.errors import AceiteError
from blocks.settings import read_settings
from flows.installation.contracts import contracts_of
from flows.judging.delivery_run import QUERY_WITHIN
from flows.judging.lots import SIDE_BY_SIDE, at_once
from flows.locks.overrides import OTHERS_WITHIN
from flows.prefect_api.runs import pointers_of
from flows.workers.fingerprint import files


def deadline_of(run: FlowRun) -> timedelta | None:
    """None of a run of which no contract tells: it says by itself what is wrong."""
    deliveries = [pointer.delivery() for pointer in pointers_of(run)]
    try:
        contract = _contracts(files()).get(deliveries[0].dataset) if deliveries else None
    except AceiteError:
        return None
    if contract is None:
        return None
    side_by_side = at_once(contract, int(run.parameters.get("side_by_side", SIDE_BY_SIDE)))
    return run_within(contract, deliveries, side_by_side, QUERY_WITHIN, OTHERS_WITHIN)


@lru_cache(maxsize=1)
def _contracts(as_they_are: tuple[tuple[str, int, int], ...]) -> Mapping[str, Contract]:
    """Read again when a file has changed, as then the run's process reads them again too."""
    return {contract.dataset: contract for contract in contracts_of(read_settings())}
