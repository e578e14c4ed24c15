"""Open a landed Parquet file: its typed cells must convert to the contract's types without loss."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

import duckdb

from acceptance.contract.contract import Column, Contract
from acceptance.contract.hive_types import HiveKind
from acceptance.contract.landing_format import LandingFormat
from landed.formats.csv import check_header
from landed.formats.parquet_pages import damaged_page
from landed.formats.parquet_types import INT96, NS_IN_UTC, NULLS_ONLY, parquet_columns, reading
from landed.reading.blame import words_for
from landed.reading.bounds import MOST_COLUMNS, grows_too_much, most_unpacked_bytes
from landed.reading.cells import CellRule, cell_rule, duckdb_in_utc, quoted
from landed.reading.duckdb_reader import one_row
from landed.reading.faults import Faults, Unreadable
from landed.reading.nested import canonical_value
from landed.reading.sql import LandedSql, Opened, file_literal

_ROW_NUMBER = "file_row_number"
_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
_NS = "TIMESTAMP_NS"
_INT96_AS = 'STRUCT("date" DATE, "time" TIME_NS)'
_NS_OF_A_DAY = 86_400 * 10**9
_IMPOSSIBLE = (
    "a smallest or largest value that the footer states for a column is outside of what its type can hold, such as a "
    "time after the year 294246; correct the value, and land the file again"
)


@dataclass(frozen=True, slots=True)
class ParquetSql(LandedSql):
    """`names` are those by which DuckDB reads the landed columns, `types` their DuckDB types, INT96 for its own.

    `numbered`: DuckDB can number the rows with its own column, which it cannot if the file has a column of that name.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    numbered: bool = True

    def records(self, *, in_order: bool = False) -> str:
        return self.read(in_order=in_order)

    def read(self, *options: str, in_order: bool = False) -> str:
        """Return the records, read with more of DuckDB's options."""
        cells = ", ".join(
            # A column of nulls only has no type that functions know.
            f"{_identifier(name) if type_ != NULLS_ONLY else f'CAST(NULL AS {column.type})'} AS c{number}"
            for number, (name, type_, column) in enumerate(zip(self.names, self.types, self.columns, strict=True))
        )
        # An INT96 has nanoseconds and 2^32 days, which DuckDB's timestamp loses without a word.
        options = (*options, *(["int96_as = 'struct'"] if INT96 in self.types else []))
        if not in_order:
            return f"(SELECT {cells} FROM {reading(self.path, *options)})"
        if not self.numbered:
            return f"(SELECT {cells}, row_number() OVER () AS n0 FROM {reading(self.path, *options)} ORDER BY n0)"
        numbered = reading(self.path, *options, "file_row_number = true")
        return f"(SELECT {cells}, file_row_number AS n0 FROM {numbered} ORDER BY n0)"

    def control(self, duck: duckdb.DuckDBPyConnection, folder: Path) -> "ParquetSql":
        path = folder / "control.parquet"
        types = (_INT96_AS if type_ == INT96 else type_ for type_ in self.types)
        cells = (f"NULL::{type_} AS {_identifier(name)}" for name, type_ in zip(self.names, types, strict=True))
        duck.execute(f"COPY (SELECT {', '.join(cells)}) TO {quoted(path.as_posix())} (FORMAT parquet)")
        return replace(self, path=path)

    @property
    def cells(self) -> list[str]:
        landing = self.contract.landing
        return [
            # Without the cast to VARCHAR, DuckDB would read the null texts beside a JSON cell as JSON too.
            cleaned(f"CAST(c{number} AS VARCHAR)", trim=landing.trim, empty_as_null=landing.empty_as_null)
            if column.kind.is_text
            else _int96_text(f"c{number}")
            if type_ == INT96
            else f"c{number}"
            for number, (column, type_) in enumerate(zip(self.columns, self.types, strict=True))
        ]

    def rule(self, column: Column, cell: str) -> CellRule:
        landing = self.contract.landing
        type_ = self.types[self.columns.index(column)]
        if type_ == INT96:
            return cell_rule(replace(column, landed_format=None), cell, landing)
        return converted_rule(column, type_, cell, landing)


def converted_rule(column: Column, type_: str, cell: str, landing: LandingFormat) -> CellRule:
    """Return the rule that converts a value of a DuckDB type to the column's type, null if that changes the value."""
    if type_ == NS_IN_UTC:
        # DuckDB has few functions for this type; without its zone, it holds the time in UTC.
        cell, landing = f"CAST({cell} AS TIMESTAMP_NS)", replace(landing, zone="UTC")
    if type_ in (_NS, NS_IN_UTC) and column.rounded:
        cell = f"CAST({cell} AS TIMESTAMP_MS)"  # rounded twice, by way of microseconds, it would be another time
    return typed_rule(column, cell, landing)


def typed_rule(column: Column, cell: str, landing: LandingFormat) -> CellRule:
    """Return the rule that converts a value to the column's type, null if that changes the value."""
    value, type_ = f"TRY_CAST({cell} AS {column.type})", column.hive_type
    match type_.kind:
        case HiveKind.STRING | HiveKind.VARCHAR | HiveKind.CHAR:
            return cell_rule(column, cell, landing)
        case HiveKind.TIMESTAMP:
            unit = "microsecond" if column.micros else "millisecond"
            return CellRule(_timestamp(column, cell, landing.zone), f"a time to the {unit}")
        case HiveKind.DATE:
            return CellRule(f"CASE WHEN isfinite({cell}) THEN {value} END", "a date")
        case HiveKind.FLOAT | HiveKind.DOUBLE | HiveKind.BOOLEAN:
            return CellRule(value, f"a {type_.kind}")
        case HiveKind.TINYINT | HiveKind.SMALLINT | HiveKind.INT | HiveKind.BIGINT | HiveKind.DECIMAL:
            return CellRule(f"CASE WHEN {value} = {cell} THEN {value} END", f"a number that is one of {column.type}")
        case HiveKind.ARRAY | HiveKind.MAP | HiveKind.STRUCT:
            return CellRule(canonical_value(column, cell), f"one of {type_}")
        case _:
            assert_never(type_.kind)


def _timestamp(column: Column, cell: str, zone: str) -> str:
    moment = f"TRY_CAST({cell} AS TIMESTAMP)"
    fits = f"isfinite({cell})"  # the largest number of microseconds stands for infinity
    if not column.rounded:
        fits += f" AND TRY(CAST({cell} AS {'TIMESTAMP' if column.micros else 'TIMESTAMP_MS'}) = {cell})"
    moment = f"CASE WHEN {fits} THEN {moment} END"
    if zone == "UTC":
        return moment
    return f"CASE WHEN typeof({cell}) LIKE '%ZONE' THEN {moment} ELSE {duckdb_in_utc(moment, zone)} END"


def open_parquet(
    duck: duckdb.DuckDBPyConnection, path: Path, contract: Contract, scratch: Path, faults: Faults
) -> Opened:
    """Open the file. Faults of the whole file are on line 1; those of cells are on the number of the row."""
    try:
        problem = _grows(duck, path)
        if problem:
            faults.add(1, problem)
            return Opened(None)
        in_file = parquet_columns(duck, path)
    except duckdb.ConversionException as error:
        raise Unreadable(_IMPOSSIBLE) from error
    except duckdb.Error as error:
        raise Unreadable(_damaged_footer(path, error)) from error
    header = tuple(column.written for column in in_file)
    check_header(header, contract, faults)
    if not faults.count:
        places = {column.written.lower(): column for column in in_file}
        landed = [places[column.landed.lower()] for column in contract.landed_columns]
        for column, found in zip(contract.landed_columns, landed, strict=True):
            problem = found.problem(column)
            if problem:
                faults.add(1, problem, column.name)
    if faults.count:
        (rows,) = one_row(duck, f"SELECT num_rows FROM parquet_file_metadata({file_literal(path)})")
        return Opened(None, header, rows)
    if damaged := damaged_page(duck, path):
        faults.add(*damaged)
        return Opened(None, header)
    names = tuple(found.name for found in landed)
    types = tuple(INT96 if found.physical == INT96 else found.type_ for found in landed)
    numbered = _ROW_NUMBER not in (column.name.lower() for column in in_file)
    return Opened(ParquetSql(path, contract, names, types, numbered), header)


def _grows(duck: duckdb.DuckDBPyConnection, path: Path) -> str:
    """Return why the sizes in the file's footer are too much, or "".

    Each value counts as at least one byte: a run of equal values takes no room in the file, but does in memory.
    """
    size, file = path.stat().st_size, file_literal(path)
    rows, groups = one_row(duck, f"SELECT num_rows, num_row_groups FROM parquet_file_metadata({file})")
    bytes_, values, columns = one_row(
        duck,
        "SELECT coalesce(sum(total_uncompressed_size::HUGEINT), 0), coalesce(sum(num_values::HUGEINT), 0), "
        f"count(DISTINCT path_in_schema) FROM parquet_metadata({file})",
    )
    if columns > MOST_COLUMNS:
        return f"the file has {columns:,} columns; Aceite reads at most {MOST_COLUMNS:,}"
    if min(rows, groups, bytes_, values) < 0:
        return "the file is not valid Parquet: its footer has a negative count"
    if bytes_ > most_unpacked_bytes(size):
        return grows_too_much(size, f"{bytes_:,} bytes")
    if values > most_unpacked_bytes(size):
        return grows_too_much(size, f"{values:,} values")
    return ""


def _damaged_footer(path: Path, error: duckdb.Error) -> str:
    """Return what is wrong with a file that cannot be opened: its first and last bytes tell most."""
    with path.open("rb") as file:
        first = file.read(len(_MAGIC))
        file.seek(max(0, path.stat().st_size - len(_MAGIC)))
        last = file.read()
    if _ENCRYPTED in (first, last):
        return "the file is encrypted Parquet, which Aceite does not read; write it without encryption"
    if first != _MAGIC:
        return "the file is not Parquet: it does not begin with the bytes PAR1"
    if last != _MAGIC:
        return "the file is damaged or truncated: it does not end with the bytes PAR1; write and land it again"
    return (
        f"the file's footer, which says where rows and columns are, cannot be read: {words_for(error)}; land it again"
    )


def cleaned(cell: str, *, trim: bool, empty_as_null: bool) -> str:
    text = f"trim({cell}, chr(32) || chr(9))" if trim else cell
    return f"nullif({text}, '')" if empty_as_null else text


def _int96_text(cell: str) -> str:
    """Return the SQL of a time's text, with all its digits: INT96 has no other type that holds all its values."""
    ns = f'epoch_ns({cell}."time")'
    day = f'CAST({cell}."date" AS VARCHAR)'
    return (
        f"CASE WHEN {ns} BETWEEN 0 AND {_NS_OF_A_DAY - 1} THEN {day} || ' ' || CAST({cell}.\"time\" AS VARCHAR)"
        f" ELSE {day} || ' and ' || {ns} || ' ns' END"
    )


def _identifier(name: str) -> str:
    return f'"{name.replace(chr(34), chr(34) * 2)}"'
