"""What landed, read by DuckDB: the witness that is independent of the pipeline.

A bad file is a value, with the line of each fault, never an exception. Faults are looked for in this order, and a kind
only if the ones before it found none: bytes, header, shape of the records, cells.
"""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from acceptance.contract import Column, Contract
from acceptance.errors import ContractError, Problem, StepFailed
from acceptance.fingerprint import Fingerprint
from aws.landed_sql import LandedSql, cell_rule
from aws.landed_text import (
    KEPT_FAULTS,
    Faults,
    LandedFault,
    as_utf8,
    check_structure,
    cut,
    lines_of,
    read_header,
)

_MEMORY = "512MB"


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A landed file, and whether it can be read as the contract says.

    `rows` are the records after the header, as far as they can be told apart. `faults` are the first of `fault_count`;
    `cell_faults` counts, by column, the cells that cannot be read. `fingerprint` is None when there is any fault.
    """

    rows: int
    header: tuple[str, ...]
    size_bytes: int
    faults: tuple[LandedFault, ...] = ()
    fault_count: int = 0
    cell_faults: Mapping[str, int] = field(default_factory=dict)
    fingerprint: Fingerprint | None = None


def read_landed(path: Path, contract: Contract, spill_directory: Path) -> LandedFile:
    """Reads the whole file in bounded memory; what does not fit goes to `spill_directory`.

    Raises:
        ContractError: the contract names an encoding, a date format or a type that cannot be read.
        StepFailed: this machine could not read it (no room on the disk, for example).
    """
    landing, size_bytes, faults = contract.landing, path.stat().st_size, Faults()
    if size_bytes == 0:
        faults.add(1, "the file is empty (0 bytes)" + ("; not even the header is there" if landing.header else ""))
        return _faulty(0, (), size_bytes, faults)
    with tempfile.TemporaryDirectory(dir=spill_directory) as scratch:
        try:
            text = as_utf8(path, landing.encoding, Path(scratch) / "utf-8.csv", faults)
        except LookupError as error:
            raise _unusable(
                contract, f"the encoding {landing.encoding!r} is not known; write UTF-8, for example"
            ) from error
        header = read_header(text, landing) if landing.header else ()
        if landing.header:
            _check_header(header, contract.landed_columns, faults)
        if faults.count:
            rows = check_structure(text, landing, len(header), Faults())
            return _faulty(rows, header, size_bytes, faults)
        return _read_records(text, contract, header, size_bytes, Path(scratch))


def _check_header(header: Sequence[str], columns: Sequence[Column], faults: Faults) -> None:
    if not header:
        faults.add(1, "the first line is blank, where the header must be")
        return
    found = Counter(name.casefold() for name in header)
    expected = {column.landed.casefold(): column for column in columns}
    for name in dict.fromkeys(header):
        if name.casefold() not in expected:
            allowed = ", ".join(column.landed for column in columns)
            faults.add(1, f"the header has a column {cut(name)!r} that the contract has not; allowed are: {allowed}")
    for name, column in expected.items():
        if not found[name]:
            there = cut(", ".join(header))
            faults.add(1, f"the header lacks the column {column.landed!r}; it has: {there}", column.name)
        elif found[name] > 1:
            faults.add(1, f"the header has the column {column.landed!r} {found[name]} times", column.name)


def _read_records(
    text: Path, contract: Contract, header: tuple[str, ...], size_bytes: int, scratch: Path
) -> LandedFile:
    columns = contract.landed_columns
    sql = LandedSql(text, contract.landing, columns, _positions(columns, header))
    try:
        with closing(_duckdb(scratch)) as duck:
            _refuse_unusable(duck, sql, contract)
            try:
                rows, high, low, *unreadable = _answer(duck, sql.measure())
            except duckdb.InvalidInputException as error:
                return _misshapen(text, contract, header, size_bytes, str(error).splitlines()[0])
            again, with_a_cell_too_many = _answer(duck, sql.measure_again())
            # Of one column, a blank line is a record to one reader and none to the other.
            if with_a_cell_too_many or (again != rows and len(columns) > 1):
                return _misshapen(text, contract, header, size_bytes)
            counts = {column.name: count for column, count in zip(columns, unreadable, strict=True) if count}
            if counts:
                faults = _unreadable_cells(duck, sql, text, contract, counts)
                return LandedFile(rows, header, size_bytes, faults, sum(counts.values()), counts)
    except duckdb.Error as error:
        raise StepFailed(f"read the landed file with DuckDB: {error}") from error
    return LandedFile(rows, header, size_bytes, fingerprint=Fingerprint.of_sums(rows, high, low))


def _positions(columns: Sequence[Column], header: Sequence[str]) -> tuple[int, ...]:
    """Where each column is among the file's cells; without a header they are in the contract's order."""
    if not header:
        return tuple(range(len(columns)))
    where = {name.casefold(): position for position, name in enumerate(header)}
    return tuple(where[column.landed.casefold()] for column in columns)


def _refuse_unusable(duck: duckdb.DuckDBPyConnection, sql: LandedSql, contract: Contract) -> None:
    try:
        duck.execute(f"EXPLAIN {sql.measure()}")
    except (duckdb.Error, ValueError) as error:
        raise _unusable(contract, f"its landed columns cannot be read: {error}") from error


def _misshapen(
    text: Path, contract: Contract, header: tuple[str, ...], size_bytes: int, refused: str = ""
) -> LandedFile:
    columns, faults = contract.landed_columns, Faults()
    sensitive = any(column.sensitive for column in columns)
    rows = check_structure(text, contract.landing, len(columns), faults, show_cells=not sensitive)
    if not faults.count and not refused:
        raise StepFailed(
            f"two ways of reading the landed file find different records, {rows} in the end; please report it"
        )
    if not faults.count:
        faults.add(1, f"it cannot be read as CSV: {refused}")
    return _faulty(rows, header, size_bytes, faults)


def _unreadable_cells(
    duck: duckdb.DuckDBPyConnection, sql: LandedSql, text: Path, contract: Contract, counts: Mapping[str, int]
) -> tuple[LandedFault, ...]:
    """The first unreadable cells of every column that has any, by line."""
    columns = [column for column in contract.landed_columns if column.name in counts][:KEPT_FAULTS]
    names = {column.name for column in columns}
    found = _answer(duck, sql.first_unreadable(names, KEPT_FAULTS // len(columns)))
    numbers = {cell["n"] for cells in found for cell in cells}
    lines = lines_of(text, contract.landing, len(contract.landed_columns), numbers)
    faults = [
        LandedFault(lines[cell["n"]], column.name, _cannot_read(column, cell["text"]))
        for column, cells in zip(columns, found, strict=True)
        for cell in cells
    ]
    return tuple(sorted(faults, key=lambda fault: fault.line))


def _cannot_read(column: Column, text: str) -> str:
    shown = "the value (hidden)" if column.sensitive else repr(cut(text))
    return f"{shown} cannot be read as {column.type}: {cell_rule(column, '').expected} is allowed"


def _duckdb(scratch: Path) -> duckdb.DuckDBPyConnection:
    options: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _MEMORY,
        "temp_directory": str(scratch),
        "autoinstall_known_extensions": "false",  # never from the network
        "TimeZone": "UTC",
    }
    return duckdb.connect(config=options)


def _answer(duck: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = duck.execute(sql).fetchone()
    assert row is not None
    return tuple(row)


def _faulty(rows: int, header: tuple[str, ...], size_bytes: int, faults: Faults) -> LandedFile:
    return LandedFile(rows, header, size_bytes, tuple(faults.kept), faults.count)


def _unusable(contract: Contract, message: str) -> ContractError:
    return ContractError([Problem(contract.path, 0, message)])
