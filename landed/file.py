"""Read a landed file with DuckDB: evidence that is independent of the pipeline.

A bad file is a value with the line of each fault, never an exception. The reader looks for faults in bytes, header,
shape of the records and cells, in this order, and stops after the first kind that it finds.
"""

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from acceptance.contract.contract import Contract
from acceptance.contract.landing_format import FileFormat
from acceptance.errors import ContractError, Problem, StepFailed
from acceptance.proof.fingerprint import Fingerprint
from acceptance.queries.difference_query import BucketRow
from landed.formats.csv import add_structure_faults, open_csv
from landed.formats.csv_records import check_structure
from landed.formats.json import open_json
from landed.formats.parquet import open_parquet
from landed.reading.bounds import unpack
from landed.reading.duckdb_reader import one_row, read_within_s, reader
from landed.reading.faults import KEPT_FAULTS, Faults, LandedFault, shorten
from landed.reading.sql import CsvSql, Opened

_MOST_NAMES = 1000
_MOST_MESSAGE = 500
OPENERS = {FileFormat.CSV: open_csv, FileFormat.JSON: open_json, FileFormat.PARQUET: open_parquet}


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A landed file, and its faults under the contract's rules of reading.

    `rows` counts the records after the header, as far as the reader can separate them. `faults` are the first of
    `fault_count`; `cell_faults` counts unreadable cells by column. `fingerprint` is None if there is any fault.
    """

    rows: int
    header: tuple[str, ...]
    size_bytes: int
    faults: tuple[LandedFault, ...] = ()
    fault_count: int = 0
    cell_faults: Mapping[str, int] = field(default_factory=dict)
    fingerprint: Fingerprint | None = None


def read_landed(path: Path, contract: Contract, spill_directory: Path) -> LandedFile:
    """Read the whole file in bounded memory; DuckDB spills to `spill_directory`.

    Raises:
        ContractError: the contract names an encoding, a date format or a type that DuckDB or Python cannot read.
        StepFailed: this machine could not read the file (no room on the disk, for example).
    """
    size_bytes, faults = path.stat().st_size, Faults()
    with _opened(path, contract, spill_directory, faults) as (duck, opened):
        if faults.count or opened.sql is None:
            return LandedFile(opened.rows or 0, _short(opened.header), size_bytes, tuple(faults.kept), faults.count)
        try:
            rows, high, low, *unreadable = one_row(duck, opened.sql.measure())
        except (duckdb.Error, ValueError) as error:
            _refuse_unusable(duck, opened, contract)
            if isinstance(error, duckdb.OutOfMemoryException):
                rows = _too_wide(opened, faults)
                if faults.count:
                    return LandedFile(rows, _short(opened.header), size_bytes, tuple(faults.kept), faults.count)
            if not isinstance(error, duckdb.InvalidInputException):
                raise
            rows = add_structure_faults(opened, contract, faults, str(error).splitlines()[0])
            return LandedFile(rows, opened.header, size_bytes, tuple(faults.kept), faults.count)
        if isinstance(opened.sql, CsvSql) and not _confirmed(duck, opened.sql, opened.rows, rows):
            rows = add_structure_faults(opened, contract, faults)
            return LandedFile(rows, opened.header, size_bytes, tuple(faults.kept), faults.count)
        columns = contract.landed_columns
        counts = {column.name: count for column, count in zip(columns, unreadable, strict=True) if count}
        if counts:
            cells = _unreadable_cells(duck, opened, contract, counts)
            return LandedFile(rows, opened.header, size_bytes, cells, sum(counts.values()), counts)
    return LandedFile(rows, opened.header, size_bytes, fingerprint=Fingerprint.of_sums(rows, high, low))


def _confirmed(duck: duckdb.DuckDBPyConnection, sql: CsvSql, counted: int | None, rows: int) -> bool:
    """Return True if DuckDB's one-threaded reader finds the same records, and as many as Python, if Python counted."""
    try:
        again, with_a_cell_too_many = one_row(duck, sql.again())
    except (duckdb.InvalidInputException, duckdb.OutOfMemoryException):  # only the one-threaded reader notices
        return False
    # In a file of one column, a blank line is a record to only one of the two readers.
    return not with_a_cell_too_many and (again == rows or sql.width == 1) and counted in (None, rows)


def _too_wide(opened: Opened, faults: Faults) -> int:
    """Add the structural faults of a CSV that made DuckDB run out of memory, if there are any; count its records."""
    if opened.text is None or not isinstance(opened.sql, CsvSql):
        return 0
    return check_structure(opened.text, opened.sql.landing, opened.sql.width, faults)


def _short(header: Sequence[str]) -> tuple[str, ...]:
    """Shorten an unknown header for the evidence: it may hold anything."""
    return tuple(shorten(name) for name in header[:_MOST_NAMES])


def bucket_sums(path: Path, contract: Contract, spill_directory: Path, buckets: int) -> dict[int, int]:
    """Return, by bucket, the sum of the high halves of the rows. The file has no faults."""
    with _opened(path, contract, spill_directory, Faults()) as (duck, opened):
        assert opened.sql is not None
        return {bucket: int(total) for bucket, total in duck.execute(opened.sql.bucket_sums(buckets)).fetchall()}


def rows_of_buckets(
    path: Path, contract: Contract, spill_directory: Path, buckets: int, wanted: Collection[int]
) -> list[BucketRow]:
    """Return the rows in the wanted buckets, each with its bucket, as canonical texts. The file has no faults.

    If there are more than `ROWS_AT_MOST`, return the first ones in the order of `place`, and one more.
    """
    if not wanted:
        return []
    with _opened(path, contract, spill_directory, Faults()) as (duck, opened):
        assert opened.sql is not None
        rows = duck.execute(opened.sql.texts(buckets, wanted)).fetchall()
        return [(bucket, tuple(texts)) for bucket, *texts in rows]


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
        raise StepFailed(f"read the landed file with DuckDB: {_message(error, contract)}") from None
    except (OSError, MemoryError) as error:
        raise StepFailed(f"read the landed file: {error or type(error).__name__}") from error


def _message(error: duckdb.Error, contract: Contract) -> str:
    """Return DuckDB's message unless it may quote a cell of a sensitive column."""
    if any(column.sensitive for column in contract.landed_columns) and not isinstance(error, _MACHINE_ERRORS):
        return f"{type(error).__name__} (Aceite hides its text, which may quote a cell of a column that is not public)"
    return str(error).splitlines()[0][:_MOST_MESSAGE]  # the next lines quote the record


_MACHINE_ERRORS = (duckdb.OutOfMemoryException, duckdb.IOException)


def _open(duck: duckdb.DuckDBPyConnection, path: Path, contract: Contract, scratch: Path, faults: Faults) -> Opened:
    landing = contract.landing
    if path.stat().st_size == 0:
        header = "; it lacks even the header" if landing.header and landing.format.is_delimited else ""
        faults.add(1, "the file is empty (0 bytes)" + header)
        return Opened(None)
    plain = unpack(path, landing.compression, scratch / "plain", faults)
    return Opened(None) if faults.count else OPENERS[landing.format](duck, plain, contract, scratch, faults)


def _refuse_unusable(duck: duckdb.DuckDBPyConnection, opened: Opened, contract: Contract) -> None:
    """Raise ContractError if DuckDB refuses the query whatever the file holds."""
    assert opened.sql is not None
    try:
        duck.execute(f"EXPLAIN {opened.sql.measure()}")
    except (duckdb.Error, ValueError) as error:
        problem = Problem(contract.path, 0, f"DuckDB cannot read its landed columns: {error}")
        raise ContractError([problem]) from error


def _unreadable_cells(
    duck: duckdb.DuckDBPyConnection, opened: Opened, contract: Contract, counts: Mapping[str, int]
) -> tuple[LandedFault, ...]:
    """Return the first unreadable cells of every column that has any, ordered by line."""
    assert opened.sql is not None
    rules = dict(zip(contract.landed_columns, opened.sql.cells, strict=True))
    columns = [column for column in rules if column.name in counts][:KEPT_FAULTS]
    firsts = one_row(
        duck, opened.sql.first_unreadable({column.name for column in columns}, KEPT_FAULTS // len(columns))
    )
    lines = opened.lines_of({cell["n"] for cells in firsts for cell in cells})
    faults = []
    for column, cells in zip(columns, firsts, strict=True):
        expected = opened.sql.rule(column, rules[column]).expected
        for cell in cells:
            value = "the value (hidden)" if column.sensitive else repr(shorten(str(cell["text"])))
            message = f"{value} is not {column.type}; allowed: {expected}"
            faults.append(LandedFault(lines[cell["n"]], column.name, message))
    return tuple(sorted(faults, key=lambda fault: fault.line))
