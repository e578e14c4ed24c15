"""Parameters are changed for a while and restored, by their run or, when that is over, by whoever comes next."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from prefect.logging import get_logger

from acceptance.deliveries.delivery import Delivery
from acceptance.errors import StepFailed
from aws import parameters as ssm
from aws.parameters import Overridden, UndoResult
from aws.waiting import REAL_CLOCK, Clock, poll_until
from flows.installation.clients import Clients
from flows.locks.holder import LockHolder, is_over, this_holder
from flows.locks.parameter_locks import HeldLock, ParameterLock, ParameterLocks, Survive

OTHERS_WITHIN = timedelta(hours=5)
"""How long a run waits for its turn with a parameter: deliveries that arrive together go one after the other."""

RESTORED_WITHIN = timedelta(minutes=10)
"""How long whoever restores what another one left has the parameter: a few requests, each tried some times."""

BY_ITS_RUN = "restored by its run"


@dataclass
class Overrides:
    """What `holder` does to parameters. `told` is what became of what runs that are over had left."""

    clients: Clients
    holder: LockHolder
    logger: Any
    clock: Clock = REAL_CLOCK
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._notes = ParameterLocks(self.clients)

    @property
    def _ssm(self) -> Any:
        return self.clients.of("ssm")

    def note(self, delivery: Delivery, parameter: str, copy_of: str | None, within: timedelta) -> ParameterLock:
        """Notes that the parameter is about to be changed, for `within` at the longest: two never change it together.

        What a run that is over left is restored first; for one that is not, it is waited.

        Raises:
            WaitTimedOut: another run keeps the parameter.
            StepFailed: AWS refuses.
        """
        now = datetime.now(UTC)
        note = ParameterLock(
            parameter=parameter,
            mark=str(uuid4()),
            holder=self.holder,
            dataset=delivery.dataset,
            business_date=delivery.business_date,
            delivery_id=delivery.id,
            copy_of=copy_of,
            noted_at=now,
            until=now + within,
        )

        def take() -> ParameterLock | None:
            nonlocal note
            now = datetime.now(UTC)
            note = note.model_copy(update={"noted_at": now, "until": now + within})
            return self._take(note)

        poll_until(
            take,
            lambda other: other is None,
            what=f"wait for the parameter {parameter}",
            at_most_s=OTHERS_WITHIN.total_seconds(),
            clock=self.clock,
            shown=lambda other: f"changed by run {other.holder.flow_run_id} of {other.dataset}" if other else "free",
        )
        return note

    def override(self, note: ParameterLock, changes: Mapping[str, Any]) -> Overridden:
        """Writes the parameter that is noted.

        Raises:
            StepFailed: AWS refuses; or the process was asleep and taken for dead: then nothing of it is left.
        """
        source = ssm.read_parameter(self._ssm, note.copy_of) if note.copy_of else None
        value = ssm.override_value(note.parameter, note.copy_of, source, changes)
        type_ = source.type if source else "String"
        overridden = ssm.override_parameter(self._ssm, note.parameter, value, type_, note.mark)
        if self._ours(overridden) is None:
            self._give_up(overridden)
        return overridden

    def give_back(self, overridden: Overridden) -> None:
        """Restores what the holder itself changed, and what the pipeline did to it; again, it changes nothing.

        Raises:
            StepFailed: somebody restored it before, who took the holder for dead; or AWS refuses.
        """
        try:
            found = self._ours(overridden)
        except StepFailed:
            ssm.undo_override(self._ssm, overridden.name, overridden.mark)
            raise
        if found is None:
            self._give_up(overridden)
        elif not found.note.closed:
            ssm.restore_parameter(self._ssm, overridden)
            self._notes.take(found.note.model_copy(update={"closed": BY_ITS_RUN}), found)

    def left_behind(self, settled: dict[str, str], survive: Survive) -> list[HeldLock]:
        return [found for found in self._notes.open(settled, survive) if self._may_restore(found.note)]

    def restore(self, found: HeldLock) -> None:
        """Restores what a run that is over left changed, unless somebody else is at it, or was faster.

        Raises:
            StepFailed: AWS refuses.
        """
        until = datetime.now(UTC) + RESTORED_WITHIN
        note = found.note.model_copy(update={"holder": self.holder, "until": until})
        if not self._notes.take(note, found):
            return
        undone = ssm.undo_override(self._ssm, note.parameter, note.mark)
        if (ours := self._notes.read(note.parameter)) is not None and ours.note == note:
            self._notes.take(note.model_copy(update={"closed": undone.value}), ours)
        told = (
            f"run {found.note.holder.flow_run_id} ended before it restored the parameter {note.parameter} "
            f"(delivery {note.delivery_id} of {note.dataset}): {undone.value}"
        )
        self.logger.log(logging.ERROR if undone is UndoResult.CHANGED_SINCE else logging.WARNING, told)
        self.told.append(told)

    def _take(self, note: ParameterLock) -> ParameterLock | None:
        """None if the note is there now, otherwise the one that is in its way."""
        found = self._notes.read(note.parameter)
        if found is not None and found.note.mark == note.mark:  # the answer to an attempt before was lost
            return None
        if found is not None and not found.note.closed:
            if not self._may_restore(found.note):
                return found.note
            self.restore(found)
        elif self._notes.take(note, found):
            return None
        return self._take(note)

    def _may_restore(self, note: ParameterLock) -> bool:
        return note.holder == self.holder or is_over(note.holder, note.until)

    def _ours(self, overridden: Overridden) -> HeldLock | None:
        """The note, unless somebody else took it over."""
        found = self._notes.read(overridden.name)
        if found is None or found.note.mark != overridden.mark or found.note.holder != self.holder:
            return None
        return found if found.note.closed in (None, BY_ITS_RUN) else None

    def _give_up(self, overridden: Overridden) -> None:
        ssm.undo_override(self._ssm, overridden.name, overridden.mark)
        raise StepFailed(
            f"the parameter {overridden.name} was restored before its time: this run gave no sign of life and was "
            "taken for dead, so what its pipeline did counts for nothing; the delivery is judged by another run"
        )


@dataclass
class Sweep:
    """Restores what runs that are over left changed. Called again and again, it costs a listing and little more."""

    overrides: Overrides
    settled: dict[str, str] = field(default_factory=dict)
    """The etags of closed notes, by key: they are not read again."""

    def __call__(self, survive: Survive) -> None:
        """`survive` does an action of that name, and outlives what AWS or Prefect's server fails it with."""
        found: list[HeldLock] = []

        def look() -> None:
            found.extend(self.overrides.left_behind(self.settled, survive))

        survive("looking for parameters to restore", look)
        for each in found:
            survive(f"restoring the parameter {each.note.parameter}", partial(self.overrides.restore, each))


def restore_what_was_left(clients: Clients) -> None:
    """Once, when an installation starts. What cannot be restored now is left to the watcher."""
    logger = get_logger("aceite")

    def survive(doing: str, action: Callable[[], object]) -> None:
        try:
            action()
        except (BotoCoreError, ClientError, httpx.HTTPError, StepFailed) as error:
            logger.warning("%s failed, the watcher will try it again: %s", doing, error)

    Sweep(Overrides(clients, this_holder(), logger))(survive)
