"""Read a landed file with DuckDB: evidence that is independent of the pipeline.

A bad file is a value with the line of each fault, never an exception. The reader looks for faults in bytes, header,
shape of the records and cells, in this order, and stops after the first kind that it finds.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from acceptance.contract.contract import Contract
from acceptance.contract.landing_format import FileFormat
from acceptance.counted import counted
from acceptance.errors import StepFailed
from acceptance.proof.fingerprint import Fingerprint
from acceptance.queries.difference_query import BucketRows
from acceptance.queries.unreadable_cells import remark
from acceptance.text_contrast import spelled
from landed.formats.avro.opening import open_avro
from landed.formats.csv import decode, open_csv, shown_header
from landed.formats.fixed_width import open_fixed_width
from landed.formats.json import open_json
from landed.formats.orc.opening import open_orc
from landed.formats.parquet import ParquetSql, open_parquet
from landed.formats.parquet_damage import damage
from landed.reading.blame import refuse_others_faults, words_for
from landed.reading.body import Body, body_of, data_taken_for, other_count
from landed.reading.bounds import scratch_folder
from landed.reading.duckdb_reader import one_row, read_within_s, reader
from landed.reading.faults import KEPT_FAULTS, Faults, LandedFault, Unreadable, shorten
from landed.reading.sql import LandedSql, Opened
from landed.reading.unpacking import refuse_other_format, unpack

_MOST_NAMES = 1000
OPENERS = {
    FileFormat.CSV: open_csv,
    FileFormat.JSON: open_json,
    FileFormat.PARQUET: open_parquet,
    FileFormat.FIXED_WIDTH: open_fixed_width,
    FileFormat.AVRO: open_avro,
    FileFormat.ORC: open_orc,
}


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
        MachineTrouble: this machine cannot read any file (no room on the disk, for example).
    """
    with scratch_folder(spill_directory) as scratch:
        reading = _Reading(path, contract, scratch, LandedFile(0, (), path.stat().st_size))
        try:
            with _reader(path, contract, scratch) as duck:
                return _read(duck, reading)
        except Exception as error:  # noqa: BLE001  # the bytes of a file can make a reader raise anything
            sql = reading.opened.sql
            refuse_others_faults(error, path, contract, sql, scratch)
            return reading.with_fault_of(error)


@dataclass(slots=True)
class _Reading:
    """The reading of one file, as far as it is."""

    path: Path
    contract: Contract
    scratch: Path
    file: LandedFile
    opened: Opened = field(default_factory=partial(Opened, None))
    faults: Faults = field(default_factory=Faults)

    def with_faults(self, rows: int | None) -> LandedFile:
        header, faults = _short(shown_header(self.opened.header, self.contract)), self.faults
        return replace(self.file, rows=rows or 0, header=header, faults=tuple(faults.kept), fault_count=faults.count)

    def with_fault_of(self, error: Exception) -> LandedFile:
        """Return the file with the fault that made a reader raise the error, and its place as far as anybody tells."""
        rows, sql = self.opened.rows, self.opened.sql
        if isinstance(error, Unreadable):
            self.faults.append(error.fault)
        elif self.file.cell_faults:  # they were counted, and not even their texts can be read
            for name, count in self.file.cell_faults.items():
                self.faults.add(1, f"{counted(count, 'cell')} cannot be read: {words_for(error)}", name)
        elif isinstance(sql, ParquetSql):
            self.faults.append(damage(sql, self.scratch, error))
        if not self.faults.count:
            self.faults.add(1, f"the file cannot be read: {words_for(error)}")
        return self.with_faults(rows)


def _read(duck: duckdb.DuckDBPyConnection, reading: _Reading) -> LandedFile:
    body = _body(reading.path, reading.contract, reading.scratch, reading.faults)
    reading.opened = opened = _open(duck, body, reading.contract, reading.scratch, reading.faults)
    if reading.faults.count or opened.sql is None:
        return reading.with_faults(opened.rows)
    reading.opened, measured = measure(duck, opened)
    opened = reading.opened
    if opened.sql is None:
        return reading.with_faults(opened.rows)
    rows, high, low, *unreadable = measured
    if body is not None and body.edges:
        _refuse_edges(duck, body, rows, reading)
        if reading.faults.count:
            return reading.with_faults(rows)
    file = replace(reading.file, rows=rows, header=opened.header)
    columns = reading.contract.landed_columns
    counts = {column.name: count for column, count in zip(columns, unreadable, strict=True) if count}
    if counts:
        reading.file = replace(file, cell_faults=counts)
        cells = _unreadable_cells(duck, opened, reading.contract, counts, reading.faults.lines_before)
        return replace(file, faults=cells, fault_count=sum(counts.values()), cell_faults=counts)
    return replace(file, fingerprint=Fingerprint.of_sums(rows, high, low))


def measure(duck: duckdb.DuckDBPyConnection, opened: Opened) -> tuple[Opened, tuple[Any, ...]]:
    """Return the answer of the measuring query, and the file; exactly opened, if DuckDB does not find its rows else."""
    while opened.sql is not None:
        try:
            measured = one_row(duck, opened.sql.measure())
            if opened.exact is None or measured[0] == opened.rows:
                return opened, measured
        except (duckdb.InvalidInputException, duckdb.OutOfMemoryException):
            if opened.exact is None:
                raise
        opened = opened.exact()
    return opened, ()


def _short(header: Sequence[str]) -> tuple[str, ...]:
    """Shorten an unknown header for the evidence: it may hold anything."""
    return tuple(shorten(name) for name in header[:_MOST_NAMES])


def bucket_sums(path: Path, contract: Contract, spill_directory: Path, buckets: int) -> dict[int, int]:
    """Return, by bucket, the sum of the high halves of the rows. The file has no faults."""
    with _opened(path, contract, spill_directory) as (duck, sql):
        return {bucket: int(total) for bucket, total in duck.execute(sql.bucket_sums(buckets)).fetchall()}


def rows_of_buckets(
    path: Path, contract: Contract, spill_directory: Path, buckets: int, wanted: Collection[int]
) -> BucketRows:
    """Return the rows in the wanted buckets, as canonical texts, and how often the file holds each. It has no faults.

    If there are more than `ROWS_AT_MOST`, return the first ones in the order of `row_order`, and one more.
    """
    if not wanted:
        return {}
    with _opened(path, contract, spill_directory) as (duck, sql):
        rows = duck.execute(sql.texts(buckets, wanted)).fetchall()
        return {(bucket, tuple(texts)): times for bucket, *texts, times in rows}


@contextmanager
def _opened(
    path: Path, contract: Contract, spill_directory: Path
) -> Iterator[tuple[duckdb.DuckDBPyConnection, LandedSql]]:
    """Open a file that was read before, without faults. Raise StepFailed if it cannot be read again."""
    try:
        with scratch_folder(spill_directory) as scratch, _reader(path, contract, scratch) as duck:
            sql = _open(duck, _body(path, contract, scratch, Faults()), contract, scratch, Faults()).sql
            assert sql is not None
            yield duck, sql
    except (duckdb.Error, Unreadable) as error:
        raise StepFailed(f"read the landed file again: {words_for(error)}") from error


def _reader(path: Path, contract: Contract, scratch: Path) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    return reader(path, scratch, read_within_s(path.stat().st_size), landing=contract.landing)


def _body(path: Path, contract: Contract, scratch: Path, faults: Faults) -> Body | None:
    """Return the data of the file, unpacked; of a text file, as UTF-8. Return None if a fault keeps it from being read.

    Raises:
        ContractError: Python does not know the encoding.
    """
    landing = contract.landing
    if path.stat().st_size == 0:
        header = "; it lacks even the header" if landing.header and landing.format.is_delimited else ""
        faults.add(1, "the file is empty (0 bytes)" + header)
        return None
    plain = unpack(path, landing.compression, scratch / "plain", faults)
    if not faults.count:
        refuse_other_format(plain, landing.format, landing.compression, faults)
    if faults.count or not landing.format.is_text:
        return None if faults.count else Body(plain)
    text = decode(plain, contract, scratch, faults)
    if faults.count:
        return Body(text)
    body = body_of(text, contract, scratch / "body", faults)
    return None if faults.count else body


def _open(
    duck: duckdb.DuckDBPyConnection, body: Body | None, contract: Contract, scratch: Path, faults: Faults
) -> Opened:
    if body is None:
        return Opened(None)
    faults.lines_before = body.lines_before
    return OPENERS[contract.landing.format](duck, body.path, contract, scratch, faults)


def _refuse_edges(duck: duckdb.DuckDBPyConnection, body: Body, rows: int, reading: _Reading) -> None:
    """Add a fault for each header or trailer record that can be read as data, and for a count of other rows."""
    faults = Faults()
    for number, edge in enumerate(body.edges):
        if not edge.begins:
            folder = reading.scratch / f"edge-{number}"
            folder.mkdir()
            alone = body.with_only(edge, folder / "record", reading.contract.landing)
            if _is_read(duck, alone, reading.contract, folder):
                faults.add(edge.line, data_taken_for(edge))
    if body.declared not in (None, rows):
        faults.add(body.trailer_line, other_count(body.declared, rows))
    if faults.count:
        reading.faults = faults


def _is_read(duck: duckdb.DuckDBPyConnection, body: Body, contract: Contract, scratch: Path) -> bool:
    """Return True if the data has no fault."""
    faults = Faults()
    try:
        opened = _open(duck, body, contract, scratch, faults)
        if faults.count or opened.sql is None:
            return False
        opened, measured = measure(duck, opened)
    except (duckdb.InvalidInputException, Unreadable):
        return False
    return not faults.count and measured[:1] == (1,) and not any(measured[3:])


def _unreadable_cells(
    duck: duckdb.DuckDBPyConnection, opened: Opened, contract: Contract, counts: Mapping[str, int], lines_before: int
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
            # A cell that does not fit its column may be one of a column beside it.
            value = "the value (hidden)" if contract.classified else spelled(str(cell["text"]))
            looks_like = remark(column, str(cell["text"]), contract.landing)
            message = f"{value} is not {column.type}; allowed: {expected}{looks_like}"
            faults.append(LandedFault(lines_before + lines[cell["n"]], column.name, message))
    return tuple(sorted(faults, key=lambda fault: fault.line))
