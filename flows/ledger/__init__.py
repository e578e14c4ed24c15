"""The watcher's memory in SQL: objects seen, and deliveries with their announcements and verdicts.

New objects and their announcements commit together (`Listing.commit`). A lost ledger is rebuilt from S3: the landing
buckets hold the objects and the evidence bucket the verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from blocks.private_files import private_folder
from blocks.settings import Settings
from flows.ledger.announcements import Announcements
from flows.ledger.database import database, usable
from flows.ledger.datasets import Datasets
from flows.ledger.file_groups import Groups
from flows.ledger.lease import Lease
from flows.ledger.listing import Listing
from flows.ledger.sightings import Sightings
from flows.ledger.status import Status
from flows.ledger.tables import create_tables

if TYPE_CHECKING:
    from flows.ledger.history import History


class Ledger:
    """The ledger at a database URL. Safe for one writer, the one that holds the lease, and many readers.

    Raises:
        LedgerUnusable: the URL is wrong, the database cannot be reached, or the ledger has another layout.
    """

    def __init__(self, url: str) -> None:
        self._engine = database(url)
        try:
            with usable(self._engine):
                create_tables(self._engine)
        except BaseException:
            self.close()
            raise
        self.lease = Lease(self._engine)
        self.listing = Listing(self._engine)
        self.sightings = Sightings(self._engine)
        self.groups = Groups(self._engine)
        self.announcements = Announcements(self._engine)
        self.datasets = Datasets(self._engine)
        self.status = Status(self._engine)

    @cached_property
    def history(self) -> History:
        """The verdicts for the pages over all datasets. Most commands need none, and not what it imports."""
        from flows.ledger.history import History

        return History(self._engine)

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
    """Return the URL of an SQLite file, and make its folder, which only its owner may read."""
    private_folder(path.parent)
    return f"sqlite:///{path.as_posix()}"
