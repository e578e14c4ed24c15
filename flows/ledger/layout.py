"""The ledger's layout has a version; an older ledger is brought up to date when it is opened."""

import sqlalchemy as sa

from acceptance.errors import LedgerUnusable
from flows.ledger.database import shown
from flows.ledger.datasets import fill
from flows.ledger.tables import UtcDateTime, ledger_version, metadata, writing

VERSION = 5
DATASETS_SINCE = 4
"""The version that has the table `datasets`."""

_FIRST = {"objects", "deliveries", "announcements", "lease"}
"""The tables of version 1, which had no version."""

_STEPS = {
    # Version 1 listed whole locations and kept every key in memory: no ranges, and nothing was ever ignored.
    1: ("ALTER TABLE objects ADD COLUMN ignored VARCHAR", "DROP INDEX ix_deliveries_dataset"),
    # Version 2 announced every delivery by an event of its own.
    2: ("ALTER TABLE announcements ADD COLUMN batch_id VARCHAR",),
    # Version 3 told nobody of what did not come, or was not judged.
    3: ("ALTER TABLE deliveries ADD COLUMN overdue_told_at {time}",),
    # Version 4 had indexes in which nearly every announcement had the same value.
    4: ("DROP INDEX IF EXISTS ix_announcements_confirmed_at", "DROP INDEX IF EXISTS ix_announcements_batch_id"),
}
_STEPS_ON_POSTGRESQL = {
    # It compared keys as its locale does, and could not hold all of them: see tables.KEY.
    1: ('ALTER TABLE objects ALTER COLUMN key TYPE VARCHAR COLLATE "C" USING replace(key, chr(1), chr(1) || chr(2))',),
}
_INDEX_ON_POSTGRESQL = "CREATE INDEX IF NOT EXISTS deliveries_of_the_same_keys ON deliveries USING hash (member_keys)"
"""The keys of a large delivery are more text than an index of PostgreSQL takes, unless it is one of hashes.

Said of the table's own index, it would have every watcher load PostgreSQL's dialect: 2 MB.
"""
_INDEXES_OF_FEW = (
    "CREATE INDEX IF NOT EXISTS unconfirmed_announcements ON announcements (confirmed_at) WHERE confirmed_at IS NULL",
    "CREATE INDEX IF NOT EXISTS announcements_told_by_others ON announcements (batch_id) WHERE batch_id IS NOT NULL",
)
"""Of the rows that are asked for each second. A database that may choose would read all that were ever announced."""

_ONE_AT_A_TIME = 0x0ACE17E
"""PostgreSQL's advisory lock of those who open a ledger: a table that two make at the same time is an error there."""


def bring_up_to_date(engine: sa.Engine) -> None:
    """Raises LedgerUnusable if the ledger was written by a later version of Aceite."""
    with engine.connect() as connection:
        found = _version(connection)
    if found == VERSION:
        return
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        found = _version(connection)  # of several that open a ledger at the same time only the first changes it
        if found > VERSION:
            raise LedgerUnusable(
                f"the ledger {shown(engine.url)} has the layout {found}, and this version of Aceite knows layouts up "
                f"to {VERSION}; use the version that wrote it, or another ledger (ACEITE_LEDGER_URL, --home)"
            )
        if found < VERSION:
            _upgrade(connection, found)


def _upgrade(connection: sa.Connection, found: int) -> None:
    time = UtcDateTime().compile(connection.dialect)
    for version in range(found or VERSION, VERSION):
        also = _STEPS_ON_POSTGRESQL.get(version, ()) if connection.dialect.name == "postgresql" else ()
        for statement in (*_STEPS[version], *also):
            connection.exec_driver_sql(statement.format(time=time))
    metadata.create_all(connection)
    if 0 < found < DATASETS_SINCE:
        fill(connection)
    for table in metadata.tables.values():
        for index in table.indexes:
            index.create(connection, checkfirst=True)  # create_all makes none of a table that was there
    also = (_INDEX_ON_POSTGRESQL,) if connection.dialect.name == "postgresql" else ()
    for statement in (*_INDEXES_OF_FEW, *also):
        connection.exec_driver_sql(statement)
    connection.execute(sa.delete(ledger_version))
    connection.execute(sa.insert(ledger_version).values(version=VERSION))


def _version(connection: sa.Connection) -> int:
    """0 if there is no ledger yet."""
    tables = set(sa.inspect(connection).get_table_names())
    if ledger_version.name not in tables:
        return 1 if tables >= _FIRST else 0
    return connection.execute(sa.select(ledger_version.c.version)).scalar_one_or_none() or 0
