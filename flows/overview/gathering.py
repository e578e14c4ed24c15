"""Reads how all datasets are. Only the ledger is read: no object of S3, and no evidence."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from acceptance.contract.contract import Contract
from acceptance.deliveries.file_groups import Group
from acceptance.overview.datasets import DAYS, DatasetFacts, DatasetOverview, overview_of
from flows.ledger import Ledger

LAST = 30
"""Verdicts of a dataset that its page lists."""


def gather(
    ledger: Ledger,
    contracts: Sequence[Contract],
    now: datetime,
    last: int = LAST,
    broken: Mapping[str, str] = MappingProxyType({}),
) -> tuple[DatasetOverview, ...]:
    """Return how each dataset is that has a contract, or that was watched before.

    `broken` says of a dataset what is wrong with its contract.
    """
    known = {contract.dataset: contract for contract in contracts}
    watched, history = ledger.datasets.watched(), ledger.history
    today = now.astimezone(UTC).date()
    verdicts, waiting = history.verdicts(last), history.waiting()
    days = history.days(today - timedelta(days=DAYS - 1))
    groups: defaultdict[str, list[Group]] = defaultdict(list)
    for group in ledger.groups.open():
        groups[group.key.dataset].append(group)
    return tuple(
        overview_of(
            DatasetFacts(
                dataset,
                known.get(dataset),
                watched.get(dataset),
                verdicts.get(dataset, ()),
                days.get(dataset),
                waiting.get(dataset, ()),
                groups.get(dataset, ()),
                broken.get(dataset, ""),
            ),
            now,
        )
        for dataset in sorted({*known, *watched, *broken})
    )
