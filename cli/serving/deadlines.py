"""Reads the deadline of a validation run from its dataset's contract."""

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache

from prefect.client.schemas.objects import FlowRun

from acceptance.announcing.overdue import run_within
from acceptance.contract.contract import Contract
from acceptance.errors import AceiteError
from blocks.settings import read_settings
from flows.installation.contracts import contracts_of
from flows.judging.batch import SIDE_BY_SIDE, at_once
from flows.judging.delivery_run import QUERY_WITHIN
from flows.locks.overrides import OTHERS_WITHIN
from flows.prefect_api.runs import pointers_of
from flows.workers.fingerprint import files


def deadline_of(run: FlowRun) -> timedelta | None:
    """Return the deadline; None for a run without a usable contract, which then fails by itself with the reason."""
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
def _contracts(fingerprint: tuple[tuple[str, int, int], ...]) -> Mapping[str, Contract]:
    """Return the contracts by dataset. They are read again when a file has changed, as the run's process does too."""
    return {contract.dataset: contract for contract in contracts_of(read_settings())}
