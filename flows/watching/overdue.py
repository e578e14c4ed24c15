"""Reports what does not happen: missing deliveries, late verdicts, paused datasets.

The clock is the watcher's, not that of an automation with a proactive trigger: docs/decisions/0016.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from prefect.client.orchestration import get_client

from acceptance.announcing.overdue import judged_within, missing
from acceptance.announcing.overdue_events import held_back, no_verdict, not_arrived, paused, resumed
from acceptance.contract.contract import Contract
from acceptance.messages.languages import Language
from flows.installation.installed import language_of
from flows.ledger import Ledger
from flows.prefect_api.switches import Switch, read_switches

_LOG = logging.getLogger("aceite.overdue")
BLAMED = timedelta(minutes=15)
"""How far back inconclusive verdicts count as the cause of a pause: the circuit breaker's 10 minutes, and some."""


@dataclass(frozen=True)
class OverdueWatch:
    """Commits each report together with its announcement, so that a restart neither loses nor repeats one.

    `why_held_back` says why a dataset without a contract among `contracts` is not judged.
    """

    ledger: Ledger
    contracts: Sequence[Contract]
    holder: str | None = None
    log: logging.Logger | logging.LoggerAdapter[logging.Logger] = _LOG
    why_held_back: Callable[[str], str] | None = None

    def begin(self, now: datetime) -> None:
        """Watch the datasets of all contracts, and hold back what was watched and has no usable contract now."""
        self.ledger.datasets.watch([contract.dataset for contract in self.contracts], now)
        if self.why_held_back is not None:
            without = self.ledger.datasets.watched().keys() - {contract.dataset for contract in self.contracts}
            for dataset in sorted(without - self.ledger.datasets.paused().keys()):
                self._hold_back(dataset, self.why_held_back(dataset), now)

    def look(self, now: datetime) -> None:
        """Report missing deliveries and late verdicts. Raises LeaseLost when another watcher took over."""
        watched = self.ledger.datasets.watched()
        for contract in self.contracts:
            known = watched.get(contract.dataset)
            found = known and missing(contract, known, now)
            if known and found and (known.told is None or known.told < found.due):
                self.log.warning("%s is overdue since %s", contract.dataset, found.since.isoformat())
                draft = not_arrived(contract, found, language_of(contract))
                self.ledger.datasets.report_missing(contract.dataset, found.due, draft, now, self.holder)
        self._report_late(now)

    def look_at_switches(self, now: datetime) -> None:
        """Pause the datasets whose automation is switched off, and resume those whose automation is on again.

        Raises:
            httpx.HTTPError: Prefect's server did not answer.
            LeaseLost: another watcher took over.
        """
        with get_client(sync_client=True) as client:
            switches = read_switches(client, [contract.dataset for contract in self.contracts])
        on_hold = self.ledger.datasets.paused()
        for dataset, switch in switches.items():
            if not switch.on and dataset not in on_hold:
                self._pause(dataset, switch, now)
            elif switch.on and dataset in on_hold:
                self._resume(dataset, on_hold[dataset], now)

    def _pause(self, dataset: str, switch: Switch, now: datetime) -> None:
        known = self.ledger.datasets
        reasons = known.inconclusive_reasons(dataset, now - BLAMED)
        self.log.warning("%s is paused: its automation %r is switched off", dataset, switch.name)
        waiting, language = known.count_unclaimed(dataset), self._language(dataset)
        known.pause(dataset, paused(dataset, now, waiting, reasons, switch.page, language), now, self.holder)

    def _hold_back(self, dataset: str, why: str, now: datetime) -> None:
        """Pause a dataset without a usable contract. People are notified if something of it waits."""
        waiting = self.ledger.datasets.count_unclaimed(dataset)
        self.log.warning("%s is held back, with %d deliveries that wait: %s", dataset, waiting, why)
        draft = held_back(dataset, now, waiting, why) if waiting else None
        self.ledger.datasets.pause(dataset, draft, now, self.holder)

    def _resume(self, dataset: str, since: datetime, now: datetime) -> None:
        waiting = self.ledger.datasets.count_unclaimed(dataset)
        self.log.info("%s is resumed: %d deliveries waited", dataset, waiting)
        self.ledger.datasets.resume(dataset, resumed(dataset, since, waiting), now, self.holder)
        # Their events, or their runs, came while the automation was switched off.
        self.ledger.announcements.announce_again(self.ledger.announcements.unclaimed(dataset), now)

    def _report_late(self, now: datetime) -> None:
        allowed = {contract.dataset: judged_within(contract) for contract in self.contracts}
        for dataset, late in sorted(self.ledger.datasets.late(allowed, now).items()):
            self.log.warning("%s: %d deliveries without a verdict in time", dataset, len(late))
            ids = [each.delivery_id for each in late]
            draft = no_verdict(dataset, late, self._language(dataset))
            self.ledger.datasets.report_late(ids, draft, now, self.holder)

    def _language(self, dataset: str) -> Language:
        return next(language_of(contract) for contract in self.contracts if contract.dataset == dataset)
