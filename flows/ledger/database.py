"""Connects to the ledger's database: SQLite or PostgreSQL, as its URL says."""

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from acceptance.errors import LedgerMisnamed, LedgerUnusable

_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_IN_MEMORY = ":memory:"
"""The name that SQLite's driver is given for a database that is no file."""
_ALLOWED = (
    "allowed in ACEITE_LEDGER_URL are sqlite:///FILE and postgresql+psycopg://USER:PASSWORD@HOST:5432/DATABASE, "
    "user and password percent-encoded (@ is %40)"
)
_BUSY_S = 30
_TRY_AGAIN_S = 0.02
_POSTGRESQL = {"connect_timeout": 10, "tcp_user_timeout": 30_000}  # s, ms; what the URL says has precedence


def database(url: str, busy_s: float = _BUSY_S) -> sa.Engine:
    """Return an engine for the URL, without connecting. It waits `busy_s` for another process that has locked it.

    Raises:
        LedgerMisnamed: the URL names no database that can hold a ledger.
        LedgerUnusable: the database's driver is missing.
    """
    parsed = _parsed(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            engine = sa.create_engine(parsed)
            sa.event.listen(engine, "do_connect", _private_from_the_start)
            sa.event.listen(engine, "connect", partial(_durable_and_concurrent, busy_s))
            sa.event.listen(engine, "begin", _write_from_the_start)
            return engine
        unsaid = {name: value for name, value in _POSTGRESQL.items() if name not in parsed.query}
        engine = sa.create_engine(parsed, connect_args=unsaid, pool_pre_ping=True)
    except ImportError as error:
        raise LedgerUnusable(
            f"the ledger {shown(parsed)} needs PostgreSQL's driver, which cannot be imported ({error}); "
            'pip install "aceite[postgres]"'
        ) from error
    # Before SQLAlchemy reads any text.
    sa.event.listen(engine, "connect", partial(_complete_and_in_no_ones_way, busy_s), insert=True)
    return engine


def _private_from_the_start(_: Any, __: Any, arguments: list[Any], ___: Any) -> None:
    """Make the file before SQLite does, which gives it the rights that the umask of this process leaves."""
    file = Path(arguments[0])
    if arguments[0] != _IN_MEMORY and not file.exists():
        with suppress(OSError):  # SQLite itself says what is wrong with the place
            file.touch(mode=0o600)


def shown(url: sa.URL) -> str:
    """Return the URL for messages: without the password, and without options, one of which may be a password."""
    where: Mapping[str, Any] = {name: url.query[name] for name in ("host", "port") if name in url.query}
    return url.set(query=where).render_as_string()


@contextmanager
def usable(engine: sa.Engine) -> Iterator[None]:
    """Raise LedgerUnusable, with a remedy, for an error of the database."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        said = " ".join(str(error.orig).split())
        if "locked" in said or "lock timeout" in said:
            remedy = "another process has locked it: end that (an open database tool, a copy that is being made)"
            raise LedgerUnusable(f"the ledger {shown(engine.url)} is locked: {said}; {remedy}") from None
        if engine.dialect.name == "sqlite":
            remedy = "the file must be a ledger, or its folder one in which it can be made (ACEITE_LEDGER_URL, --home)"
        else:
            remedy = "check ACEITE_LEDGER_URL, that its server runs, and that its user may make tables there"
        # No cause is chained: SQLAlchemy's error would show SQL statements, which no reader needs.
        raise LedgerUnusable(f"the ledger {shown(engine.url)} cannot be opened: {said}; {remedy}") from None


def _parsed(url: str) -> sa.URL:
    """Parse the URL. Errors do not quote a malformed URL, because any part of it may be the password."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise LedgerMisnamed(f"the ledger's URL is not a database URL; {_ALLOWED}") from None
    if parsed.drivername not in _DRIVERS:
        raise LedgerMisnamed(f"a ledger cannot be in a database of the kind {parsed.drivername!r}; {_ALLOWED}")
    parsed = parsed.set(drivername=_DRIVERS[parsed.drivername])
    if parsed.get_backend_name() == "postgresql" and url.count("@") > 1:
        raise LedgerMisnamed(f"the ledger's URL has more than one @; {_ALLOWED}")
    return parsed


def _durable_and_concurrent(busy_s: float, connection: Any, _: Any) -> None:
    """Let readers not wait for the writer, commits survive a power cut, and a writer wait `busy_s` for another."""
    connection.isolation_level = None  # else the driver begins transactions by itself; _write_from_the_start does
    for pragma in (f"busy_timeout={round(busy_s * 1000)}", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}").close()
    _switch_to_wal(connection, time.monotonic() + busy_s)


def _switch_to_wal(connection: Any, until: float) -> None:
    """Switch to WAL, retrying: SQLite refuses all but one of several that do so at the same time."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
        else:
            return
        time.sleep(_TRY_AGAIN_S)


def _write_from_the_start(connection: sa.Connection) -> None:
    """Take the write lock when a transaction begins: what it reads, such as the lease, must hold until it writes."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _complete_and_in_no_ones_way(busy_s: float, connection: Any, _: Any) -> None:
    """Check the encoding, and end idle transactions: a watcher that lost power must not hold the lease for hours."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise LedgerUnusable(
            f"the ledger's database {connection.info.dbname} has the encoding {encoding}, in which not every key can "
            "be written; make one with the encoding UTF8 (createdb --encoding=UTF8 --template=template0), and name it "
            "in ACEITE_LEDGER_URL"
        )
    connection.execute(f"SET lock_timeout = '{round(busy_s * 1000)}ms'")
    connection.execute(f"SET idle_in_transaction_session_timeout = '{_BUSY_S}s'")
    connection.commit()
