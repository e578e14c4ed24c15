"""What landed, read by DuckDB: the witness that is independent of the pipeline.

A bad file is a value, with the line of each fault, never an exception. Faults are looked for in this order, and a kind
only if the ones before it found none: bytes, header, shape of the records, cells.
"""

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from acceptance.contract import Contract
from acceptance.differences import Texts
from acceptance.errors import ContractError, Problem, StepFailed
from acceptance.fingerprint import Fingerprint
from aws.landed_csv import misshapen, open_csv
from aws.landed_faults import KEPT_FAULTS, Faults, LandedFault, cut
from aws.landed_json import open_json
from aws.landed_parquet import open_parquet
from aws.landed_sql import CsvSql, Opened
from aws.landed_unpacked import unpacked

_MEMORY = "512MB"
_OPENERS = {"csv": open_csv, "json": open_json, "parquet": open_parquet}


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
            return LandedFile(opened.rows, opened.header, size_bytes, tuple(faults.kept), faults.count)
        try:
            rows, high, low, *unreadable = _answer(duck, opened.sql.measure())
        except (duckdb.Error, ValueError) as error:
            _refuse_unusable(duck, opened, contract)
            if not isinstance(error, duckdb.InvalidInputException):
                raise
            rows = misshapen(opened, contract, faults, str(error).splitlines()[0])
            return LandedFile(rows, opened.header, size_bytes, tuple(faults.kept), faults.count)
        if isinstance(opened.sql, CsvSql):
            again, with_a_cell_too_many = _answer(duck, opened.sql.again())
            # Of one column, a blank line is a record to one reader and none to the other.
            if with_a_cell_too_many or (again != rows and opened.sql.width > 1):
                rows = misshapen(opened, contract, faults)
                return LandedFile(rows, opened.header, size_bytes, tuple(faults.kept), faults.count)
        columns = contract.landed_columns
        counts = {column.name: count for column, count in zip(columns, unreadable, strict=True) if count}
        if counts:
            cells = _unreadable_cells(duck, opened, contract, counts)
            return LandedFile(rows, opened.header, size_bytes, cells, sum(counts.values()), counts)
    return LandedFile(rows, opened.header, size_bytes, fingerprint=Fingerprint.of_sums(rows, high, low))


def bucket_sums(path: Path, contract: Contract, spill_directory: Path, buckets: int) -> dict[int, int]:
    """By bucket, the sum of the high halves of the rows of a file that was read without faults."""
    with _opened(path, contract, spill_directory, Faults()) as (duck, opened):
        assert opened.sql is not None
        return {bucket: int(total) for bucket, total in duck.execute(opened.sql.bucket_sums(buckets)).fetchall()}


def rows_of_buckets(
    path: Path, contract: Contract, spill_directory: Path, buckets: int, wanted: Collection[int]
) -> list[Texts]:
    """The rows of a file that was read without faults that are in the wanted buckets, as canonical texts."""
    if not wanted:
        return []
    with _opened(path, contract, spill_directory, Faults()) as (duck, opened):
        assert opened.sql is not None
        return duck.execute(opened.sql.texts(buckets, wanted)).fetchall()


@contextmanager
def _opened(
    path: Path, contract: Contract, spill_directory: Path, faults: Faults
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Opened]]:
    try:
        with (
            tempfile.TemporaryDirectory(dir=spill_directory) as scratch,
            closing(_duckdb(Path(scratch))) as duck,
        ):
            yield duck, _open(duck, path, contract, Path(scratch), faults)
    except duckdb.Error as error:
        raise StepFailed(f"read the landed file with DuckDB: {error}") from error


def _open(duck: duckdb.DuckDBPyConnection, path: Path, contract: Contract, scratch: Path, faults: Faults) -> Opened:
    landing = contract.landing
    if path.stat().st_size == 0:
        header = "; not even the header is there" if landing.header and landing.format == "csv" else ""
        faults.add(1, "the file is empty (0 bytes)" + header)
        return Opened(None)
    plain = unpacked(path, landing.compression, scratch / "plain", faults)
    return Opened(None) if faults.count else _OPENERS[landing.format](duck, plain, contract, scratch, faults)


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


def _duckdb(scratch: Path) -> duckdb.DuckDBPyConnection:
    options: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _MEMORY,
        "temp_directory": str(scratch),
        "autoinstall_known_extensions": "false",  # never from the network
        "TimeZone": "UTC",
        # By a column's least and greatest value in Parquet, which do not count NaN, isnan() would become false.
        "disabled_optimizers": "statistics_propagation",
        "integer_division": "true",  # in what is computed: 7 / 2 is 3, as in Athena
    }
    return duckdb.connect(config=options)


def _answer(duck: duckdb.DuckDBPyConnection, sql: str) -> Sequence[Any]:
    row = duck.execute(sql).fetchone()
    assert row is not None
    return tuple(row)
