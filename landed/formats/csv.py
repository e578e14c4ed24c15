"""A landed CSV file: its encoding, header and shape are looked at before its cells."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import duckdb

from acceptance.contract.contract import Contract
from acceptance.errors import ContractError, Problem, StepFailed
from landed.formats.csv_records import (
    check_structure,
    checked_records,
    first_holds_line_end,
    lines_of,
    read_header,
    write_records,
)
from landed.reading.encoding import as_utf8
from landed.reading.faults import Faults, cut
from landed.reading.sql import CsvSql, Opened


def open_csv(duck: duckdb.DuckDBPyConnection, path: Path, contract: Contract, scratch: Path, faults: Faults) -> Opened:
    """Raises ContractError if Python does not know the encoding."""
    landing = contract.landing
    text = decoded(path, contract, scratch, faults)
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
    """The same records in a file whose line ends DuckDB cannot mistake: Python's reader tells them apart."""
    records = checked_records(sql.path, sql.landing, sql.width, faults, show_cells=not _is_sensitive(sql.contract))
    rows = write_records(copy, records, faults)
    if faults.count:
        return Opened(None, opened.header, rows)
    landing = replace(sql.landing, header=False, delimiter=",", quote='"')
    sql = replace(sql, path=copy, landing=landing, written=True)
    return replace(opened, sql=sql, rows=rows, text=copy)


def decoded(path: Path, contract: Contract, scratch: Path, faults: Faults) -> Path:
    encoding = contract.landing.encoding
    try:
        return as_utf8(path, encoding, scratch / "utf-8", faults)
    except LookupError as error:
        problem = Problem(contract.path, 0, f"the encoding {encoding!r} is not known; write UTF-8, for example")
        raise ContractError([problem]) from error


def _trimmed(header: Sequence[str], contract: Contract) -> tuple[str, ...]:
    """Names are cells too. One that the contract has as it is written is that column."""
    known = {column.landed.casefold() for column in contract.landed_columns}
    known.update(name.casefold() for name in contract.landing.ignored)
    return tuple(name if name.casefold() in known else name.strip(" \t") for name in header)


def check_header(header: Sequence[str], contract: Contract, faults: Faults) -> None:
    if not header:
        faults.add(1, "the first line is blank, where the header must be")
        return
    columns = contract.landed_columns
    found = Counter(name.casefold() for name in header)
    expected = {column.landed.casefold(): column for column in columns}
    ignored = {name.casefold() for name in contract.landing.ignored}
    there = cut(", ".join(header))
    for name in dict.fromkeys(header):
        if name.casefold() not in expected and name.casefold() not in ignored:
            allowed = ", ".join(column.landed for column in columns)
            faults.add(1, f"the header has a column {cut(name)!r} that the contract has not; allowed are: {allowed}")
    for name, column in expected.items():
        if not found[name]:
            faults.add(1, f"the header lacks the column {column.landed!r}; it has: {there}", column.name)
        elif found[name] > 1:
            faults.add(1, f"the header has the column {column.landed!r} {found[name]} times", column.name)


def misshapen(opened: Opened, contract: Contract, faults: Faults, refused: str = "") -> int:
    """Adds the faults of records that DuckDB refused, or that two ways of reading find different; counts the records.

    Raises:
        StepFailed: nothing is wrong with them.
    """
    if opened.text is None or not isinstance(opened.sql, CsvSql):
        faults.add(1, f"it cannot be read: {refused}")
        return 0
    show_cells = not _is_sensitive(contract)
    rows = check_structure(opened.text, opened.sql.landing, opened.sql.width, faults, show_cells=show_cells)
    if not faults.count and not refused:
        raise StepFailed(
            f"two ways of reading the landed file find different records, {rows} in the end; please report it"
        )
    if not faults.count:
        faults.add(1, f"it cannot be read as CSV: {refused}")
    return rows


def _is_sensitive(contract: Contract) -> bool:
    return any(column.sensitive for column in contract.landed_columns)


def _positions(contract: Contract, header: Sequence[str]) -> tuple[int, ...]:
    """Where each column is among the file's cells; without a header they are in the contract's order."""
    columns = contract.landed_columns
    if not header:
        return tuple(range(len(columns)))
    where = {name.casefold(): position for position, name in enumerate(header)}
    return tuple(where[column.landed.casefold()] for column in columns)
