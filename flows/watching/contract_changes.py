"""Tells the watcher that a contract came, changed, broke or went, so that it takes up the contracts as they are now."""

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from prefect.client.orchestration import get_client

from acceptance.errors import ContractsChanged
from flows.installation.current_contracts import CurrentContracts, Settled
from flows.prefect_api.switches import read_switches

AUTOMATION_WITHIN = timedelta(seconds=30)
"""How long a new contract waits for its automation, which `aceite up` makes: an event before that starts no run."""


def with_automation(datasets: Sequence[str]) -> Collection[str]:
    with get_client(sync_client=True) as client:
        return read_switches(client, datasets).keys()


class ContractChanges:
    """The contracts as they were last read, and looks whether they changed since then.

    `switched` returns those of the datasets that have an automation.
    """

    def __init__(
        self,
        folder: Path,
        read: Callable[[], CurrentContracts],
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
        switched: Callable[[Sequence[str]], Collection[str]] = with_automation,
    ) -> None:
        self._settled = Settled(folder)  # before they are read, so that no change is missed
        self._read, self._log, self._switched = read, log, switched
        self._noticed: datetime | None = None
        self.known = read()
        for broken in self.known.broken:
            log.warning("a contract is held back until it is corrected: %s", broken)

    def look(self, now: datetime) -> None:
        """Take up what changed, and raise ContractsChanged: whoever works with the contracts as they were begins anew.

        A contract that came is taken up once it has an automation, or has waited for it long enough.
        """
        files = self._settled.changed()
        if files is None:
            return
        found = self._read()
        self._noticed = self._noticed or now
        without = self._without_automation(found)
        if without and now - self._noticed < AUTOMATION_WITHIN:
            return
        for dataset in without:
            self._log.warning("%s has no automation, so nothing of it is judged: `aceite apply` makes it", dataset)
        before, self.known, self._noticed = self.known, found, None
        self._settled.taken(files)
        for change in found.changes(before):
            self._log.warning("%s", change)
        if found != before:
            raise ContractsChanged("the contracts changed")

    def _without_automation(self, found: CurrentContracts) -> list[str]:
        new = {each.dataset for each in found.usable} - {each.dataset for each in self.known.usable}
        return sorted(new.difference(self._switched(sorted(new)))) if new else []
