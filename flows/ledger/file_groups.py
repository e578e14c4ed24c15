"""The file groups: files that make, or will make, one delivery."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from acceptance.announcing.delivery_events import EventDraft
from acceptance.deliveries.file_groups import Group, GroupKey
from flows.ledger.lease import writing_as
from flows.ledger.tables import announcement_row, announcements, groups
from flows.ledger.writes import GROUP, NewObject, insert_deliveries, replace_groups


class Groups:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def load(self, keys: Iterable[GroupKey]) -> dict[GroupKey, Group]:
        """Return the known groups among these."""
        wanted = [key.id for key in keys]
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(groups.c.state).where(groups.c.id.in_(wanted)))
            return {group.key: group for group in (GROUP.validate_python(row.state) for row in rows)}

    def open(self) -> tuple[Group, ...]:
        """Return the groups that changed or wait, the oldest first."""
        query = sa.select(groups.c.state).where(groups.c.opened_at.is_not(None)).order_by(groups.c.opened_at)
        with self._engine.connect() as connection:
            return tuple(GROUP.validate_python(row.state) for row in connection.execute(query))

    def commit(
        self,
        group: Group,
        now: datetime,
        *,
        new_object: NewObject | None = None,
        event: EventDraft | None = None,
        holder: str | None = None,
    ) -> None:
        """Write a group, and its delivery or event, in one transaction. Raises LeaseLost."""
        with writing_as(self._engine, holder) as connection:
            replace_groups(connection, [group])
            if new_object is not None:
                insert_deliveries(connection, [new_object], now)
            if event is not None:
                connection.execute(sa.insert(announcements).values(announcement_row(None, event, now)))
