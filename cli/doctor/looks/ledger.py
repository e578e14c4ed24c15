"""Looks at what the watcher keeps: its ledger, the disk below it, and what the ledger says of the watcher's work.

The looks roll back, or remove, what they write.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from acceptance.counted import counted
from acceptance.errors import LedgerUnusable
from cli.doctor.looks.findings import Look, duration, met, unmet
from flows.installation.current_contracts import CurrentContracts
from flows.ledger.database import database, shown, usable
from flows.ledger.status import Status
from flows.ledger.tables import has_current_layout

BUSY_S = 4
"""How long a look waits for a process that has locked the ledger. The watcher itself waits longer."""
LEAST_FREE_BYTES = 200_000_000
"""Prefect's server and the ledger stop on a full disk; a landed file may be unpacked into the temporary folder."""
DUE_FOR = timedelta(minutes=2)
"""How long an announcement may be due. In a burst it takes seconds, and a restart of the server a minute."""
OFTEN = 3
"""An announcement may be lost, and so may the next; a delivery that is announced more often has another trouble."""
_PROBE = b"\0" * 65_536


def writable(url: str | None, default: Path) -> Look:
    """Check that the ledger can be written, or created if it does not exist.

    `default` is SQLite's file if no URL is set.
    """
    try:
        with _engine(url, default) as engine:
            file = _file(engine.url)
            if file is not None and not file.exists():
                return _place(file)
            return _written(engine)
    except LedgerUnusable as error:
        return _unusable(error)


def room(folders: Mapping[str, Path], least_free_bytes: int = LEAST_FREE_BYTES) -> Look:
    """Check that the disk of each folder, by its name, takes bytes and has enough of them left."""
    least = least_free_bytes
    for name, folder in folders.items():
        existing = next((each for each in (folder, *folder.parents) if each.is_dir()), folder)
        make_room = f"make room on the disk of {existing}; until then nothing can be found, announced or judged"
        try:
            with tempfile.TemporaryFile(dir=existing) as probe:
                probe.write(_PROBE)
                probe.flush()
                os.fsync(probe.fileno())
            free = shutil.disk_usage(existing).free
        except OSError as error:
            return unmet(f"{name} takes no bytes: {error.strerror} ({existing})", make_room)
        if free < least:
            return unmet(f"{name} has {free / 1e6:,.0f} MB left, less than {least / 1e6:,.0f} ({existing})", make_room)
    return met(f"{', '.join(folders)}: each has more than {least / 1e6:,.0f} MB left")


def listed(
    url: str | None,
    default: Path,
    within: timedelta,
    now: Callable[[], datetime],
    watched: Collection[tuple[str, str]],
) -> Look:
    """Check that the watcher listed each landing location to its end as often as it must. It may be late once.

    Locations that are not `watched`, because their contract is gone, are listed no more.
    """

    def look(status: Status) -> Look:
        places = [place for place in status.locations() if (place.bucket, place.prefix) in watched]
        late = [
            f"s3://{place.bucket}/{place.prefix} ({duration(now() - place.certified_at)} ago)"
            for place in places
            if place.certified_at is not None and now() - place.certified_at > 2 * within
        ]
        if not late:
            return met(f"{counted(len(places), 'location')}: listed within {duration(2 * within)}, or new")
        return unmet(
            f"not listed to the end since: {', '.join(late)}",
            "look at the lines `watcher` and `landing of ...`; the watcher's log says what failed (the run of "
            "`watch-landing` on Prefect's page)",
        )

    return _of_ledger(url, default, look)


def announced(url: str | None, default: Path, now: Callable[[], datetime]) -> Look:
    """Check that Prefect's server shows what the watcher had to announce."""

    def look(status: Status) -> Look:
        count, oldest = status.announcements_due(now() - DUE_FOR)
        if oldest is None:
            return met("Prefect's server shows all of them, but for the latest")
        return unmet(
            f"announcements that Prefect's server does not show: {count}, the oldest is due for "
            f"{duration(now() - oldest)}",
            "look at the lines `Prefect server`, `watcher` and `disk`; then the watcher posts them again",
        )

    return _of_ledger(url, default, look)


def taken(url: str | None, default: Path) -> Look:
    """Check that no delivery was announced again and again without a run that takes it."""

    def look(status: Status) -> Look:
        flights = [
            item.unjudged.in_flight for item in status.deliveries() if item.unjudged and item.state == "announced"
        ]
        often = [flight for flight in flights if flight is not None and flight.announcements >= OFTEN]
        if not often:
            return met("runs take what is announced")
        most = max(flight.announcements for flight in often)
        return unmet(
            f"deliveries without a run that takes them: {len(often)}, announced up to {most} times",
            "`aceite status` says how their last runs ended; look at the lines `automations`, `runs may begin` and "
            "`flows are served`",
        )

    return _of_ledger(url, default, look)


def with_contracts(url: str | None, default: Path, known: CurrentContracts) -> Look:
    """Check that no delivery waits for a contract that is gone or cannot be used."""

    def look(status: Status) -> Look:
        usable = {contract.dataset for contract in known.usable}
        waits = [item for item in status.deliveries() if item.unjudged and item.state != "claimed"]
        without = sorted({item.dataset for item in waits} - usable)
        if not without:
            return met("each delivery that waits has one")
        return unmet(
            "; ".join(f"deliveries of {dataset} wait: {known.why_held_back(dataset)}" for dataset in without),
            "put the contract back, or correct it: the watcher takes it up within seconds. To have no verdict, delete "
            "the files first, put the contract back, and remove it again",
        )

    return _of_ledger(url, default, look)


def _of_ledger(url: str | None, default: Path, look: Callable[[Status], Look]) -> Look:
    try:
        with _engine(url, default) as engine:
            file = _file(engine.url)
            if file is not None and not file.exists():
                return met("there is no ledger yet")
            with usable(engine):
                with engine.connect() as connection:
                    if not has_current_layout(connection):
                        return met("there is no ledger yet")
                return look(Status(engine))
    except LedgerUnusable as error:
        return _unusable(error)


@contextmanager
def _engine(url: str | None, default: Path) -> Iterator[sa.Engine]:
    engine = database(url or f"sqlite:///{default.as_posix()}", BUSY_S)
    try:
        yield engine
    finally:
        engine.dispose()


def _unusable(error: LedgerUnusable) -> Look:
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
