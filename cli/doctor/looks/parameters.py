"""Looks at parameters that runs changed and nobody restored, and at locks on parameters that are not obeyed."""

from collections.abc import Callable, Sequence

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from acceptance.contract.contract import Contract
from acceptance.errors import StepFailed
from blocks.settings import Settings
from cli.doctor.looks.findings import Look, met, unmet
from flows.installation.clients import clients_of
from flows.locks.holder import is_over
from flows.locks.overrides import overridden_by
from flows.locks.parameter_locks import ParameterLock, ParameterLocks


def restored(settings: Settings, contracts: Sequence[Contract]) -> Look:
    """Check that no parameter is as a run left it that is over, and that every lock on a parameter is obeyed."""
    parameters = overridden_by(contracts)
    locks, not_obeyed = ParameterLocks(clients_of(settings)), list[str]()

    def survive(_: str, look: Callable[[], object]) -> None:
        try:
            look()
        except (BotoCoreError, ClientError, StepFailed) as error:
            not_obeyed.append(str(error))

    held = [found.lock for found in locks.open(parameters, {}, survive)]
    left = [lock for lock in held if _is_left(lock)]
    if left:
        found = "; ".join(f"{lock.parameter}, by run {lock.run.flow_run_id} of {lock.dataset}" for lock in left)
        look_at = (
            "the watcher restores them, so look at the line `watcher` and at its log (the run of `watch-landing` on "
            "Prefect's page)"
        )
        history = f"`aws ssm get-parameter-history --name {left[0].parameter}` has the value from before"
        return unmet(
            f"changed by runs that are over, and not restored: {found}", f"{look_at}; by hand: {history}", look_at
        )
    if not_obeyed:
        return unmet(
            "; ".join(not_obeyed), "put right what the message names; docs/operating/when-a-delivery-is-stuck.md"
        )
    at_work = f"; runs at work have {len(held)} of them" if held else ""
    return met(f"no parameter is changed by a run that is over{at_work}")


def _is_left(lock: ParameterLock) -> bool:
    """Return True if the run is over, and so is whoever began to restore after it."""
    try:
        holders = ((lock.run, lock.run_until), (lock.holder, lock.until))
        return all(is_over(holder, until, ends_it=False) for holder, until in holders)
    except httpx.HTTPError:  # Prefect's server, which has its own line
        return False
