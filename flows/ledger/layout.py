"""The layout of a ledger's tables has a number. A new ledger gets it; a ledger of another layout is refused."""

import sqlalchemy as sa

from acceptance.errors import LedgerUnusable
from flows.ledger.database import shown
from flows.ledger.tables import ledger_version, metadata, writing

VERSION = 5
"""Raised by one with every change of `tables`. Nothing is upgraded: a ledger is rebuilt from S3."""

_INDEX_ON_POSTGRESQL = "CREATE INDEX deliveries_of_the_same_keys ON deliveries USING hash (member_keys)"
"""The keys of a large delivery are more text than an index of PostgreSQL takes, unless it is one of hashes.

Said of the table's own index, it would have every watcher load PostgreSQL's dialect: 2 MB.
"""
_PARTIAL_INDEXES = (
    "CREATE INDEX unconfirmed_announcements ON announcements (confirmed_at) WHERE confirmed_at IS NULL",
    "CREATE INDEX announcements_told_by_others ON announcements (batch_id) WHERE batch_id IS NOT NULL",
)
"""For the few rows that are asked for each second. With a whole index, a database may read all announcements ever."""

_ONE_AT_A_TIME = 0x0ACE17E
"""PostgreSQL's advisory lock for whoever opens a ledger: a table that two create at the same time is an error there."""


def create_tables(engine: sa.Engine) -> None:
    """Creates the tables of a new ledger. Raises LedgerUnusable for a ledger of another layout."""
    with engine.connect() as connection:
        if has_current_layout(connection):
            return
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        if has_current_layout(connection):  # another process created it meanwhile
            return
        metadata.create_all(connection)
        also = (_INDEX_ON_POSTGRESQL,) if engine.dialect.name == "postgresql" else ()
        for statement in (*_PARTIAL_INDEXES, *also):
            connection.exec_driver_sql(statement)
        connection.execute(sa.insert(ledger_version).values(version=VERSION))


def has_current_layout(connection: sa.Connection) -> bool:
    """Returns False if there is no ledger yet. Raises LedgerUnusable if there is one of another layout."""
    if not sa.inspect(connection).has_table(ledger_version.name):
        return False
    found = connection.execute(sa.select(ledger_version.c.version)).scalar_one_or_none()
    if found != VERSION:
        raise LedgerUnusable(
            f"the ledger {shown(connection.engine.url)} has the layout {found}, and this version of Aceite uses layout "
            f"{VERSION}; use the version of Aceite that wrote it, or delete the ledger: `aceite up` rebuilds it from "
            "S3 (docs/operating/when-the-ledger-is-lost.md)"
        )
    return True
