"""DuckDB's SQL over a landed file. DuckDB guesses nothing: it reads each cell as text, then strictly as its type."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import duckdb

from acceptance.contract.contract import Column, Contract
from acceptance.contract.landing_format import LandingFormat
from acceptance.proof.fingerprint import duckdb_bucket, duckdb_digest, duckdb_half, duckdb_sums
from acceptance.queries.difference_query import ROWS_AT_MOST, bucket_columns, duckdb_texts, row_order
from landed.reading.cells import MAX_RECORD_BYTES, CellRule, cell_rule, duckdb_cell_text, quoted


@dataclass(frozen=True, slots=True)
class LandedSql(ABC):
    """The queries over one file. `c<position>` is a landed cell; t0, t1, ... are the texts of these cells and v0, v1,
    ... their values, in the order of the landed columns.
    """

    path: Path
    contract: Contract

    @abstractmethod
    def records(self, *, in_order: bool = False) -> str:
        """Return the records as an operand of FROM; `in_order` keeps the order of the file."""

    @abstractmethod
    def control(self, duck: duckdb.DuckDBPyConnection, folder: Path) -> "LandedSql":
        """Return the same queries over a known-good file of one record, which this writes to the folder."""

    @property
    @abstractmethod
    def cells(self) -> list[str]:
        """Return the SQL of each landed column's cell; null if the file holds a null."""

    @abstractmethod
    def rule(self, column: Column, cell: str) -> CellRule:
        """Return how to read the cell."""

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.contract.landed_columns

    def measure(self) -> str:
        """Return a query for one row: the number of records, the fingerprint's sums, each column's unreadable cells."""
        digest = duckdb_digest(self.contract.compared_columns, self._compared)
        measures = ["count(*)", *duckdb_sums("digest")]
        measures += [f"count({text}) - count({value})" for text, value in zip(self._texts, self._values, strict=True)]
        digested = f"SELECT *, {digest} AS digest FROM ({self._typed(self.records())})"
        return f"SELECT {', '.join(measures)} FROM ({digested})"

    def first_unreadable(self, columns: Collection[str], each: int) -> str:
        """Return a query for one row: the first unreadable cells of each of these columns, as a list of {n, text}.

        The columns are in the contract's order; `n` is the number of the record, from 1.
        """
        # A text of DuckDB's has all digits; Python's times lack nanoseconds, and the years before 1 and after 9999.
        shown = "{{'n': n, 'text': CAST({text} AS VARCHAR)}}"
        first = f"arg_min({shown}, n, {{each}}) FILTER (WHERE {{text}} IS NOT NULL AND {{value}} IS NULL)"
        firsts = [
            first.format(text=text, value=value, each=each)
            for column, text, value in zip(self.columns, self._texts, self._values, strict=True)
            if column.name in columns
        ]
        numbered = f"(SELECT *, row_number() OVER () AS n FROM {self.records(in_order=True)})"
        return f"SELECT {', '.join(firsts)} FROM ({self._typed(numbered)})"

    def bucket_sums(self, buckets: int) -> str:
        """Return a query for one row per bucket: its number, and the sum of the high halves of its rows."""
        half = duckdb_half(self.contract.compared_columns, self._compared)
        typed = self._typed(self.records())
        return f"SELECT {self._bucket(buckets)} AS bucket, sum({half}) FROM ({typed}) GROUP BY bucket"

    def texts(self, buckets: int, wanted: Collection[int]) -> str:
        """Return a query for the different records in the wanted buckets: bucket, then canonical texts of the compared
        cells, then how often the file holds them.

        If there are more than `ROWS_AT_MOST`, it returns the first, and one more as a sign of that.
        """
        texts = ", ".join(duckdb_texts(self.contract, self._compared))
        numbers = ", ".join(map(str, sorted(wanted)))
        return (
            f"SELECT {self._bucket(buckets)} AS bucket, {texts}, count(*)"
            f" FROM ({self._typed(self.records())}) WHERE bucket IN ({numbers}) GROUP BY ALL"
            f" ORDER BY {row_order(self.contract, 1, 2)} LIMIT {ROWS_AT_MOST + 1}"
        )

    def _bucket(self, buckets: int) -> str:
        columns, dealt = self.contract.compared_columns, bucket_columns(self.contract)
        return duckdb_bucket(dealt, [self._compared[columns.index(column)] for column in dealt], buckets)

    @property
    def _texts(self) -> list[str]:
        return [f"t{number}" for number in range(len(self.columns))]

    @property
    def _values(self) -> list[str]:
        return [f"v{number}" for number in range(len(self.columns))]

    @property
    def _compared(self) -> list[str]:
        return [value for column, value in zip(self.columns, self._values, strict=True) if column.compared]

    def _typed(self, records: str) -> str:
        """Compute texts and values in nested SELECTs, or DuckDB would compute a text again wherever it is named."""
        rules = (self.rule(column, text) for column, text in zip(self.columns, self._texts, strict=True))
        typed = ", ".join(f"{rule.typed} AS {value}" for rule, value in zip(rules, self._values, strict=True))
        texts = ", ".join(f"{cell} AS {text}" for cell, text in zip(self.cells, self._texts, strict=True))
        return f"SELECT *, {typed} FROM (SELECT *, {texts} FROM {records})"


@dataclass(frozen=True, slots=True)
class TextSql(LandedSql):
    """The queries over records of texts. `positions` locates the landed columns among the cells of a record, from 0."""

    landing: LandingFormat
    positions: tuple[int, ...]

    @property
    def cells(self) -> list[str]:
        return [
            duckdb_cell_text(self.landing, column, f"c{position}")
            for column, position in zip(self.columns, self.positions, strict=True)
        ]

    def rule(self, column: Column, cell: str) -> CellRule:
        return cell_rule(column, cell, self.landing)


@dataclass(frozen=True, slots=True)
class CsvSql(TextSql):
    """The queries over a CSV, whose records have `width` cells.

    DuckDB reads the file as RFC 4180 says, because `plain_lines` looked at its bytes.
    """

    width: int

    def records(self, *, in_order: bool = False) -> str:
        """Return the records. DuckDB refuses a wrong number of cells but overlooks an empty last one: see `again`."""
        return self._read([f"c{number}" for number in range(self.width)], {"parallel": "false"} if in_order else {})

    def again(self) -> str:
        """Return a query for one row: the records, and those with a cell too many."""
        names = [f"c{number}" for number in range(self.width + 1)]
        # A padded cell is null. Nobody writes this null text, so no cell of the file is null.
        records = self._read(names, {"null_padding": "true", "nullstr": quoted(uuid4().hex)})
        return f"SELECT count(*), count({names[-1]}) FROM {records}"

    def control(self, duck: duckdb.DuckDBPyConnection, folder: Path) -> "CsvSql":
        path = folder / "control.csv"
        record = self.landing.delimiter * (self.width - 1) + "\n"
        path.write_text(record * (2 if self.landing.header else 1), encoding="utf-8", newline="")
        return replace(self, path=path)

    def _read(self, names: Sequence[str], options: dict[str, str]) -> str:
        landing = self.landing
        options = {
            "columns": "{" + ", ".join(f"'{name}': 'VARCHAR'" for name in names) + "}",
            "auto_detect": "false",
            "header": str(landing.header).lower(),
            "delim": quoted(landing.delimiter),
            "quote": quoted(landing.quote),
            "escape": quoted(landing.quote),
            "strict_mode": "true",
            # A cell is null if nothing stands in it, not even quotes; `duckdb_cell_text` decides what it means.
            "nullstr": "''",
            "allow_quoted_nulls": "false",
            "max_line_size": str(MAX_RECORD_BYTES),
            **options,
        }
        named = ", ".join(f"{name} = {value}" for name, value in options.items())
        return f"read_csv({file_literal(self.path)}, {named})"


@dataclass(frozen=True, slots=True)
class Opened:
    """A landed file that is ready to query; `sql` is None after a fault.

    `rows` is the number of records, None if opening did not count them. `lines_of` maps numbers of records to the lines
    of the file on which they begin. `exact` opens the file for DuckDB in another way, if it does not find these rows.
    """

    sql: LandedSql | None
    header: tuple[str, ...] = ()
    rows: int | None = None
    lines_of: Callable[[Collection[int]], dict[int, int]] = lambda numbers: {number: number for number in numbers}
    exact: "Callable[[], Opened] | None" = None


def file_literal(path: Path) -> str:
    """Return a path as a literal, its wildcards escaped."""
    file = path.as_posix()
    for wildcard in "[*?":  # "[" first: it escapes the others
        file = file.replace(wildcard, f"[{wildcard}]")
    return quoted(file)
