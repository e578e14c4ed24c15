"""Prints deliveries as they come: for `aceite up` each new verdict, for `aceite status --watch` each change too."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from acceptance.errors import LedgerUnusable
from cli.deliveries.addresses import Addresses
from cli.deliveries.lines import print_lines, print_sentence
from cli.deliveries.listed import line_of
from cli.deliveries.overdue import overdue_of
from cli.terminal import Terminal
from flows.ledger.status import ALL, Only

if TYPE_CHECKING:
    from blocks.settings import Settings
    from flows.ledger import Ledger
    from flows.ledger.status import DeliveryStatus


@dataclass
class News:
    """Each look prints what came since the look before. The first one only marks the present.

    `verdicts_only` leaves out what has no verdict yet, `besides` deliveries that somebody else tells. `states` are
    those of the deliveries that the next look may find again.
    """

    ledger: Ledger
    settings: Settings
    addresses: Addresses
    console: Terminal
    only: Only = ALL
    verdicts_only: bool = False
    besides: Collection[str] = ()
    states: dict[str, str] = field(default_factory=dict)
    _mark: datetime | None = None
    _began: bool = False
    _is_told: bool = False

    def look(self) -> None:
        """Print the news. A ledger that cannot be read is told once, and read again by the next look."""
        try:
            found = self.ledger.status.news(self._mark, with_waiting=not self.verdicts_only)
            new = [each for each in reversed(found.deliveries) if self._is_new(each)]
            overdue = overdue_of(self.ledger, self.settings) if new else None
        except (LedgerUnusable, sa.exc.SQLAlchemyError) as error:
            if not self._is_told:
                print_sentence(self.console, f"the ledger cannot be read now: {type(error).__name__}", "yellow")
            self._is_told = True
            return
        self._is_told, self._mark, self._began = False, found.until, True
        undecided = {id_: state for id_, state in self.states.items() if not state.startswith("judged")}
        self.states = undecided | {each.id: _state(each) for each in found.deliveries}
        if overdue is not None:
            print_lines(self.console, [line_of(each, overdue, self.addresses, {}) for each in new])

    def _is_new(self, item: DeliveryStatus) -> bool:
        """Return True if the delivery was chosen, and its state is another one than before."""
        if not self._began or item.id in self.besides or not self.only.chooses(item):
            return False
        if self.verdicts_only and item.verdict is None:
            return False
        return self.states.get(item.id) != _state(item)


def _state(item: DeliveryStatus) -> str:
    return f"{item.state} {item.verdict} {item.judged}"
