"""A DuckDB connection for untrusted files: limited in memory and time, without access to any other file."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from acceptance.contract.landing_format import LandingFormat, SkippedTimes
from acceptance.contract.time_zones import UtcOfZone
from acceptance.errors import MachineTrouble, StepFailed
from landed.reading.cells import IN_UTC, quoted

MEMORY = "512MB"
SPILL_FOLDER = "spilled-by-duckdb"
_SPILLED = "20GB"
_READ_WITHIN_S = 900.0
_AT_LEAST_BYTES_PER_S = 1_000_000


class TookTooLong(StepFailed):
    """DuckDB did not read a file in time."""


def read_within_s(size_bytes: int) -> float:
    """Return the deadline, in seconds, of one query over a file of this size: many times what a query takes."""
    return _READ_WITHIN_S + size_bytes / _AT_LEAST_BYTES_PER_S


@contextmanager
def reader(
    file: Path, scratch: Path, within_s: float, threads: int | None = None, landing: LandingFormat | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection that reads only this file and the folder `scratch`, and spills to it.

    `threads` is how many read at the same time, by default as many as there are processors. The connection knows the
    function `in_utc` for the local times of the landing format's zone.

    Raises:
        TookTooLong: a query took longer than `within_s`.
        MachineTrouble: this machine cannot start DuckDB.
    """
    options: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        "temp_directory": str(scratch / SPILL_FOLDER),
        "max_temp_directory_size": _SPILLED,
        "autoinstall_known_extensions": "false",  # never from the network
        "python_enable_replacements": "false",
        "TimeZone": "UTC",
        # Parquet's minimum and maximum of a column ignore NaN; with them DuckDB would optimise isnan() to false.
        "disabled_optimizers": "statistics_propagation",
        **({"threads": threads} if threads else {}),
    }
    with closing(_connected(options)) as duck, _interrupted_after(duck, within_s):
        if landing and landing.zone != "UTC":
            in_utc = UtcOfZone(landing.zone, forward=landing.skipped_times is SkippedTimes.FORWARD)
            special: Any = "special"  # the function gives null too
            duck.create_function(IN_UTC, in_utc.__call__, ["BIGINT"], "BIGINT", null_handling=special)
        folders = ", ".join(quoted(folder.absolute().as_posix()) for folder in (file.parent, scratch))
        duck.execute(f"SET allowed_directories = [{folders}]")
        duck.execute("SET enable_external_access = false")  # a contract's texts become part of queries
        duck.execute("SET lock_configuration = true")
        try:
            yield duck
        except duckdb.InterruptException:
            raise TookTooLong(
                f"DuckDB did not read the landed file within {within_s:g} s: the file holds far more than its size "
                "says, or this machine is too slow; land it in several files"
            ) from None


def _connected(options: dict[str, str | bool | int | float | list[str]]) -> duckdb.DuckDBPyConnection:
    """Return a connection to a database of its own: an internal error of DuckDB's makes a database unusable."""
    try:
        return duckdb.connect(config=options)
    except (duckdb.Error, RuntimeError, MemoryError) as error:  # no memory, no more threads
        raise MachineTrouble(f"this machine cannot start DuckDB: {error}") from error


def one_row(duck: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """Return the row of a query that has exactly one."""
    row = duck.execute(sql).fetchone()
    assert row is not None
    return tuple(row)


@contextmanager
def _interrupted_after(duck: duckdb.DuckDBPyConnection, within_s: float) -> Iterator[None]:
    done = threading.Event()

    def watch() -> None:
        if not done.wait(within_s):
            while not done.wait(0.5):  # between two queries there is nothing to interrupt
                duck.interrupt()

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()
