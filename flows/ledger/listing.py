"""The object versions that were seen, and the key ranges whose listing is certified."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from acceptance.announcing.delivery_events import EventDraft
from acceptance.deliveries.delivery import LandingObject
from acceptance.deliveries.file_groups import Group
from acceptance.deliveries.key_ranges import KeyRange
from flows.ledger.lease import writing_as
from flows.ledger.tables import (
    announcement_row,
    announcements,
    below,
    deliveries,
    keys_as_text,
    objects,
    ranges,
    strange_keys,
    writing,
)
from flows.ledger.writes import AT_ONCE, NewObject, insert_new_objects, replace_groups, slices


@dataclass(frozen=True, slots=True)
class StrangeKeys:
    """The keys of a location that fit no contract: how many have had an event of their own since the ledger is there.

    `untold` came after the last summary and have none; `summed_up_at` is when that was.
    """

    told: int = 0
    untold: int = 0
    summed_up_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Certified:
    """The changes that one page of a listing brings. `ranges` replace the range that ended at `until`.

    `strange` replaces what is known of the location's strange keys, if there is news.
    """

    bucket: str
    prefix: str
    until: str | None
    ranges: Sequence[KeyRange]
    new_objects: Sequence[NewObject] = ()
    gone: Sequence[str] = ()
    groups: Sequence[Group] = ()
    strange: StrangeKeys | None = None


class Listing:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def ranges(self, bucket: str, prefix: str) -> tuple[KeyRange, ...]:
        """Return a location's ranges in the order of their keys. One never listed has one range, without an end."""
        query = sa.select(ranges).where(_at(bucket, prefix)).order_by(ranges.c.until == "", ranges.c.until)
        found: list[KeyRange] = []
        with self._engine.connect() as connection:
            for row in connection.execute(query):
                after = found[-1].until or "" if found else ""
                until = row.until or None
                found.append(
                    KeyRange(after, until, row.held, row.digest, row.certified_at, row.changed_at, row.strange)
                )
        return tuple(found) or (KeyRange(),)

    def versions(self, bucket: str, prefix: str, after: str = "", until: str | None = None) -> dict[str, LandingObject]:
        """Return by key the last seen version of every key below the prefix, within a range of keys."""
        place = [objects.c.bucket == bucket, objects.c.key > after, *below(prefix)]
        if until is not None:
            place.append(objects.c.key <= until)
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(objects).where(*place).order_by(objects.c.key))
            return {row.key: LandingObject(row.bucket, row.key, row.etag, row.size, row.last_modified) for row in rows}

    def revisions(self, dataset: str, keys: Sequence[Sequence[str]]) -> dict[tuple[str, ...], int]:
        """Return for each group of keys how often it was delivered so far. Groups never delivered are left out."""
        texts = {keys_as_text(group): tuple(group) for group in keys}
        found: dict[tuple[str, ...], int] = {}
        with self._engine.connect() as connection:
            for some in slices(list(texts), AT_ONCE):
                same = sa.and_(deliveries.c.dataset == dataset, deliveries.c.member_keys.in_(some))
                query = sa.select(deliveries.c.member_keys, sa.func.max(deliveries.c.revision)).where(same)
                rows = connection.execute(query.group_by(deliveries.c.member_keys))
                found.update((texts[text], revision) for text, revision in rows)
        return found

    def commit(self, page: Certified, now: datetime, holder: str | None = None) -> None:
        """Write new objects and their announcements in one transaction.

        Raises:
            LeaseLost: a `holder` is given and does not hold the lease.
        """
        with writing_as(self._engine, holder) as connection:
            _replace_ranges(connection, page)
            for keys in slices(page.gone, AT_ONCE):
                here = sa.and_(objects.c.bucket == page.bucket, objects.c.key.in_(keys))
                connection.execute(sa.delete(objects).where(here))
            insert_new_objects(connection, page.new_objects, now)
            replace_groups(connection, page.groups)
            if page.strange is not None:
                _replace_strange(connection, page.bucket, page.prefix, page.strange)

    def strange(self, bucket: str, prefix: str) -> StrangeKeys:
        query = sa.select(strange_keys).where(strange_keys.c.bucket == bucket, strange_keys.c.prefix == prefix)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return StrangeKeys() if row is None else StrangeKeys(row.told, row.untold, row.summed_up_at)

    def count_unroutable(self, bucket: str, prefix: str) -> int:
        """Count the location's objects that fit no contract and are remembered."""
        query = sa.select(sa.func.count(objects.c.unroutable)).where(objects.c.bucket == bucket, *below(prefix))
        with self._engine.connect() as connection:
            return connection.execute(query).scalar_one()

    def sum_up(self, bucket: str, prefix: str, draft: EventDraft, now: datetime, holder: str | None = None) -> None:
        """Record that the location's strange keys are told together, and the event. Raises LeaseLost as `commit`."""
        told = self.strange(bucket, prefix).told
        with writing_as(self._engine, holder) as connection:
            _replace_strange(connection, bucket, prefix, StrangeKeys(told, 0, now))
            connection.execute(sa.insert(announcements).values(announcement_row(None, draft, now)))

    def recut(self, bucket: str, prefix: str, cut: Sequence[KeyRange], holder: str | None = None) -> None:
        """Replace a location's ranges by others over the same keys. Raises LeaseLost as `commit` does."""
        with writing_as(self._engine, holder) as connection:
            connection.execute(sa.delete(ranges).where(_at(bucket, prefix)))
            connection.execute(sa.insert(ranges), [_range_row(bucket, prefix, item) for item in cut])

    def certified(
        self, bucket: str, prefix: str, which: Sequence[KeyRange], now: datetime, holder: str | None = None
    ) -> None:
        """Record that these ranges were listed and did not change. Raises LeaseLost as `commit` does."""
        if not which:
            return
        with writing_as(self._engine, holder) as connection:
            for some in slices([item.until or "" for item in which], AT_ONCE):
                these = sa.and_(_at(bucket, prefix), ranges.c.until.in_(some))
                connection.execute(sa.update(ranges).where(these).values(certified_at=now))

    def forget(self, landed: LandingObject) -> None:
        """Forget an object version, so that the next listing finds it as new."""
        with writing(self._engine) as connection:
            here = sa.and_(objects.c.bucket == landed.bucket, objects.c.key == landed.key)
            connection.execute(sa.delete(objects).where(here))
            prefixes = connection.scalars(sa.select(ranges.c.prefix).where(ranges.c.bucket == landed.bucket).distinct())
            above = [prefix for prefix in prefixes if landed.key.startswith(prefix)]
            unread = sa.update(ranges).where(ranges.c.bucket == landed.bucket, ranges.c.prefix.in_(above))
            connection.execute(unread.values(digest=""))

    def unroutable(self, limit: int | None = 100) -> tuple[tuple[LandingObject, str], ...]:
        """Return the latest objects that fit no contract, newest first, each with the reason."""
        query = sa.select(objects).where(objects.c.unroutable.is_not(None)).order_by(objects.c.seen_at.desc())
        with self._engine.connect() as connection:
            return tuple(
                (LandingObject(row.bucket, row.key, row.etag, row.size, row.last_modified), row.unroutable)
                for row in connection.execute(query.limit(limit))
            )


def _at(bucket: str, prefix: str) -> sa.ColumnElement[bool]:
    return sa.and_(ranges.c.bucket == bucket, ranges.c.prefix == prefix)


def _replace_ranges(connection: sa.Connection, page: Certified) -> None:
    old = sa.and_(_at(page.bucket, page.prefix), ranges.c.until == (page.until or ""))
    connection.execute(sa.delete(ranges).where(old))
    if page.ranges:
        connection.execute(sa.insert(ranges), [_range_row(page.bucket, page.prefix, item) for item in page.ranges])


def _range_row(bucket: str, prefix: str, item: KeyRange) -> dict[str, Any]:
    return {
        "bucket": bucket,
        "prefix": prefix,
        "until": item.until or "",
        "held": item.held,
        "digest": item.digest,
        "certified_at": item.certified_at,
        "changed_at": item.changed_at,
        "strange": item.strange,
    }


def _replace_strange(connection: sa.Connection, bucket: str, prefix: str, known: StrangeKeys) -> None:
    place = {"bucket": bucket, "prefix": prefix}
    connection.execute(sa.delete(strange_keys).filter_by(**place))
    connection.execute(sa.insert(strange_keys).values(**place, **asdict(known)))
