"""The lease: one watcher at a time may write to the ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa

from acceptance.errors import LeaseLost
from flows.ledger.tables import lease, writing

_NAME = "watcher"


class Lease:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def take(self, holder: str, until: datetime, now: datetime) -> bool:
        """Take or renew the lease. Return False if another watcher holds it and it has not expired."""
        free = sa.or_(lease.c.holder == holder, lease.c.until < now)
        mine = {"holder": holder, "until": until}
        with writing(self._engine) as connection:
            if connection.execute(sa.update(lease).where(lease.c.name == _NAME, free).values(mine)).rowcount:
                return True
        try:
            with writing(self._engine) as connection:
                connection.execute(sa.insert(lease).values(name=_NAME, **mine))
        except sa.exc.IntegrityError:
            return False
        return True

    def renew(self, holder: str, until: datetime) -> bool:
        """Renew the lease. Return False if another took it meanwhile, even if it is gone: it changed the ledger."""
        mine = sa.and_(lease.c.name == _NAME, lease.c.holder == holder)
        with writing(self._engine) as connection:
            return bool(connection.execute(sa.update(lease).where(mine).values(until=until)).rowcount)

    def holder(self, now: datetime) -> str | None:
        """Return the id of the watcher's run that holds the lease; None if none does."""
        with self._engine.connect() as connection:
            held = sa.select(lease.c.holder).where(lease.c.name == _NAME, lease.c.until >= now)
            return connection.execute(held).scalar_one_or_none()

    def give_back(self, holder: str) -> None:
        with writing(self._engine) as connection:
            connection.execute(sa.delete(lease).where(lease.c.name == _NAME, lease.c.holder == holder))


@contextmanager
def writing_as(engine: sa.Engine, holder: str | None) -> Iterator[sa.Connection]:
    """Open a writing transaction of the lease's holder. Raises LeaseLost; without a holder no lease is needed."""
    with writing(engine) as connection:
        if holder is not None:
            still_held(connection, holder)
        yield connection


def still_held(connection: sa.Connection, holder: str) -> None:
    """Lock the lease until the transaction ends.

    Raises:
        LeaseLost: another watcher holds the lease, so this one must not write.
    """
    mine = sa.select(lease.c.holder).where(lease.c.name == _NAME).with_for_update()
    found = connection.execute(mine).scalar_one_or_none()
    if found != holder:
        raise LeaseLost(f"this watcher lost the ledger: {found or 'nobody'} holds its lease, not {holder}")
