"""What landed, read by DuckDB: the witness that is independent of the pipeline.

A bad file is a value, with the line of each fault, never an exception. Faults are looked for in this order, and a kind
only if the ones before it found none: bytes, header, shape of the records, cells.
"""

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from acceptance.contract.contract import Contract
from acceptance.contract.landing_format import FileFormat
from acceptance.errors import ContractError, Problem, StepFailed
from acceptance.proof.fingerprint import Fingerprint
from acceptance.queries.difference_query import Placed
from landed.formats.csv import misshapen, open_csv
from landed.formats.csv_records import check_structure
from landed.formats.json import open_json
from landed.formats.parquet import open_parquet
from landed.reading.duckdb_reader import read_within_s, reader
from landed.reading.faults import KEPT_FAULTS, Faults, LandedFault, cut
from landed.reading.gunzip import unpacked
from landed.reading.sql import CsvSql, Opened

_MOST_NAMES = 1000
_MOST_SAID = 500
OPENERS = {FileFormat.CSV: open_csv, FileFormat.JSON: open_json, FileFormat.PARQUET: open_parquet}


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
    size_bytes, faults = path.stat().st_size, Faults()
    with _opened(path, contract, spill_directory, faults) as (duck, opened):
        if faults.count or opened.sql is None:
            return LandedFile(opened.rows or 0, _short(opened.header), size_bytes, tuple(faults.kept), faults.count)
        try:
            rows, high, low, *unreadable = _answer(duck, opened.sql.measure())
        except (duckdb.Error, ValueError) as error:
            _refuse_unusable(duck, opened, contract)
            if isinstance(error, duckdb.OutOfMemoryException):
                rows = _too_wide(opened, faults)
                if faults.count:
                    return LandedFile(rows, _short(opened.header), size_bytes, tuple(faults.kept), faults.count)
            if not isinstance(error, duckdb.InvalidInputException):
                raise
            rows = misshapen(opened, contract, faults, str(error).splitlines()[0])
            return LandedFile(rows, opened.header, size_bytes, tuple(faults.kept), faults.count)
        if isinstance(opened.sql, CsvSql) and not _confirmed(duck, opened.sql, opened.rows, rows):
            rows = misshapen(opened, contract, faults)
            return LandedFile(rows, opened.header, size_bytes, tuple(faults.kept), faults.count)
        columns = contract.landed_columns
        counts = {column.name: count for column, count in zip(columns, unreadable, strict=True) if count}
        if counts:
            cells = _unreadable_cells(duck, opened, contract, counts)
            return LandedFile(rows, opened.header, size_bytes, cells, sum(counts.values()), counts)
    return LandedFile(rows, opened.header, size_bytes, fingerprint=Fingerprint.of_sums(rows, high, low))


def _confirmed(duck: duckdb.DuckDBPyConnection, sql: CsvSql, counted: int | None, rows: int) -> bool:
    """Whether the records are those of DuckDB's one-threaded reader too, and as many as Python counted, if it did."""
    try:
        again, with_a_cell_too_many = _answer(duck, sql.again())
    except (duckdb.InvalidInputException, duckdb.OutOfMemoryException):  # only this way of reading finds it
        return False
    # Of one column, a blank line is a record to one reader and none to the other.
    return not with_a_cell_too_many and (again == rows or sql.width == 1) and counted in (None, rows)


def _too_wide(opened: Opened, faults: Faults) -> int:
    """Adds what makes the records of a CSV too much for the memory that there is, if they are not as they should be."""
    if opened.text is None or not isinstance(opened.sql, CsvSql):
        return 0
    return check_structure(opened.text, opened.sql.landing, opened.sql.width, faults)


def _short(header: Sequence[str]) -> tuple[str, ...]:
    """Of a header that the contract does not know: it may be anything, and the evidence shows it."""
    return tuple(cut(name) for name in header[:_MOST_NAMES])


def bucket_sums(path: Path, contract: Contract, spill_directory: Path, buckets: int) -> dict[int, int]:
    """By bucket, the sum of the high halves of the rows of a file that was read without faults."""
    with _opened(path, contract, spill_directory, Faults()) as (duck, opened):
        assert opened.sql is not None
        return {bucket: int(total) for bucket, total in duck.execute(opened.sql.bucket_sums(buckets)).fetchall()}


def rows_of_buckets(
    path: Path, contract: Contract, spill_directory: Path, buckets: int, wanted: Collection[int]
) -> list[Placed]:
    """The rows in the wanted buckets of a file that was read without faults, as canonical texts, with their buckets.

    Of more than `ROWS_AT_MOST` these are the first in the order of `place`, and one more.
    """
    if not wanted:
        return []
    with _opened(path, contract, spill_directory, Faults()) as (duck, opened):
        assert opened.sql is not None
        found = duck.execute(opened.sql.texts(buckets, wanted)).fetchall()
        return [(bucket, tuple(texts)) for bucket, *texts in found]


@contextmanager
def _opened(
    path: Path, contract: Contract, spill_directory: Path, faults: Faults
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Opened]]:
    within_s = read_within_s(path.stat().st_size)
    try:
        with (
            tempfile.TemporaryDirectory(dir=spill_directory) as scratch,
            reader(path, Path(scratch), within_s) as duck,
        ):
            yield duck, _open(duck, path, contract, Path(scratch), faults)
    except duckdb.Error as error:
        raise StepFailed(f"read the landed file with DuckDB: {_said(error, contract)}") from None
    except (OSError, MemoryError) as error:
        raise StepFailed(f"read the landed file: {error or type(error).__name__}") from error


def _said(error: duckdb.Error, contract: Contract) -> str:
    """DuckDB quotes the value that it could not convert."""
    if any(column.sensitive for column in contract.landed_columns) and not isinstance(error, _OF_THE_MACHINE):
        return f"{type(error).__name__} (its text is hidden: it may quote a cell, and not all columns are public)"
    return str(error).splitlines()[0][:_MOST_SAID]  # the lines behind quote the record


_OF_THE_MACHINE = (duckdb.OutOfMemoryException, duckdb.IOException)


def _open(duck: duckdb.DuckDBPyConnection, path: Path, contract: Contract, scratch: Path, faults: Faults) -> Opened:
    landing = contract.landing
    if path.stat().st_size == 0:
        header = "; not even the header is there" if landing.header and landing.format.is_delimited else ""
        faults.add(1, "the file is empty (0 bytes)" + header)
        return Opened(None)
    plain = unpacked(path, landing.compression, scratch / "plain", faults)
    return Opened(None) if faults.count else OPENERS[landing.format](duck, plain, contract, scratch, faults)


def _refuse_unusable(duck: duckdb.DuckDBPyConnection, opened: Opened, contract: Contract) -> None:
    """Raises ContractError if no file at all could be read so."""
    assert opened.sql is not None
    try:
        duck.execute(f"EXPLAIN {opened.sql.measure()}")
    except (duckdb.Error, ValueError) as error:
        problem = Problem(contract.path, 0, f"its landed columns cannot be read: {error}")
        raise ContractError([problem]) from error


def _unreadable_cells(
    duck: duckdb.DuckDBPyConnection, opened: Opened, contract: Contract, counts: Mapping[str, int]
) -> tuple[LandedFault, ...]:
    """The first unreadable cells of every column that has any, by line."""
    assert opened.sql is not None
    rules = dict(zip(contract.landed_columns, opened.sql.cells, strict=True))
    columns = [column for column in rules if column.name in counts][:KEPT_FAULTS]
    found = _answer(duck, opened.sql.first_unreadable({column.name for column in columns}, KEPT_FAULTS // len(columns)))
    lines = opened.lines_of({cell["n"] for cells in found for cell in cells})
    faults = []
    for column, cells in zip(columns, found, strict=True):
        expected = opened.sql.rule(column, rules[column]).expected
        for cell in cells:
            shown = "the value (hidden)" if column.sensitive else repr(cut(str(cell["text"])))
            message = f"{shown} cannot be read as {column.type}: {expected} is allowed"
            faults.append(LandedFault(lines[cell["n"]], column.name, message))
    return tuple(sorted(faults, key=lambda fault: fault.line))


def _answer(duck: duckdb.DuckDBPyConnection, sql: str) -> Sequence[Any]:
    row = duck.execute(sql).fetchone()
    assert row is not None
    return tuple(row)
