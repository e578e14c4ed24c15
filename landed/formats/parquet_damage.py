"""Find the part of a landed Parquet file that cannot be read: its first column, and the row group of that column."""

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import duckdb

from acceptance.proof.fingerprint import duckdb_digest
from landed.formats.parquet import ParquetSql
from landed.reading.blame import words_for
from landed.reading.duckdb_reader import TookTooLong, one_row, reader
from landed.reading.faults import LandedFault, shorten
from landed.reading.sql import file_literal

LOOKED_FOR_S = 60.0
"""The place helps the sender. The verdict does not wait longer for it."""


def damage(sql: ParquetSql, scratch: Path, error: BaseException) -> LandedFault:
    """Return the fault, with its place if each column alone tells one in time; `error` is that of all together."""
    probe = _Probe(sql, scratch, time.monotonic() + LOOKED_FOR_S)
    try:
        for number, column in enumerate(sql.columns):
            if found := probe.failure(number):
                if column.kind.is_text and (no_utf_8 := probe.no_utf_8(number)):
                    return no_utf_8
                place, line = probe.row_group(number)
                return LandedFault(line, column.name, f"{place}cannot be read: {words_for(found)}; {_REMEDY}")
    except TookTooLong:
        pass
    return LandedFault(1, None, f"the file cannot be read: {words_for(error)}; {_REMEDY}")


_REMEDY = "write the file and land it again"


@dataclass(frozen=True, slots=True)
class _Probe:
    """Reads one column alone, each time by a connection of its own: an internal error spoils a connection."""

    sql: ParquetSql
    scratch: Path
    until: float

    def failure(self, number: int, rows: int | None = None) -> Exception | None:
        """Return the error that a column's first rows give, by default all; None if they can be read."""
        column = self.sql.columns[number]
        records = f"(SELECT * FROM {self.sql.records()}{'' if rows is None else f' LIMIT {rows}'})"
        cell = f"SELECT {self.sql.cells[number]} AS t FROM {records}"
        typed = f"SELECT {self.sql.rule(column, 't').typed} AS v FROM ({cell})"
        query = f"SELECT count(v), count({duckdb_digest((column,), ['v'])}) FROM ({typed})"
        try:
            with self._reader() as duck:
                one_row(duck, query)
        except TookTooLong:
            raise
        except Exception as error:  # noqa: BLE001  # damaged bytes can make DuckDB raise anything
            return error
        return None

    def no_utf_8(self, number: int) -> LandedFault | None:
        """Return the fault of texts that are not UTF-8, on the number of the first one's row; None if all others are.

        DuckDB names no row. So the column is read twice, once with a sign for such bytes and once without them.
        """
        signed, without = (self.sql.read(f"utf8_validation = '{how}'") for how in ("replace", "ignore"))
        pairs = f"(SELECT c{number} AS signed FROM {signed}) POSITIONAL JOIN (SELECT c{number} AS rest FROM {without})"
        numbered = f"SELECT *, row_number() OVER () AS n FROM ({pairs})"
        query = f"SELECT count(*), min(n), arg_min(signed, n) FROM ({numbered}) WHERE signed <> rest"
        try:
            with self._reader() as duck:
                count, row, text = one_row(duck, query)
        except duckdb.Error:
            return None  # its bytes are damaged otherwise
        if not count:
            return None
        value = "the value (hidden)" if self.sql.contract.classified else repr(shorten(text))
        more = f"; the column has {count} such texts" if count > 1 else ""
        message = f"{value} is not text: it has bytes that are not valid UTF-8{more}; {_REMEDY}"
        return LandedFault(row, self.sql.columns[number].name, message)

    def row_group(self, number: int) -> tuple[str, int]:
        """Return the first row group in which the column cannot be read, for people, and the number of its first row.

        The text is empty if the footer does not tell the groups, or no group fails alone.
        """
        with self._reader() as duck:
            groups = _rows_of_groups(duck, self.sql.path)
        ends = list(accumulate(groups))
        low, high = 0, len(groups) - 1
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.failure(number, ends[middle]) else (middle + 1, high)
        if not groups:
            return "", 1
        first = ends[low] - groups[low] + 1
        return f"row group {low + 1} of {len(groups)} (rows {first} to {ends[low]}) ", first

    def _reader(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        left_s = self.until - time.monotonic()
        if left_s <= 0:
            raise TookTooLong("the place was not found in time")
        return reader(self.sql.path, self.scratch, left_s, threads=1, landing=self.sql.contract.landing)


def _rows_of_groups(duck: duckdb.DuckDBPyConnection, path: Path) -> list[int]:
    rows = duck.execute(
        f"SELECT any_value(row_group_num_rows) FROM parquet_metadata({file_literal(path)}) "
        "GROUP BY row_group_id ORDER BY row_group_id"
    ).fetchall()
    return [max(0, count) for (count,) in rows]
