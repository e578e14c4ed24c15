"""Open a landed file of fixed width: each line is a record, whose cells stand at the positions that the contract says.

Python cuts the records, in characters; DuckDB reads the cells, which Python writes to a file. Blanks pad a cell: behind
a text, on both sides of any other value.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

from acceptance.contract.contract import Column, Contract
from landed.reading.cells import MAX_RECORD_BYTES
from landed.reading.faults import Faults, Unreadable, shorten
from landed.reading.rewritten import RewrittenSql, write_records
from landed.reading.sql import Opened

_PADDING = " "  # and nothing else: a no-break space is a character of the cell


def open_fixed_width(
    duck: duckdb.DuckDBPyConnection, text: Path, contract: Contract, scratch: Path, faults: Faults
) -> Opened:
    """Open a file of UTF-8."""
    columns = contract.landed_columns
    header = tuple(column.landed for column in columns)
    written = write_records(scratch / "written.json", _records(text, contract, faults), faults)
    sql = RewrittenSql(text, contract, contract.landing, tuple(range(len(columns))), written)
    return Opened(None if faults.count else sql, header, written.rows)


def _records(text: Path, contract: Contract, faults: Faults) -> Iterator[list[str]]:
    """Yield the cells of each line. A line of another length than the record's is a fault."""
    cuts = [_cut(column) for column in contract.landed_columns]
    length = contract.record_length
    show = not any(column.sensitive for column in contract.landed_columns)
    for number, record in _lines(text):
        if len(record) != length:
            faults.add(number, _other_length(record, contract, show=show))
        yield [cut(record) for cut in cuts]


def _cut(column: Column) -> Callable[[str], str]:
    """Return the function that takes the column's cell out of a record, without what pads it."""
    first, last = column.positions or (1, 0)
    if column.kind.is_text:
        return lambda record: record[first - 1 : last].rstrip(_PADDING)
    return lambda record: record[first - 1 : last].strip(_PADDING)


def _other_length(record: str, contract: Contract, *, show: bool) -> str:
    length, encoding = contract.record_length, contract.landing.encoding
    said = f"{len(record):,} characters found, {length:,} expected"
    if len(record) > length and len(record) % length == 0:
        said += f"; these may be {len(record) // length:,} records without line ends: end each one with a line end"
    elif len(record.encode(encoding, "replace")) == length:
        said += f"; so many are its bytes in {encoding}, and the contract's positions count characters"
    return f"{said}: {shorten(record)}" if show and record else said


def _lines(text: Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line, without its end. Raise Unreadable for one that is too long for any record."""
    with text.open(encoding="utf-8-sig", newline="") as file:
        number = 0
        while line := file.readline(MAX_RECORD_BYTES):
            number += 1
            record = line.rstrip("\r\n")
            if len(record) == MAX_RECORD_BYTES:
                raise Unreadable(
                    f"the line is longer than {MAX_RECORD_BYTES:,} characters; end each record with a line end", number
                )
            yield number, record
