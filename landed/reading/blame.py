"""Decide whose fault an error is while a landed file is read: the file's, the contract's, or this machine's.

The bytes of a file can make a reader raise anything, so an error is the file's unless a control shows otherwise:

| control | fails for |
| --- | --- |
| The error names the reader's own spilled data, or is one of memory beyond our limit. | this machine |
| Python reads all bytes of the file, and the disk has room. | this machine |
| DuckDB answers the same query over a known-good file of one record, which it writes itself. | the contract |
"""

from pathlib import Path

import duckdb

from acceptance.contract.contract import Contract
from acceptance.errors import AceiteError, ContractError, MachineTrouble, Problem
from landed.reading.bounds import refuse_full_disk
from landed.reading.duckdb_reader import MEMORY, SPILL_FOLDER, TookTooLong, one_row, reader
from landed.reading.faults import Unreadable
from landed.reading.sql import LandedSql

CONTROL_WITHIN_S = 10.0
"""A known-good file of one record takes some milliseconds."""

_CHUNK_BYTES = 1024 * 1024


def refuse_others_faults(
    error: Exception, path: Path, contract: Contract, sql: LandedSql | None, scratch: Path
) -> None:
    """Return if the error is the file's fault. `sql` is the query that failed; None if the file was not open yet.

    Raises:
        ContractError: DuckDB refuses the query whatever the file holds.
        MachineTrouble: this machine cannot read any file now.
        AceiteError: the error itself, if it is one that says whose fault it is.
    """
    cause = error.__cause__ if isinstance(error, Unreadable) and error.__cause__ is not None else error
    if isinstance(cause, AceiteError) and not isinstance(cause, TookTooLong):
        raise cause
    if isinstance(cause, Unreadable):
        return
    if _is_machines(cause):
        raise MachineTrouble(f"read the landed file: {_first_line(cause)}") from cause
    _control_machine(path, scratch)
    _control_contract(contract, sql, scratch)


def words_for(error: BaseException) -> str:
    """Return what is wrong with the file in our own words: those of a reader may quote cells."""
    if isinstance(error, TookTooLong):
        return str(error)
    if isinstance(error, duckdb.OutOfMemoryException):
        return f"reading it takes more than {MEMORY} of memory; write shorter records, or smaller row groups"
    if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException):
        return "a value is outside of what its type can hold"
    if "valid UTF8" in str(error) or "Invalid unicode" in str(error):
        return "a text is not valid UTF-8"
    return "its bytes are damaged"


def _is_machines(error: BaseException) -> bool:
    if isinstance(error, duckdb.OutOfMemoryException):
        return "used)" not in str(error)  # DuckDB says so of its own limit, which the file exceeds
    if isinstance(error, duckdb.IOException):
        return SPILL_FOLDER in str(error)
    return isinstance(error, OSError | MemoryError)


def _control_machine(path: Path, scratch: Path) -> None:
    refuse_full_disk(scratch)
    try:
        with path.open("rb") as file:
            while file.read(_CHUNK_BYTES):
                pass
    except OSError as error:
        raise MachineTrouble(f"read the landed file: {error}") from error


def _control_contract(contract: Contract, sql: LandedSql | None, scratch: Path) -> None:
    if sql is None:
        return
    try:
        with reader(scratch, scratch, CONTROL_WITHIN_S, landing=contract.landing) as duck:
            one_row(duck, sql.control(duck, scratch).measure())
    except (TookTooLong, OSError, MemoryError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        trouble = f"it cannot read a good file of one record either: {_first_line(error)}"
        raise MachineTrouble(f"this machine cannot read the landed file: {trouble}") from error
    except (duckdb.Error, ValueError) as error:
        problem = Problem(contract.path, 0, f"DuckDB cannot read its landed columns: {error}")
        raise ContractError([problem]) from error


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
