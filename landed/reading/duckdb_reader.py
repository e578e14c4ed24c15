"""DuckDB as a reader of files that others wrote: bounded in memory and time, and blind to all but these files."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from acceptance.errors import StepFailed
from landed.reading.cells import literal

_MEMORY = "512MB"
_SPILLED = "20GB"
_READ_WITHIN_S = 900.0
_AT_LEAST_BYTES_PER_S = 1_000_000


def read_within_s(size_bytes: int) -> float:
    """The deadline of one query over a file of this size: many times what one takes."""
    return _READ_WITHIN_S + size_bytes / _AT_LEAST_BYTES_PER_S


@contextmanager
def reader(file: Path, scratch: Path, within_s: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can read this file and what is in `scratch`; spills there. No query takes longer than this.

    Raises:
        StepFailed: a query did.
    """
    options: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _MEMORY,
        "temp_directory": str(scratch),
        "max_temp_directory_size": _SPILLED,
        "autoinstall_known_extensions": "false",  # never from the network
        "python_enable_replacements": "false",
        "TimeZone": "UTC",
        # By a column's least and greatest value in Parquet, which do not count NaN, isnan() would become false.
        "disabled_optimizers": "statistics_propagation",
    }
    with closing(duckdb.connect(config=options)) as duck, _interrupted_after(duck, within_s):
        folders = ", ".join(literal(folder.absolute().as_posix()) for folder in (file.parent, scratch))
        duck.execute(f"SET allowed_directories = [{folders}]")
        duck.execute("SET enable_external_access = false")  # whatever the texts of a contract become
        duck.execute("SET lock_configuration = true")
        try:
            yield duck
        except duckdb.InterruptException:
            raise StepFailed(
                f"the landed file was not read within {within_s:g} s: it holds far more than its size says, or this "
                "machine is too slow for it; land it in several files"
            ) from None


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
