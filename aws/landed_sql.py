"""DuckDB's SQL over a landed file. Nothing is sniffed: each cell comes as text and is read as its type, strictly."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from acceptance.contract import Column, LandingFormat
from acceptance.fingerprint import duckdb_fingerprint_columns, type_and_sizes

MAX_RECORD_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class LandedSql:
    """The queries over one file. `positions` are those of `columns` among the file's cells, from 0."""

    path: Path
    landing: LandingFormat
    columns: tuple[Column, ...]
    positions: tuple[int, ...]

    def measure(self) -> str:
        """One row: the number of records, the fingerprint's sums, and for each column the number of unreadable cells.

        DuckDB refuses a record with a cell too few or too many, but for a last one that is empty: see `measure_again`.
        """
        measures = ["count(*)", *duckdb_fingerprint_columns(self.columns, self._values)]
        measures += [f"count({cell}) - count({value})" for cell, value in zip(self._cells, self._values, strict=True)]
        return f"SELECT {', '.join(measures)} FROM ({self._typed(self._records())})"

    def measure_again(self) -> str:
        """One row: the number of records, and of those with a cell too many, by DuckDB's one-threaded reader."""
        names = [f"c{number}" for number in range(len(self.columns) + 1)]
        # Padded cells are null, and no text is: the null text is one that nobody wrote.
        options = {"null_padding": "true", "parallel": "false", "nullstr": literal(uuid4().hex)}
        return f"SELECT count(*), count({names[-1]}) FROM {_read_csv(self.path, self.landing, names, options)}"

    def first_unreadable(self, columns: Collection[str], each: int) -> str:
        """One row: for each of these columns, in the contract's order, its first unreadable cells: a list of {n, text}.

        `n` is the number of the record, from 1.
        """
        first = "arg_min({{'n': n, 'text': {cell}}}, n, {each}) FILTER (WHERE {cell} IS NOT NULL AND {value} IS NULL)"
        firsts = [
            first.format(cell=cell, value=value, each=each)
            for column, cell, value in zip(self.columns, self._cells, self._values, strict=True)
            if column.name in columns
        ]
        numbered = f"(SELECT *, row_number() OVER () AS n FROM {self._records(parallel='false')})"
        return f"SELECT {', '.join(firsts)} FROM ({self._typed(numbered)})"

    @property
    def _cells(self) -> list[str]:
        return [f"c{position}" for position in self.positions]

    @property
    def _values(self) -> list[str]:
        return [f"v{number}" for number in range(len(self.columns))]

    def _typed(self, records: str) -> str:
        rules = (cell_rule(column, cell) for column, cell in zip(self.columns, self._cells, strict=True))
        typed = ", ".join(f"{rule.typed} AS {value}" for rule, value in zip(rules, self._values, strict=True))
        return f"SELECT *, {typed} FROM {records}"

    def _records(self, **options: str) -> str:
        names = [f"c{number}" for number in range(len(self.columns))]
        return _read_csv(self.path, self.landing, names, {"nullstr": literal(self.landing.null_text), **options})


@dataclass(frozen=True, slots=True)
class CellRule:
    """`typed` is the expression of a cell's value, null if its text is not of the type. `expected` is for people."""

    typed: str
    expected: str


def cell_rule(column: Column, text: str) -> CellRule:
    """The rule for a column of the contract. `text` is the expression of the cell.

    Raises:
        ValueError: no rule for the column's type.
    """
    kind, sizes = type_and_sizes(column.type)
    if kind in _INTEGER_BITS:
        bound = 2 ** (_INTEGER_BITS[kind] - 1)
        # DuckDB alone would read 7.6 as 8, 1e3 as 1000 and 1_000 as 1000, and so hide a bad file.
        return CellRule(_if_matches(text, "[+-]?[0-9]+", kind), f"an integer from {-bound} to {bound - 1}")
    if kind == "decimal":
        precision, scale = (*sizes, 0)[:2] if sizes else (10, 0)
        return _decimal(precision, scale, text)
    if kind in ("date", "timestamp") and column.landed_format:
        return CellRule(_formatted(kind, column.landed_format, text), f"a {kind} written as {column.landed_format}")
    if kind in ("varchar", "char") and sizes:
        return CellRule(f"CASE WHEN length({text}) <= {sizes[0]} THEN {text} END", f"at most {sizes[0]} characters")
    if kind in ("string", "varchar", "char"):
        return CellRule(text, "any text")
    if kind == "boolean":
        return CellRule(_if_matches(text, "(?i)true|false", kind), "true or false")
    if kind in ("float", "double"):
        return CellRule(_number(kind, text), "a number such as -1.5, 2e10 or NaN")
    if kind == "date":
        return CellRule(_if_matches(text, _DATE, kind), "a date such as 2013-01-31")
    if kind == "timestamp":
        return CellRule(_moment(text), "a time such as 2013-01-31 05:15:00, in UTC or with an offset")
    raise ValueError(f"column {column.name}: a landed cell cannot be read as {column.type}")


def literal(text: str) -> str:
    """A text as a literal of DuckDB's SQL."""
    return "'" + text.replace("'", "''") + "'"


_INTEGER_BITS = {"tinyint": 8, "smallint": 16, "int": 32, "integer": 32, "bigint": 64}
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = "([01][0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?"
_OFFSET = "(Z|[+-][0-9]{2}:?[0-9]{2})"


def _if_matches(text: str, pattern: str, type_: str) -> str:
    return f"CASE WHEN regexp_full_match({text}, '{pattern}') THEN TRY_CAST({text} AS {type_}) END"


def _decimal(precision: int, scale: int, text: str) -> CellRule:
    # Zeros that carry no value, leading and trailing, take no room. DuckDB alone would round what has no room.
    before = precision - scale
    pattern = f"[+-]?0*[0-9]{{0,{before}}}([.][0-9]{{0,{scale}}}0*)?"
    expected = f"a number with at most {before} digits before the point and {scale} after it"
    return CellRule(_if_matches(text, pattern, f"decimal({precision}, {scale})"), expected)


def _number(type_: str, text: str) -> str:
    """As Java reads numbers, without its suffixes d and f. A number too big for the type is none, not infinity."""
    value = f"TRY_CAST({text} AS {type_})"
    digits = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
    return (
        f"CASE WHEN regexp_full_match({text}, '{digits}') THEN CASE WHEN isfinite({value}) THEN {value} END"
        f" WHEN regexp_full_match({text}, 'NaN|[+-]?Infinity') THEN {value} END"
    )


def _formatted(type_: str, format_: str, text: str) -> str:
    """strptime alone would take 2024-1-5 for %Y-%m-%d."""
    directives = {"%Y": "[0-9]{4}", "%f": "[0-9]{1,6}", "%%": "%"} | dict.fromkeys(
        ("%m", "%d", "%H", "%M", "%S"), "[0-9]{2}"
    )
    parts = re.split("(%.)", format_)
    pattern = "".join(directives.get(part, ".+") if part[:1] == "%" else re.escape(part) for part in parts)
    moment = f"CAST(try_strptime({text}, {literal(format_)}) AS {type_})"
    return f"CASE WHEN regexp_full_match({text}, {literal(pattern)}) THEN {moment} END"


def _moment(text: str) -> str:
    """DuckDB drops an offset when it casts to TIMESTAMP; by way of TIMESTAMPTZ it is applied. The session is in UTC."""
    with_offset = f"CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS TIMESTAMP)"
    return (
        f"CASE WHEN regexp_full_match({text}, '{_DATE}([ T]{_TIME})?') THEN TRY_CAST({text} AS TIMESTAMP)"
        f" WHEN regexp_full_match({text}, '{_DATE}[ T]{_TIME}{_OFFSET}') THEN {with_offset} END"
    )


def _read_csv(path: Path, landing: LandingFormat, names: Sequence[str], options: dict[str, str]) -> str:
    file = path.as_posix()
    for wildcard in "[*?":  # the first one first: it is what the others are escaped with
        file = file.replace(wildcard, f"[{wildcard}]")
    options = {
        "columns": "{" + ", ".join(f"'{name}': 'VARCHAR'" for name in names) + "}",
        "auto_detect": "false",
        "header": str(landing.header).lower(),
        "delim": literal(landing.delimiter),
        "quote": literal(landing.quote),
        "escape": literal(landing.quote),
        "strict_mode": "true",
        "max_line_size": str(MAX_RECORD_BYTES),
        **options,
    }
    return f"read_csv({literal(file)}, {', '.join(f'{name} = {value}' for name, value in options.items())})"
