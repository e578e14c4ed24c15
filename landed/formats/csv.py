"""Open a landed CSV file: check its encoding and header before its records and cells."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import duckdb

from acceptance.contract.contract import Contract
from acceptance.errors import ContractError, Problem
from acceptance.text_contrast import Others, in_brackets, unlike
from landed.formats.csv_records import (
    ENDS_WITH_DELIMITER,
    check_structure,
    checked_records,
    lines_of,
    read_header,
)
from landed.formats.plain_csv import plain_lines
from landed.reading.duckdb_reader import one_row
from landed.reading.encoding import as_utf8
from landed.reading.faults import Faults, shorten
from landed.reading.rewritten import RewrittenSql, write_records
from landed.reading.sql import CsvSql, Opened


def open_csv(duck: duckdb.DuckDBPyConnection, text: Path, contract: Contract, scratch: Path, faults: Faults) -> Opened:
    """Open a file of UTF-8."""
    landing = contract.landing
    before = faults.count
    header = read_header(text, landing, faults) if landing.header else ()
    if landing.trim:
        header = _trimmed(header, contract)
    if landing.header and faults.count == before:
        check_header(header, contract, faults)
    if faults.count:
        return Opened(None, header, check_structure(text, landing, len(header), Faults()))
    width, positions = len(header) or len(contract.landed_columns), _positions(contract, header)
    sql, written = CsvSql(text, contract, landing, positions, width), scratch / "written.json"
    exact = partial(_written, text, contract, header, positions, written, faults)
    if rows := _plain_rows(duck, sql):
        lines = partial(lines_of, text, landing, width)
        return Opened(sql, header, rows, lines, exact)
    return exact()


def _plain_rows(duck: duckdb.DuckDBPyConnection, sql: CsvSql) -> int | None:
    """Return the number of records if DuckDB reads the file exactly."""
    lines = None if sql.landing.signs else plain_lines(sql.path, sql.landing, sql.width)
    if lines is None:
        return None
    rows = lines.count - sql.landing.header
    try:
        return rows if lines.has_as_many_cells or one_row(duck, sql.again()) == (rows, 0) else None
    except duckdb.InterruptException:
        raise
    except duckdb.Error:  # whatever DuckDB cannot do with the file, Python can
        return None


def _written(
    text: Path, contract: Contract, header: tuple[str, ...], positions: tuple[int, ...], copy: Path, faults: Faults
) -> Opened:
    """Write the records, as Python separates them, to a file that DuckDB cannot mistake."""
    landing, width = contract.landing, len(header) or len(contract.landed_columns)
    sensitive = any(column.sensitive for column in contract.landed_columns)
    records = checked_records(text, landing, width, faults, show_cells=not sensitive)
    written = write_records(copy, records, faults)
    sql = None if faults.count else RewrittenSql(text, contract, landing, positions, written)
    return Opened(sql, header, written.rows, partial(lines_of, text, landing, width))


def decode(path: Path, contract: Contract, scratch: Path, faults: Faults) -> Path:
    encoding = contract.landing.encoding
    try:
        return as_utf8(path, encoding, scratch / "utf-8", faults, certain=contract.landing.certain_encoding)
    except LookupError as error:
        problem = Problem(contract.path, 0, f"Python does not know the encoding {encoding!r}; write UTF-8, for example")
        raise ContractError([problem]) from error


def _trimmed(header: Sequence[str], contract: Contract) -> tuple[str, ...]:
    """Trim the names, except those that the contract has exactly as the file writes them."""
    known = {column.landed.lower() for column in contract.landed_columns}
    known.update(name.lower() for name in contract.landing.ignored)
    return tuple(name if name.lower() in known else name.strip(" \t") for name in header)


def check_header(header: Sequence[str], contract: Contract, faults: Faults) -> None:
    if not header:
        faults.add(1, "the first line is blank; it must be the header")
        return
    columns = contract.landed_columns
    counts = Counter(name.lower() for name in header)
    expected = {column.landed.lower(): column for column in columns}
    ignored = {name.lower() for name in contract.landing.ignored}
    names = shown_header(header, contract)
    there = shorten(", ".join(names))
    if contract.landing.format.is_delimited and (meant := _otherwise_meant(header, contract)):
        faults.add(1, meant)
    for name, shown in dict(zip(header, names, strict=True)).items():
        if not name and header[-1] == name and counts[name] == 1:
            faults.add(1, f"the header {ENDS_WITH_DELIMITER}")
        elif name.lower() not in expected and name.lower() not in ignored:
            allowed = ", ".join(column.landed for column in columns)
            alike = in_brackets(unlike(shown, (column.landed for column in columns), Others.THE_CONTRACTS))
            found = f"the header has a column {shorten(shown)!r} that the contract lacks{alike}"
            faults.add(1, f"{found}; allowed: {allowed}")
    for name, column in expected.items():
        if not counts[name]:
            faults.add(1, f"the header lacks the column {column.landed!r}; it has: {there}", column.name)
        elif counts[name] > 1:
            faults.add(1, f"the header has the column {column.landed!r} {counts[name]} times", column.name)


def _otherwise_meant(header: Sequence[str], contract: Contract) -> str:
    """Return what the first line seems to be, if not a header with the contract's delimiter; "" if nobody can tell."""
    delimiter, known = contract.landing.delimiter, {column.landed.lower() for column in contract.landed_columns}
    has_all = known <= {name.lower() for name in header} and "" not in header[:-1]
    if len(known) < 2 or has_all:
        return ""
    line = delimiter.join(header).lower()
    other = next((sign for sign in _DELIMITERS if known <= set(line.split(sign))), delimiter)
    if other != delimiter:
        return (
            f"the header is separated by {other!r}, and the contract's delimiter is {delimiter!r}; say `delimiter: "
            f"{other!r}` in the contract's landing server, or separate the cells by {delimiter!r}"
        )
    if len(header) == len(known) and known.isdisjoint(name.strip().lower() for name in header):
        return (
            "the first line has none of the contract's names; if the file has no header, say `header: false` in the "
            "contract's landing server"
        )
    return ""


_DELIMITERS = ("||", "~|~", ",", ";", "\t", "|", "^", ":", "~", " ")


def shown_header(header: Sequence[str], contract: Contract) -> tuple[str, ...]:
    """Return the names that may be shown. In a file without a header they are cells, which may be classified."""
    if not contract.classified:
        return tuple(header)
    known = {
        *(column.landed.lower() for column in contract.landed_columns),
        *map(str.lower, contract.landing.ignored),
    }
    return tuple(name if name.lower() in known else f"(name {place}, hidden)" for place, name in enumerate(header, 1))


def _positions(contract: Contract, header: Sequence[str]) -> tuple[int, ...]:
    """Return each column's position among the file's cells: without a header, the contract's order."""
    columns = contract.landed_columns
    if not header:
        return tuple(range(len(columns)))
    where = {name.lower(): position for position, name in enumerate(header)}
    return tuple(where[column.landed.lower()] for column in columns)
