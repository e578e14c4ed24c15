"""Homes for Prefect's servers in which the tables are there already: making them takes longer than all else of a start.

One server of the suite, that of `tests/test_story.py`, and the demo's begin with nothing, as a user's does.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import prefect
from repository import ROOT

_TABLES = ROOT / ".pytest_cache" / f"prefect-{prefect.__version__}.db"


def with_tables(home: Path) -> Path:
    """Return this home of Prefect, with the database that Prefect's migrations make in an empty one."""
    home.mkdir(parents=True, exist_ok=True)
    if not _TABLES.exists():
        _TABLES.parent.mkdir(exist_ok=True)
        _migrate()
    shutil.copyfile(_TABLES, home / "prefect.db")
    return home


def _migrate() -> None:
    """Processes that meet here do the same work; who is last leaves the file."""
    with tempfile.TemporaryDirectory(dir=_TABLES.parent) as folder:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        upgrade = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
        subprocess.run(upgrade, env={**environment, "PREFECT_HOME": folder}, check=True, capture_output=True)
        whole = Path(folder) / "whole.db"
        with closing(sqlite3.connect(Path(folder) / "prefect.db")) as database:
            database.execute("VACUUM INTO ?", (str(whole),))  # with what is still in the write-ahead log
        whole.replace(_TABLES)
