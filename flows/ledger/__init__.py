"""The watcher's memory, in SQL: objects seen, deliveries announced, when, how often, and how they ended.

What was seen and what must be announced commit together (`seen.Seen.commit`). A lost ledger is rebuilt from S3: the
landing buckets hold the objects and the evidence bucket the verdicts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from blocks.settings import Settings
from flows.ledger.announcements import Announcements
from flows.ledger.groups import Groups
from flows.ledger.lease import Lease
from flows.ledger.schema import bring_up_to_date
from flows.ledger.seen import Seen
from flows.ledger.status import Status


class Ledger:
    """The ledger at a database URL. Safe for one writer, the one that holds the lease, and many readers.

    Raises:
        LedgerUnusable: it was written by a later version of Aceite.
    """

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url)
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _durable_and_concurrent)
            sa.event.listen(self._engine, "begin", _write_from_the_start)
        bring_up_to_date(self._engine)
        self.lease = Lease(self._engine)
        self.seen = Seen(self._engine)
        self.groups = Groups(self._engine)
        self.announcements = Announcements(self._engine)
        self.status = Status(self._engine)

    def close(self) -> None:
        self._engine.dispose()


@contextmanager
def open_ledger(url: str) -> Iterator[Ledger]:
    ledger = Ledger(url)
    try:
        yield ledger
    finally:
        ledger.close()


def ledger_url(settings: Settings) -> str:
    return settings.ledger_url or sqlite_url(settings.home.expanduser() / "ledger.db")


def sqlite_url(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{path.as_posix()}"


def _durable_and_concurrent(connection: Any, _: Any) -> None:
    """Readers do not wait for the writer, a commit survives a power cut, and a writer waits for another up to 30 s."""
    connection.isolation_level = None  # the driver would begin where it likes; _write_from_the_start does
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}").close()


def _write_from_the_start(connection: sa.Connection) -> None:
    """What a writing transaction reads must still hold when it writes, the lease above all."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
