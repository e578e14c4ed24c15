"""The query for the snapshot of an Iceberg table that is judged: a writer beside it then changes nothing."""

from collections.abc import Sequence

from acceptance.contract.contract import NEVER_WRITTEN, Table
from acceptance.sql.text import identifier, only_select


def snapshot_query(table: Table) -> str:
    """Return the query for the current snapshot, which is that of the branch main."""
    name = f"{identifier(table.database)}.{identifier(f'{table.name}$refs')}"
    return only_select(f"SELECT snapshot_id FROM {name} WHERE name = 'main'")


def read_snapshot(rows: Sequence[Sequence[object]]) -> int:
    """Return the snapshot's id, or NEVER_WRITTEN."""
    return int(str(rows[0][0])) if rows else NEVER_WRITTEN
