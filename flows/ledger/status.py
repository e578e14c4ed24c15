"""Reads what `aceite status` shows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from acceptance.announcing.announcements import InFlight
from acceptance.announcing.waiting import Unjudged
from flows.ledger.tables import announcements, below, datasets, deliveries, objects, ranges

MOST_JUDGED = 1000
MOST_UNJUDGED = 10_000
"""So many deliveries `aceite status --json` shows, and says how many there are. Who waits matters more."""
NO_VERDICT = "none"
"""Stands for the lack of a verdict where verdicts are chosen or counted."""


@dataclass(frozen=True, slots=True)
class Only:
    """The deliveries that somebody asks for: of one dataset, of one business date, with one of these verdicts.

    `last` is the number of the newest ones. As many that wait for their verdict, the oldest, come with them.
    """

    dataset: str | None = None
    business_date: date | None = None
    verdicts: tuple[str, ...] = ()
    last: int | None = None

    @property
    def is_all(self) -> bool:
        return self.dataset is None and self.business_date is None and not self.verdicts

    def chooses(self, item: "DeliveryStatus") -> bool:
        """Return True if the delivery is one of these, however new."""
        return (
            self.dataset in (None, item.dataset)
            and (self.business_date is None or self.business_date.isoformat() == item.business_date)
            and (not self.verdicts or (item.verdict or NO_VERDICT) in self.verdicts)
        )


ALL = Only()


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """One line of `aceite status`. `state` is landed, announced, claimed, judged, or paused (no run takes it).

    `announced` is when it was last announced, `announcements` how often.
    """

    id: str
    dataset: str
    business_date: str
    keys: tuple[str, ...]
    revision: int
    state: str
    verdict: str | None
    reason: str | None
    evidence: str | None
    arrived: datetime
    judged: datetime | None
    unjudged: Unjudged | None
    announced: datetime | None
    announcements: int


@dataclass(frozen=True, slots=True)
class News:
    """Deliveries that the watcher looked at since another look. `until` is the mark for the next look."""

    deliveries: tuple[DeliveryStatus, ...]
    until: datetime | None


@dataclass(frozen=True, slots=True)
class LocationStatus:
    """A landing location. `certified_at` is since when all of it is certified; None if it was never listed whole.

    `unroutable` objects fit no contract; of these, those beyond the first thousand are only `counted`.
    """

    bucket: str
    prefix: str
    objects: int
    ignored: int
    unroutable: int
    counted: int
    certified_at: datetime | None


class Status:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def deliveries(self, only: Only = ALL) -> tuple[DeliveryStatus, ...]:
        """Return the latest deliveries without and with a verdict, newest first."""
        found = sa.select(deliveries).where(*_asked_for(only))
        newest = found.order_by(deliveries.c.arrived_at.desc(), deliveries.c.id)
        judged = deliveries.c.judged_at.is_not(None)
        oldest_waiting = found.where(~judged).order_by(deliveries.c.arrived_at, deliveries.c.id)
        queries = (newest.where(~judged).limit(MOST_UNJUDGED), newest.where(judged).limit(MOST_JUDGED))
        if only.last is not None:
            queries = (newest.limit(only.last), oldest_waiting.limit(only.last))
        return self._statuses(queries)

    def of_ids(self, ids: Sequence[str]) -> tuple[DeliveryStatus, ...]:
        """Return these deliveries, newest first."""
        return self._statuses([sa.select(deliveries).where(deliveries.c.id.in_(ids))]) if ids else ()

    def news(self, since: datetime | None, *, with_waiting: bool) -> News:
        """Return the deliveries that the watcher looked at, at the mark and after it; `with_waiting`, who waits too.

        None stands for the present. The mark is the watcher's own time, as another machine's clock may differ. Indices
        serve this, however many deliveries the ledger has: it is asked every second.
        """
        with self._engine.connect() as connection:
            until = connection.execute(sa.select(sa.func.max(deliveries.c.looked_at))).scalar_one()
        since = since or until
        newest = sa.select(deliveries).order_by(deliveries.c.arrived_at.desc())
        queries = [newest.where(deliveries.c.looked_at >= since if since else deliveries.c.looked_at.is_not(None))]
        queries += [newest.where(deliveries.c.judged_at.is_(None)).limit(MOST_UNJUDGED)] if with_waiting else []
        return News(self._statuses(queries), until)

    def count_deliveries(self, only: Only = ALL) -> int:
        return sum(self.count_verdicts(only).values())

    def count_verdicts(self, only: Only = ALL) -> Mapping[str, int]:
        """Return how many deliveries have each verdict, and how many have none."""
        verdict = sa.func.coalesce(deliveries.c.verdict, NO_VERDICT)
        counted = sa.select(verdict, sa.func.count()).where(*_asked_for(only)).group_by(verdict)
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(counted)}

    def _statuses(self, queries: Sequence[sa.Select[Any]]) -> tuple[DeliveryStatus, ...]:
        with self._engine.connect() as connection:
            rows = {row.id: row for query in queries for row in connection.execute(query)}
            due, paused = _due(connection), _paused(connection)
        newest_first = sorted(rows.values(), key=lambda row: (-row.arrived_at.timestamp(), row.id))
        return tuple(_status(row, due.get(row.id), paused.get(row.dataset)) for row in newest_first)

    def announcements_due(self, before: datetime) -> tuple[int, datetime | None]:
        """Return how many announcements of before then Prefect's server does not show, and the time of the oldest.

        Those of paused datasets wait for their automation.
        """
        with self._engine.connect() as connection:
            paused = sa.select(deliveries.c.id).where(deliveries.c.dataset.in_(list(_paused(connection))))
            late = (announcements.c.confirmed_at.is_(None), announcements.c.due_at < before)
            going_on = sa.or_(announcements.c.delivery_id.is_(None), announcements.c.delivery_id.not_in(paused))
            counted = sa.select(sa.func.count(), sa.func.min(announcements.c.due_at)).where(*late, going_on)
            count, oldest = connection.execute(counted).one()
            return count, oldest

    def locations(self) -> tuple[LocationStatus, ...]:
        never = sa.func.max(sa.case((ranges.c.certified_at.is_(None), 1), else_=0))
        oldest, counted = sa.func.min(ranges.c.certified_at), sa.func.sum(ranges.c.strange)
        query = sa.select(ranges.c.bucket, ranges.c.prefix, oldest, never, counted)
        with self._engine.connect() as connection:
            rows = connection.execute(query.group_by(ranges.c.bucket, ranges.c.prefix).order_by("bucket", "prefix"))
            return tuple(
                _location(connection, bucket, prefix, counted, None if missing else oldest)
                for bucket, prefix, oldest, missing, counted in rows.all()
            )


def _asked_for(only: Only) -> tuple[sa.ColumnElement[bool], ...]:
    verdict = sa.func.coalesce(deliveries.c.verdict, NO_VERDICT)
    return (
        *([deliveries.c.dataset == only.dataset] if only.dataset is not None else []),
        *([deliveries.c.business_date == only.business_date] if only.business_date is not None else []),
        *([verdict.in_(only.verdicts)] if only.verdicts else []),
    )


def _location(
    connection: sa.Connection, bucket: str, prefix: str, counted: int, certified_at: datetime | None
) -> LocationStatus:
    counts = sa.select(sa.func.count(), sa.func.count(objects.c.ignored), sa.func.count(objects.c.unroutable))
    found, ignored, unroutable = connection.execute(counts.where(objects.c.bucket == bucket, *below(prefix))).one()
    return LocationStatus(bucket, prefix, found + counted, ignored, unroutable + counted, counted, certified_at)


def _paused(connection: sa.Connection) -> Mapping[str, datetime]:
    """Return since when each paused dataset is paused."""
    query = sa.select(datasets.c.dataset, datasets.c.paused_at).where(datasets.c.paused_at.is_not(None))
    return {row.dataset: row.paused_at for row in connection.execute(query)}


def _due(connection: sa.Connection) -> Mapping[str, datetime]:
    """Return by delivery since when an announcement is due that Prefect's server does not show."""
    unconfirmed = (announcements.c.confirmed_at.is_(None), announcements.c.delivery_id.is_not(None))
    query = sa.select(announcements.c.delivery_id, announcements.c.due_at).where(*unconfirmed)
    return {row.delivery_id: row.due_at for row in connection.execute(query)}


def _status(row: Any, due: datetime | None, paused: datetime | None) -> DeliveryStatus:
    if row.judged_at is not None:
        state = "judged"
    elif row.claimed_at is not None:
        state = "claimed"
    elif paused is not None:
        state = "paused"
    else:
        state = "landed" if row.announced_at is None else "announced"
    return DeliveryStatus(
        id=row.id,
        dataset=row.dataset,
        business_date=row.business_date.isoformat(),
        keys=tuple(json.loads(row.member_keys)),
        revision=row.revision,
        state=state,
        verdict=row.verdict,
        reason=row.reason,
        evidence=row.evidence,
        arrived=row.arrived_at,
        judged=row.judged_at,
        unjudged=_unjudged(row, due, paused) if row.judged_at is None else None,
        announced=row.announced_at,
        announcements=row.announcements,
    )


def _unjudged(row: Any, due: datetime | None, paused: datetime | None) -> Unjudged:
    flight = None
    if row.announced_at is not None:
        takes = timedelta(seconds=row.pipeline_takes_s)
        flight = InFlight(row.id, row.announcements, row.announced_at, row.claimed_at, takes)
    return Unjudged(flight, due, paused, row.claimed_by, row.run_ended, row.run_ended_at)
