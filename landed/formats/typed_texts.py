"""Cells that have a type in their file, and that Python reads and writes as texts with all their digits."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from acceptance.contract.contract import Column, Contract
from landed.formats.csv import check_header
from landed.formats.parquet import cleaned, converted_rule
from landed.formats.parquet_types import HELD_BY, NS_IN_UTC, NULLS_ONLY
from landed.reading.cells import CellRule, cell_rule
from landed.reading.faults import Faults, shorten
from landed.reading.rewritten import Cells, RewrittenSql, write_records
from landed.reading.sql import Opened

REMEDY = "write the file and land it again"
TEXT_OF_TIME = "TIMESTAMP as text"
"""A time of any year from 1 to 9999 with nanoseconds, which no type of DuckDB holds; with an offset if it is in UTC."""

NoText = Callable[[int, int, bytes], None]
"""Is told of a text that is no UTF-8: the number of its record, its place among the cells, and its bytes."""

_EPOCH = date(1970, 1, 1).toordinal()
_LAST_DAY = date.max.toordinal()


class TypedColumn(Protocol):
    """A column of the file. `type_` is the DuckDB type that holds its values, "" if there is none."""

    @property
    def written(self) -> str: ...
    @property
    def described(self) -> str: ...
    @property
    def type_(self) -> str: ...


@dataclass(frozen=True, slots=True)
class TypedRecords:
    """The columns of an opened file, the number of its rows, and the function that yields the cells of its records.

    This takes the places of the wanted columns, and the function that is told of what is no text.
    """

    columns: Sequence[TypedColumn]
    rows: Callable[[], int]
    read: Callable[[Sequence[int], NoText], Iterable[Cells]]


def open_typed(
    path: Path, file: TypedRecords, contract: Contract, allowed: Callable[[Column], str], scratch: Path, faults: Faults
) -> Opened:
    """Open the file. Faults of the whole file are on line 1; those of records and cells on the record's number.

    `allowed` says which types of the format may hold the values of a column.
    """
    names = tuple(column.written for column in file.columns)
    check_header(names, contract, faults)
    if faults.count:
        return Opened(None, names, file.rows())
    places = {name.lower(): place for place, name in enumerate(names)}
    positions = tuple(places[column.landed.lower()] for column in contract.landed_columns)
    for column, place in zip(contract.landed_columns, positions, strict=True):
        found = file.columns[place]
        if not _converts(found.type_, column):
            faults.add(
                1,
                f"the column {column.landed!r} is {found.described}, which does not convert to {column.type}; "
                f"allowed: {allowed(column)}",
                column.name,
            )
    if faults.count:
        return Opened(None, names, file.rows())
    written = write_records(scratch / "written.json", file.read(positions, _told(contract, faults)), faults)
    types = tuple(file.columns[place].type_ for place in positions)
    sql = TypedSql(path, contract, contract.landing, tuple(range(len(positions))), written, types)
    return Opened(None if faults.count else sql, names, written.rows)


def _converts(type_: str, column: Column) -> bool:
    held = {TEXT_OF_TIME: "TIMESTAMP"}.get(type_, type_.partition("(")[0])
    return held == NULLS_ONLY or held in HELD_BY[column.kind]


def _told(contract: Contract, faults: Faults) -> NoText:
    """Return the function that adds a fault for each text that is no UTF-8."""

    def told(record: int, cell: int, found: bytes) -> None:
        shown = repr(shorten(found.decode("utf-8", "replace")))
        value = "the value (hidden)" if contract.classified else shown
        message = f"{value} is not text: it has bytes that are not valid UTF-8; {REMEDY}"
        faults.add(record, message, contract.landed_columns[cell].name)

    return told


@dataclass(frozen=True, slots=True)
class TypedSql(RewrittenSql):
    """`types` are those of the landed columns, as `TypedColumn` has them."""

    types: tuple[str, ...]

    @property
    def cells(self) -> list[str]:
        landing = self.contract.landing
        return [
            cleaned(f"c{position}", trim=landing.trim, empty_as_null=landing.empty_as_null)
            if column.kind.is_text
            else f"c{position}"
            for column, position in zip(self.columns, self.positions, strict=True)
        ]

    def rule(self, column: Column, cell: str) -> CellRule:
        type_ = self.types[self.columns.index(column)]
        if type_ == TEXT_OF_TIME:
            return cell_rule(replace(column, landed_format=None), cell, self.contract.landing)
        if not column.kind.is_text:
            cast = {NULLS_ONLY: column.type, NS_IN_UTC: "TIMESTAMP_NS"}.get(type_, type_)
            cell = f"TRY_CAST({cell} AS {cast})"
        return converted_rule(column, type_, cell, self.contract.landing)


@lru_cache(maxsize=4096)
def day_text(days: int) -> str:
    """Return a day since 1970 as text; "" if it is in no year from 1 to 9999."""
    ordinal = days + _EPOCH
    return date.fromordinal(ordinal).isoformat() if 1 <= ordinal <= _LAST_DAY else ""


def with_point(unscaled: int, scale: int) -> str:
    """Return the decimal with so many digits behind its point."""
    if not scale:
        return str(unscaled)
    digits = str(abs(unscaled)).rjust(scale + 1, "0")
    return f"{'-' if unscaled < 0 else ''}{digits[:-scale]}.{digits[-scale:]}"
