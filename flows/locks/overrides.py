"""Overrides parameters for a while and restores them: the run itself does, or whoever comes after a dead run."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from prefect.logging import get_logger

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery
from acceptance.errors import StepFailed, UnexpectedObject
from aws.parameters import overrides as ssm
from aws.parameters.overrides import Overridden, UndoResult
from aws.parameters.versions import read_parameter
from aws.waiting import REAL_CLOCK, Clock, poll_until
from flows.installation.clients import Clients
from flows.locks.holder import LockHolder, is_over, this_holder
from flows.locks.parameter_locks import HeldLock, ParameterLock, ParameterLocks, Survive

OTHERS_WITHIN = timedelta(hours=5)
"""How long a run waits for a parameter: deliveries that arrive together override it one after the other."""

RESTORED_WITHIN = timedelta(minutes=10)
"""How long whoever restores a dead run's parameter holds its lock: a few requests, each with some retries."""

BY_ITS_RUN = "restored by its run"
_CHANGED = UndoResult.CHANGED_SINCE.value
_LEVELS = {
    UndoResult.RESTORED: logging.WARNING,
    UndoResult.WAS_AS_BEFORE: logging.INFO,
    UndoResult.CHANGED_SINCE: logging.ERROR,
}


@dataclass
class Overrides:
    """Overrides parameters for `holder`. `told` collects a message for each dead run whose parameter it restored."""

    clients: Clients
    holder: LockHolder
    logger: Any
    clock: Clock = REAL_CLOCK
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._locks = ParameterLocks(self.clients)
        self._waited_for: set[str] = set()

    @property
    def _ssm(self) -> Any:
        return self.clients.of("ssm")

    def lock(self, delivery: Delivery, parameter: str, copy_of: str | None, within: timedelta) -> ParameterLock:
        """Lock the parameter for `within`, so that no two runs change it at the same time.

        If a dead run left the parameter changed, restore it first. If another run holds the lock, wait for it.

        Raises:
            WaitTimedOut: another run keeps the parameter.
            StepFailed: AWS refuses.
        """
        lock: ParameterLock

        def take() -> ParameterLock | None:
            nonlocal lock
            now = datetime.now(UTC)
            lock = self._locks.new(parameter, self.holder, delivery, copy_of, now, now + within)
            return self._telling(self._take(lock))

        poll_until(
            take,
            lambda other: other is None,
            what=f"wait for the parameter {parameter}",
            at_most_s=OTHERS_WITHIN.total_seconds(),
            clock=self.clock,
            shown=lambda other: f"changed by run {other.holder.flow_run_id} of {other.dataset}" if other else "free",
        )
        return lock

    def _telling(self, other: ParameterLock | None) -> ParameterLock | None:
        """Log whose lock is in the way, once for each."""
        if other is not None and other.mark not in self._waited_for:
            self._waited_for.add(other.mark)
            self.logger.info(
                "waiting for the parameter %s: run %s of %s changed it, and has not restored it yet",
                other.parameter,
                other.run.flow_run_id,
                other.dataset,
            )
        return other

    def override(self, lock: ParameterLock, changes: Mapping[str, Any]) -> Overridden:
        """Write the locked parameter.

        Raises:
            StepFailed: AWS refuses; or others took this process for dead while it slept, and the change is undone.
        """
        source = read_parameter(self._ssm, lock.copy_of) if lock.copy_of else None
        value = ssm.override_value(lock.parameter, lock.copy_of, source, changes)
        type_ = source.type if source else "String"
        overridden = ssm.override_parameter(self._ssm, lock.parameter, value, lock.mark, type_)
        found = self._lock_of(overridden)
        if not (self._is_in_force(overridden) if found is None else self._has(found.lock)):
            self._give_up(overridden)
        return overridden

    def give_back(self, overridden: Overridden) -> UndoResult:
        """Restore the parameter, unless somebody changed it meanwhile. A second call changes nothing.

        Raises:
            StepFailed: somebody who took the holder for dead restored it before; or AWS refuses.
        """
        found = self._lock_of(overridden)
        if found is None or not self._has(found.lock):
            if not self._is_in_force(overridden):
                self._give_up(overridden)
            return ssm.restore_parameter(self._ssm, overridden)
        if self._locks.is_done(found):
            return UndoResult.CHANGED_SINCE if found.lock.closed == _CHANGED else UndoResult.WAS_AS_BEFORE
        undone = ssm.restore_parameter(self._ssm, overridden)
        closed = _CHANGED if undone is UndoResult.CHANGED_SINCE else BY_ITS_RUN
        self._locks.take(found.lock.model_copy(update={"closed": closed}), found)
        if undone is UndoResult.CHANGED_SINCE:
            self.logger.error("%s was not restored: %s", overridden.name, undone.value)
        return undone

    def left_behind(self, parameters: Collection[str], settled: dict[str, str], survive: Survive) -> list[HeldLock]:
        found = self._locks.open(parameters, settled, survive)
        return [each for each in found if self._may_restore(each.lock)]

    def restore(self, found: HeldLock) -> None:
        """Restore a dead run's parameter, unless somebody else does it or has done it.

        Raises:
            StepFailed: AWS refuses.
        """
        until = datetime.now(UTC) + RESTORED_WITHIN
        lock = found.lock.model_copy(update={"holder": self.holder, "until": until, "closed": None})
        if not self._locks.take(lock, found):
            return
        undone = ssm.undo_override(self._ssm, lock.parameter, lock.mark)
        if (ours := self._locks.read(lock.parameter)) is not None and ours.lock == lock:
            self._locks.take(lock.model_copy(update={"closed": undone.value}), ours)
        as_before = undone is UndoResult.WAS_AS_BEFORE  # the run changed nothing, or died after it had restored
        ended = "with its lock on" if as_before else "before it restored"
        told = (
            f"run {found.lock.run.flow_run_id} ended {ended} the parameter {lock.parameter} "
            f"(delivery {lock.delivery_id} of {lock.dataset}): {undone.value}"
        )
        self.logger.log(_LEVELS[undone], told)
        self.told.append(told)

    def _take(self, lock: ParameterLock) -> ParameterLock | None:
        """Take the lock and return None, or return the lock that is in its way."""
        found = self._locks.read(lock.parameter)
        if found is not None and found.lock.mark == lock.mark:  # the answer to an attempt before was lost
            return None
        if found is not None and not self._locks.is_done(found):
            if not self._may_restore(found.lock):
                return found.lock
            self.restore(found)
        elif self._locks.take(lock, found):
            return None
        return self._take(lock)

    def _may_restore(self, lock: ParameterLock) -> bool:
        """Return True if the run is over, and so is whoever took the lock to restore after it."""
        holders = {(lock.run, lock.run_until), (lock.holder, lock.until)}
        return all(holder == self.holder or is_over(holder, until) for holder, until in holders)

    def _lock_of(self, overridden: Overridden) -> HeldLock | None:
        """Return the lock with the override's mark; None if another object is in its place.

        Whoever restores after this run keeps the mark. Another mark is that of a run after it, or somebody's invention.

        Raises:
            StepFailed: S3 does not answer. The override is undone.
        """
        try:
            found = self._locks.read(overridden.name)
        except UnexpectedObject as strange:
            self.logger.warning("%s", strange)
            return None
        except StepFailed:
            ssm.undo_override(self._ssm, overridden.name, overridden.mark)
            raise
        return found if found is not None and found.lock.mark == overridden.mark else None

    def _has(self, lock: ParameterLock) -> bool:
        return lock.holder == self.holder and lock.closed in (None, BY_ITS_RUN, _CHANGED)

    def _is_in_force(self, overridden: Overridden) -> bool:
        """Return True if SSM has the override's value, so that nobody restored it, whatever the lock says."""
        return ssm.mark_in_force(self._ssm, overridden.name) == overridden.mark

    def _give_up(self, overridden: Overridden) -> None:
        ssm.undo_override(self._ssm, overridden.name, overridden.mark)
        raise StepFailed(
            f"the parameter {overridden.name} was restored too early: this run sent no heartbeat, so it was considered "
            "dead and what its pipeline did does not count; another run judges the delivery"
        )


@dataclass
class Sweep:
    """Restores the parameters of dead runs. The watcher calls it again and again; a call costs one listing."""

    overrides: Overrides
    parameters: Collection[str]
    """The parameters that contracts override. No lock of another one is obeyed."""
    settled: dict[str, str] = field(default_factory=dict)
    """The etags of closed locks, by key: they are not read again."""

    def __call__(self, survive: Survive) -> None:
        """Restore what can be restored. `survive` runs an action of that name, and survives its failure."""
        found: list[HeldLock] = []

        def look() -> None:
            found.extend(self.overrides.left_behind(self.parameters, self.settled, survive))

        survive("looking for parameters to restore", look)
        for each in found:
            survive(f"restoring the parameter {each.lock.parameter}", partial(self.overrides.restore, each))


def overridden_by(contracts: Iterable[Contract]) -> frozenset[str]:
    """Return the parameters that the contracts override."""
    return frozenset(override.parameter for contract in contracts for override in contract.override)


def restore_what_was_left(clients: Clients, contracts: Iterable[Contract]) -> None:
    """Restore the parameters of dead runs once, when an installation starts. The watcher does what fails here."""
    logger = get_logger("aceite")

    def survive(doing: str, action: Callable[[], object]) -> None:
        try:
            action()
        except (BotoCoreError, ClientError, httpx.HTTPError, StepFailed) as error:
            logger.warning("%s failed; the watcher will try it again: %s", doing, error)

    Sweep(Overrides(clients, this_holder(), logger), overridden_by(contracts))(survive)
