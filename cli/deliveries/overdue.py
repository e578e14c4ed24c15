"""Tells what is overdue by the contracts: deliveries that did not arrive, groups that lack files, and verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acceptance.announcing.overdue import Missing
    from acceptance.announcing.waiting import Wait
    from acceptance.contract.contract import Contract
    from acceptance.deliveries.file_groups import Group
    from blocks.settings import Settings
    from flows.ledger import Ledger
    from flows.ledger.status import DeliveryStatus


@dataclass(frozen=True, slots=True)
class Overdue:
    """Datasets with missing deliveries, and the time within which each dataset's deliveries must be judged.

    `patience` is how long a delivery waits for a run before it is announced again. `held_back` says of each dataset
    that was watched and has no contract that can be used why nothing of it is judged; `broken` tells the contracts.
    """

    missing: Mapping[str, Missing]
    judged_within: Mapping[str, timedelta]
    patience: timedelta
    now: datetime
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    held_back: Mapping[str, str] = field(default_factory=dict)
    broken: tuple[str, ...] = ()

    def complete_by(self, group: Group) -> datetime | None:
        """Return when people are notified that the group is incomplete; None if its contract is gone."""
        from acceptance.deliveries.completeness import deadline

        contract = self.contracts.get(group.key.dataset)
        return deadline(group, contract) if contract else None

    def verdict_due(self, item: DeliveryStatus) -> datetime | None:
        """Return the time by which the delivery must be judged; None if it is judged or has no limit."""
        within = self.judged_within.get(item.dataset)
        return item.arrived + within if within is not None and item.judged is None else None

    def is_late(self, item: DeliveryStatus) -> bool:
        due = self.verdict_due(item)
        return due is not None and due < self.now

    def wait(self, item: DeliveryStatus) -> Wait | None:
        """Return what a delivery without a verdict waits for."""
        from acceptance.announcing.waiting import Wait, switch_name, wait_of

        if item.unjudged is None:
            return None
        if item.state != "claimed" and (why := self.held_back.get(item.dataset)):
            return Wait(f"its contract: {why}")
        return wait_of(item.unjudged, self.patience, switch_name(item.dataset), self.now)


def overdue_of(ledger: Ledger, settings: Settings) -> Overdue:
    """Return what is overdue now. A contract that cannot be used promises nothing."""
    from acceptance.announcing.overdue import judged_within, missing
    from flows.installation.current_contracts import current_contracts

    now, watched, patience = datetime.now(UTC), ledger.datasets.watched(), timedelta(seconds=settings.patience_s)
    found = current_contracts(settings)
    contracts = {contract.dataset: contract for contract in found.usable}
    absent = {name: missing(each, watched[name], now) for name, each in contracts.items() if name in watched}
    within = {name: judged_within(each) for name, each in contracts.items()}
    missed = {name: item for name, item in absent.items() if item is not None}
    held_back = {name: found.why_held_back(name) for name in sorted(watched.keys() - contracts.keys())}
    return Overdue(missed, within, patience, now, contracts, held_back, tuple(map(str, found.broken)))
