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

    `patience` is how long a delivery waits for a run before it is announced again.
    """

    missing: Mapping[str, Missing]
    judged_within: Mapping[str, timedelta]
    patience: timedelta
    now: datetime
    contracts: Mapping[str, Contract] = field(default_factory=dict)

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
        from acceptance.announcing.waiting import switch_name, wait_of

        if item.unjudged is None:
            return None
        return wait_of(item.unjudged, self.patience, switch_name(item.dataset), self.now)


def overdue_of(ledger: Ledger, settings: Settings) -> Overdue:
    """Return what is overdue now. Contracts that cannot be read promise nothing: `aceite contracts check` tells it."""
    from acceptance.announcing.overdue import judged_within, missing
    from acceptance.errors import ContractError
    from flows.installation.contracts import contracts_of

    now, watched, patience = datetime.now(UTC), ledger.datasets.watched(), timedelta(seconds=settings.patience_s)
    try:
        contracts = contracts_of(settings)
    except ContractError:
        return Overdue({}, {}, patience, now)
    absent = {
        contract.dataset: missing(contract, watched[contract.dataset], now)
        for contract in contracts
        if contract.dataset in watched
    }
    within = {contract.dataset: judged_within(contract) for contract in contracts}
    missed = {dataset: item for dataset, item in absent.items() if item is not None}
    return Overdue(missed, within, patience, now, {contract.dataset: contract for contract in contracts})
