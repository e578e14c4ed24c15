"""Refuses a database that a newer Prefect has migrated, and says what to do; Prefect's own error does not."""

import sqlite3
from contextlib import closing
from pathlib import Path

import prefect
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from prefect.server.database.alembic_commands import alembic_config
from prefect.server.database.orm_models import AioSqliteORMConfiguration
from sqlalchemy import make_url


class NewerDatabase(Exception):
    """The database has a layout that this version of Prefect does not know."""


def refuse_newer_database(url: str) -> None:
    """Raise NewerDatabase if this URL is of a SQLite file with a revision that is unknown here. It stays as it is."""
    where = make_url(url)
    file = Path(where.database or "")
    for revision in _revisions(file) if where.get_backend_name() == "sqlite" else ():
        if not _is_known(revision):
            raise NewerDatabase(
                f"{file} was migrated by a newer Prefect (revision {revision}), and here is {prefect.__version__}.\n"
                "Install the newer release again; or put back the copy of this file from before the upgrade.\n"
                "Without a copy: move the file away. Prefect then begins with no runs and no automations of your own,\n"
                "and `aceite up` makes those of Aceite; verdicts, ledger and evidence stay."
            )


def _revisions(file: Path) -> list[str]:
    if not file.is_file():
        return []
    with closing(sqlite3.connect(file)) as database:
        try:
            return [str(revision) for (revision,) in database.execute("SELECT version_num FROM alembic_version")]
        except sqlite3.OperationalError:  # it has no tables yet, or another process holds it: Prefect says so
            return []


def _is_known(revision: str) -> bool:
    scripts = ScriptDirectory.from_config(alembic_config())
    scripts.version_locations = [str(AioSqliteORMConfiguration().versions_dir)]
    try:
        return scripts.get_revision(revision) is not None
    except CommandError:
        return False
