"""Deliveries of several files: absorbs what landed, decides on each group, and commits the decision."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from acceptance.announcing.delivery_events import arrived, incomplete
from acceptance.contract.contract import Contract
from acceptance.deliveries.completeness import Complete, Incomplete, Waiting, mark_notified, mark_waiting
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.file_groups import Group, GroupKey, Role, absorb, completed
from acceptance.deliveries.routing import Route
from acceptance.judging.judge import Judged
from aws.s3.completion import Completion
from flows.ledger import Ledger
from flows.ledger.writes import NewObject
from flows.watching.keepalive import Liveness

Standing = Callable[[Sequence[Delivery]], Mapping[str, Judged]]
"""Returns the verdicts that deliveries already have, by delivery id."""


class Grouping:
    """The file groups of all contracts whose deliveries have several files."""

    def __init__(
        self,
        ledger: Ledger,
        s3: Any,
        contracts: Mapping[str, Contract],
        standing: Standing,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
        liveness: Liveness,
    ) -> None:
        self._ledger = ledger
        self._contracts = contracts
        self._standing = standing
        self._log = log
        self._liveness = liveness
        self._completion = Completion(s3, liveness.stay_alive)

    def changed(
        self,
        came: Iterable[tuple[Route, LandingObject]],
        gone: Iterable[tuple[Route, str]],
        now: datetime,
        first_look: bool,
    ) -> list[Group]:
        """Return the groups with the new objects and without the gone ones. The caller commits both together."""
        changes: dict[GroupKey, dict[str, list[Any]]] = defaultdict(lambda: {"members": [], "signals": [], "gone": []})
        for route, landed in came:
            changes[route.group]["members" if route.role is Role.MEMBER else "signals"].append(landed)
        for route, name in gone:
            changes[route.group]["gone"].append(name)
        known = self._ledger.groups.load(changes)
        found = []
        for key, change in changes.items():
            contract = self._contracts[key.dataset]
            group = absorb(known.get(key, Group(key)), contract, now, **change)
            if first_look and not contract.baseline.announces(key.business_date):
                group = _settled(group)
            found.append(group)
        return found

    def complete(self, now: datetime) -> None:
        """Decide on every group that changed or waits.

        Raises:
            StepFailed: S3 does not answer.
            LeaseLost: another watcher took over.
        """
        for group in self._ledger.groups.open():
            self._liveness.stay_alive()
            contract = self._contracts.get(group.key.dataset)
            if contract is not None:
                self._settle(group, contract, now)

    def _settle(self, before: Group, contract: Contract, now: datetime) -> None:
        group, found = self._completion.decided(before, contract, now)
        if not isinstance(found, Complete):
            group = mark_waiting(group, found)
        match found:
            case Complete(delivery, left_out):
                self._deliver(group, contract, delivery, left_out, now)
            case Incomplete():
                self._log.warning("%s is not complete: %s", group.key.title, found.why)
                event = incomplete(group, contract, found)
                self._ledger.groups.commit(mark_notified(group, found), now, event=event, holder=self._liveness.holder)
            case Waiting() if group != before:
                self._ledger.groups.commit(group, now, holder=self._liveness.holder)

    def _deliver(
        self, group: Group, contract: Contract, delivery: Delivery, left_out: Sequence[str], now: datetime
    ) -> None:
        judged = self._standing([delivery]).get(delivery.id)
        if judged:
            delivery = replace(delivery, revision=judged.revision)
        takes = sum((step.within for step in contract.steps), timedelta()) * len(delivery.members)
        event = None if judged else arrived(delivery)
        new_object = NewObject(delivery.first, delivery, event, pipeline_takes=takes, judged=judged)
        left = f", left out: {', '.join(left_out)}" if left_out else ""
        self._log.info("%s is complete: %d files%s", delivery.title, len(delivery.members), left)
        done = completed(group, contract, delivery, now)
        self._ledger.groups.commit(done, now, new_object=new_object, holder=self._liveness.holder)


def _settled(group: Group) -> Group:
    """Return the group as if it had been delivered: objects from before the first look are not announced."""
    return replace(
        group,
        opened_at=None,
        delivered=tuple(sorted(group.members.values())),
        delivered_signals=tuple(sorted(group.signals.values())),
    )
