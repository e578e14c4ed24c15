"""Open a landed CSV file: check its encoding and header before its records and cells."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import duckdb

from acceptance.contract.contract import Contract
from acceptance.errors import ContractError, Problem
from landed.formats.csv_records import (
    check_structure,
    checked_records,
    first_holds_line_end,
    lines_of,
    read_header,
    write_records,
)
from landed.reading.encoding import as_utf8
from landed.reading.faults import Faults, shorten
from landed.reading.sql import CsvSql, Opened

_LINE = re.compile(r"CSV Error on Line: (\d+)")


def open_csv(duck: duckdb.DuckDBPyConnection, path: Path, contract: Contract, scratch: Path, faults: Faults) -> Opened:
    """Open the file. Raise ContractError if Python does not know the encoding."""
    landing = contract.landing
    text = decode(path, contract, scratch, faults)
    before = faults.count
    header = read_header(text, landing, faults) if landing.header else ()
    if landing.trim:
        header = _trimmed(header, contract)
    if landing.header and faults.count == before:
        check_header(header, contract, faults)
    if faults.count:
        return Opened(None, header, check_structure(text, landing, len(header), Faults()))
    width = len(header) or len(contract.landed_columns)
    sql = CsvSql(text, contract, landing, _positions(contract, header), width)
    opened = Opened(sql, header, text=text, lines_of=partial(lines_of, text, landing, width))
    return _rewritten(opened, sql, scratch / "rewritten", faults) if first_holds_line_end(text, landing) else opened


def _rewritten(opened: Opened, sql: CsvSql, copy: Path, faults: Faults) -> Opened:
    """Write the records, as Python's reader separates them, to a file whose line ends DuckDB cannot mistake."""
    records = checked_records(sql.path, sql.landing, sql.width, faults, show_cells=not _is_sensitive(sql.contract))
    rows = write_records(copy, records, faults)
    if faults.count:
        return Opened(None, opened.header, rows)
    landing = replace(sql.landing, header=False, delimiter=",", quote='"')
    sql = replace(sql, path=copy, landing=landing, written=True)
    return replace(opened, sql=sql, rows=rows, text=copy)


def decode(path: Path, contract: Contract, scratch: Path, faults: Faults) -> Path:
    encoding = contract.landing.encoding
    try:
        return as_utf8(path, encoding, scratch / "utf-8", faults)
    except LookupError as error:
        problem = Problem(contract.path, 0, f"Python does not know the encoding {encoding!r}; write UTF-8, for example")
        raise ContractError([problem]) from error


def _trimmed(header: Sequence[str], contract: Contract) -> tuple[str, ...]:
    """Trim the names, except those that the contract has exactly as the file writes them."""
    known = {column.landed.casefold() for column in contract.landed_columns}
    known.update(name.casefold() for name in contract.landing.ignored)
    return tuple(name if name.casefold() in known else name.strip(" \t") for name in header)


def check_header(header: Sequence[str], contract: Contract, faults: Faults) -> None:
    if not header:
        faults.add(1, "the first line is blank; it must be the header")
        return
    columns = contract.landed_columns
    counts = Counter(name.casefold() for name in header)
    expected = {column.landed.casefold(): column for column in columns}
    ignored = {name.casefold() for name in contract.landing.ignored}
    names = shown_header(header, contract)
    there = shorten(", ".join(names))
    for name, shown in dict(zip(header, names, strict=True)).items():
        if name.casefold() not in expected and name.casefold() not in ignored:
            allowed = ", ".join(column.landed for column in columns)
            faults.add(1, f"the header has a column {shorten(shown)!r} that the contract lacks; allowed: {allowed}")
    for name, column in expected.items():
        if not counts[name]:
            faults.add(1, f"the header lacks the column {column.landed!r}; it has: {there}", column.name)
        elif counts[name] > 1:
            faults.add(1, f"the header has the column {column.landed!r} {counts[name]} times", column.name)


def shown_header(header: Sequence[str], contract: Contract) -> tuple[str, ...]:
    """Return the names that may be shown. In a file without a header they are cells, which may be classified."""
    if not contract.classified:
        return tuple(header)
    known = {
        *(column.landed.casefold() for column in contract.landed_columns),
        *map(str.casefold, contract.landing.ignored),
    }
    return tuple(
        name if name.casefold() in known else f"(name {place}, hidden)" for place, name in enumerate(header, 1)
    )


def add_structure_faults(opened: Opened, sql: CsvSql, faults: Faults, refused: str = "") -> int:
    """Add the faults of records that DuckDB refused or that its two readers see differently; count the records.

    If Python's reader finds no fault, nobody knows which records the file means: `refused` says what DuckDB says, on
    the line that it names.
    """
    show_cells = not _is_sensitive(sql.contract)
    rows = check_structure(opened.text or sql.path, sql.landing, sql.width, faults, show_cells=show_cells)
    if faults.count:
        return rows
    line = _LINE.search(refused)
    faults.add(
        int(line[1]) if line else 1,
        f"readers of CSV disagree about the records: Python finds {rows}, and DuckDB "
        f"{'refuses the file' if refused else 'others'}; quote every cell, and end every line alike",
    )
    return rows


def _is_sensitive(contract: Contract) -> bool:
    return any(column.sensitive for column in contract.landed_columns)


def _positions(contract: Contract, header: Sequence[str]) -> tuple[int, ...]:
    """Return each column's position among the file's cells: without a header, the contract's order."""
    columns = contract.landed_columns
    if not header:
        return tuple(range(len(columns)))
    where = {name.casefold(): position for position, name in enumerate(header)}
    return tuple(where[column.landed.casefold()] for column in columns)
