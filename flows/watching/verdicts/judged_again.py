"""Finds deliveries that a person had judged again: the last judgement of the same objects counts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect import get_run_logger

from acceptance.contract.contract import Contract, Single
from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.file_groups import group_key
from acceptance.judging.judge import Judged
from flows.evidence.repetitions import newest_verdict
from flows.ledger import Ledger
from flows.ledger.writes import verdict_columns
from flows.prefect_api import runs
from flows.watching.ended_runs import SKEW

LOOKED_BACK = timedelta(days=7)
"""How far back a starting watcher looks."""


@dataclass
class JudgedAgain:
    """Asks Prefect's server which runs judged again, and believes only the evidence that they left.

    `holder` is the watcher that holds the lease. `stay_alive` is called between deliveries.
    """

    ledger: Ledger
    contracts: Mapping[str, Contract]
    evidence_s3: Any
    evidence_bucket: str
    holder: str | None = None
    stay_alive: Callable[[], None] = lambda: None
    _since: datetime | None = None
    _done: set[UUID] = field(default_factory=set)

    def look(self, now: datetime) -> None:
        """Record the verdicts that are newer than the ledger's.

        Raises:
            httpx.HTTPError: Prefect's server did not answer.
            StepFailed: the evidence bucket did not answer. The next look does what was left undone.
        """
        found = runs.judged_again((self._since or now - LOOKED_BACK) - SKEW)
        for run in found:
            if run.id not in self._done:
                self.stay_alive()
                self._record([pointer.delivery().id for pointer in runs.pointers_of(run)])
                self._done.add(run.id)
        self._since, self._done = now, self._done.intersection(run.id for run in found)

    def _record(self, ids: list[str]) -> None:
        """Record the last judgement of the ledger's own deliveries with these ids: a run may say anything."""
        revisions = {status.id: status.revision for status in self.ledger.status.of_ids(ids)}
        for delivery in self.ledger.announcements.known(ids):
            judged = newest_verdict(self.evidence_s3, self.evidence_bucket, delivery)
            if judged is None or judged.revision <= revisions[delivery.id]:
                continue
            facts = {**verdict_columns(judged), "revision": judged.revision}
            self.ledger.announcements.record({delivery.id: facts}, datetime.now(UTC))
            self._count_in_group(delivery, judged)
            get_run_logger().info("%s was judged again: %s", delivery.title, judged.verdict.value)

    def _count_in_group(self, delivery: Delivery, judged: Judged) -> None:
        """Let the next delivery of the same group of files have a revision of its own."""
        contract = self.contracts.get(delivery.dataset)
        if contract is None or isinstance(contract.completion, Single):
            return
        key = group_key(contract, delivery.business_date, delivery.fields)
        group = self.ledger.groups.load([key]).get(key)
        if group is not None and group.delivered == delivery.members and group.revision < judged.revision:
            now = datetime.now(UTC)
            self.ledger.groups.commit(replace(group, revision=judged.revision), now, holder=self.holder)
