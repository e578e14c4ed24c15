"""The verdicts of every dataset, for the pages that show all of them. Three queries read all, however many there are.

None of them reads the column `pointer`, which is most of a delivery's row.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import sqlalchemy as sa

from acceptance.judging.judge import Verdict
from acceptance.overview.datasets import MOST_WAITING, PastVerdict, WaitingDelivery
from flows.ledger.tables import deliveries

MOST_UNJUDGED = 10_000
"""Deliveries without a verdict that are looked at, the oldest."""
_VERDICTS = tuple(map(str, Verdict))
"""Not what stands in a verdict's place: that a delivery was superseded or deleted."""


class History:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def verdicts(self, last: int) -> Mapping[str, Sequence[PastVerdict]]:
        """Return the last verdicts of each dataset, the newest first."""
        place = sa.func.row_number().over(
            partition_by=deliveries.c.dataset, order_by=(deliveries.c.judged_at.desc(), deliveries.c.id)
        )
        ranked = sa.select(deliveries.c.id, place.label("place")).where(deliveries.c.verdict.in_(_VERDICTS)).subquery()
        newest = sa.select(ranked.c.id).where(ranked.c.place <= last)
        query = sa.select(
            deliveries.c.id,
            deliveries.c.dataset,
            deliveries.c.business_date,
            deliveries.c.revision,
            deliveries.c.member_keys,
            deliveries.c.verdict,
            deliveries.c.reason,
            deliveries.c.evidence,
            deliveries.c.judged_at,
        ).where(deliveries.c.id.in_(newest))
        found: defaultdict[str, list[PastVerdict]] = defaultdict(list)
        with self._engine.connect() as connection:
            for row in connection.execute(query.order_by(deliveries.c.judged_at.desc(), deliveries.c.id)):
                found[row.dataset].append(_past(row))
        return found

    def days(self, since: date) -> Mapping[str, Mapping[date, Mapping[Verdict, int]]]:
        """Return how many verdicts each dataset got on each day in UTC, from that day on."""
        day = sa.func.date(deliveries.c.judged_at)
        begin = datetime.combine(since, time(), UTC)
        counted = sa.select(deliveries.c.dataset, day, deliveries.c.verdict, sa.func.count()).where(
            deliveries.c.judged_at >= begin, deliveries.c.verdict.in_(_VERDICTS)
        )
        found: defaultdict[str, defaultdict[date, dict[Verdict, int]]] = defaultdict(lambda: defaultdict(dict))
        with self._engine.connect() as connection:
            for dataset, on, verdict, number in connection.execute(
                counted.group_by(deliveries.c.dataset, day, deliveries.c.verdict)
            ):
                found[dataset][date.fromisoformat(str(on))][Verdict(verdict)] = number
        return found

    def waiting(self) -> Mapping[str, Sequence[WaitingDelivery]]:
        """Return the deliveries of each dataset without a verdict, the oldest first. Only the first have their file."""
        query = sa.select(
            deliveries.c.dataset,
            deliveries.c.business_date,
            deliveries.c.revision,
            deliveries.c.member_keys,
            deliveries.c.arrived_at,
            deliveries.c.claimed_at,
        ).where(deliveries.c.judged_at.is_(None))
        found: defaultdict[str, list[WaitingDelivery]] = defaultdict(list)
        with self._engine.connect() as connection:
            oldest = query.order_by(deliveries.c.arrived_at, deliveries.c.id).limit(MOST_UNJUDGED)
            for row in connection.execute(oldest):
                file, files = _files(row.member_keys) if len(found[row.dataset]) < MOST_WAITING else ("", 0)
                found[row.dataset].append(
                    WaitingDelivery(row.business_date, row.revision, file, files, row.arrived_at, row.claimed_at)
                )
        return found


def _past(row: Any) -> PastVerdict:
    file, files = _files(row.member_keys)
    return PastVerdict(
        row.id,
        row.business_date,
        row.revision,
        file,
        files,
        Verdict(row.verdict),
        row.reason or "",
        row.evidence,
        row.judged_at,
    )


def _files(member_keys: str) -> tuple[str, int]:
    """Return the name of the first file, and how many there are."""
    keys = json.loads(member_keys)
    return keys[0].rsplit("/", 1)[-1], len(keys)
