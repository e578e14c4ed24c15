"""The ledger's layout has a version; an older ledger is brought up to date when it is opened."""

import sqlalchemy as sa

from acceptance.errors import LedgerUnusable
from flows.ledger.tables import ledger_version, metadata, writing

VERSION = 2
_STEPS = {
    # Version 1 listed whole locations and kept every key in memory: no ranges, and nothing was ever ignored.
    1: ("ALTER TABLE objects ADD COLUMN ignored VARCHAR", "DROP INDEX ix_deliveries_dataset"),
}


def bring_up_to_date(engine: sa.Engine) -> None:
    """Raises LedgerUnusable if the ledger was written by a later version of Aceite."""
    found = _version(engine)
    if found == VERSION:
        return
    if found > VERSION:
        shown = engine.url.render_as_string(hide_password=True)
        raise LedgerUnusable(
            f"the ledger {shown} has the layout {found}, and this version of Aceite knows layouts up to {VERSION}; "
            "use the version that wrote it, or another ledger (ACEITE_LEDGER_URL, --home)"
        )
    with writing(engine) as connection:
        for version in range(found or VERSION, VERSION):
            for statement in _STEPS[version]:
                connection.exec_driver_sql(statement)
        metadata.create_all(connection)
        connection.execute(sa.delete(ledger_version))
        connection.execute(sa.insert(ledger_version).values(version=VERSION))


def _version(engine: sa.Engine) -> int:
    """0 if there is no ledger yet."""
    tables = set(sa.inspect(engine).get_table_names())
    if "ledger_version" not in tables:
        return 1 if "objects" in tables else 0
    with engine.connect() as connection:
        return connection.execute(sa.select(ledger_version.c.version)).scalar_one_or_none() or 0
