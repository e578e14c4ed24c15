"""Checks that the ledger can be written. It rolls back what it writes."""

import tempfile
from pathlib import Path

import sqlalchemy as sa

from acceptance.errors import LedgerUnusable
from cli.doctor.looks.findings import Look, met, unmet
from flows.ledger.database import database, shown, usable
from flows.ledger.tables import has_current_layout


def writable(url: str | None, default: Path) -> Look:
    """Check that the ledger can be written, or created if it does not exist.

    `default` is SQLite's file if no URL is set.
    """
    try:
        engine = database(url or f"sqlite:///{default.as_posix()}")
        try:
            file = _file(engine.url)
            if file is not None and not file.exists():
                return _place(file)
            return _written(engine)
        finally:
            engine.dispose()
    except LedgerUnusable as error:
        problem, _, remedy = str(error).rpartition("; ")
        return unmet(problem or remedy, remedy)


def _written(engine: sa.Engine) -> Look:
    with usable(engine), engine.connect().execution_options(writes=True) as connection:
        transaction = connection.begin()
        try:
            has_current_layout(connection)
            connection.exec_driver_sql("CREATE TABLE aceite_doctor (checked INTEGER)")
        finally:
            transaction.rollback()
    return met(f"{shown(engine.url)} can be written")


def _place(file: Path) -> Look:
    folder = next((parent for parent in file.parents if parent.exists()), file.parent)
    try:
        with tempfile.TemporaryFile(dir=folder):
            return met(f"none exists yet at {file}; it can be made there")
    except OSError as error:
        return unmet(
            f"no ledger can be made at {file}: {error.strerror} ({folder})",
            "give a folder that this user may write to with --home, or a database with ACEITE_LEDGER_URL",
        )


def _file(url: sa.URL) -> Path | None:
    """Return SQLite's file; None for a ledger that is not a file."""
    in_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(url.database or "") if in_file else None
