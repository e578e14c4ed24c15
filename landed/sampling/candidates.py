"""A landed sample as a DuckDB table, and the narrowest type that fits all texts of a column."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from acceptance.contract.contract import Column
from acceptance.contract.hive_types import HiveKind
from acceptance.contract.landing_format import LandingFormat
from landed.reading.cells import cell_rule
from landed.reading.duckdb_reader import one_row


@dataclass(frozen=True, slots=True)
class SampleColumn:
    """A column of the sample: `cell` is the SQL of the raw cell, `value` the SQL of its value as the Hive type.

    `landed_format` is Java's. `rounded`: a timestamp has more than the three digits that Athena reads. `doubt` is a
    question for people.
    """

    landed: str
    type: str
    cell: str
    value: str
    landed_format: str | None = None
    rounded: bool = False
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class SampleTable:
    """The sample's format and columns; its rows are in DuckDB's table `sample`."""

    landing: LandingFormat
    columns: tuple[SampleColumn, ...]
    remarks: tuple[str, ...] = ()
    """Guesses about the file, for people."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A Hive type with the format of its texts, as Java and as strptime write formats."""

    type: str
    java: str | None = None
    strptime: str | None = None
    rounded: bool = False

    def value(self, cell: str, landing: LandingFormat = LandingFormat()) -> str:  # noqa: B008 - it is frozen
        """Return the SQL of the cell's value, null if the text does not fit."""
        column = Column(cell, self.type, cell, landed_format=self.strptime, rounded=self.rounded)
        return cell_rule(column, cell, LandingFormat(decimal_comma=landing.decimal_comma)).typed


_FORMATS = {
    "dd/MM/yyyy": "%d/%m/%Y",
    "MM/dd/yyyy": "%m/%d/%Y",
    "dd-MM-yyyy": "%d-%m-%Y",
    "yyyy/MM/dd": "%Y/%m/%d",
    "dd.MM.yyyy": "%d.%m.%Y",
}
NUMBERS = tuple(map(Candidate, ("int", "bigint", "decimal(38,9)", "double")))
TIMES = (
    Candidate("date"),
    Candidate("timestamp"),
    Candidate("timestamp", rounded=True),
    *(Candidate("date", java, pattern) for java, pattern in _FORMATS.items()),
    *(Candidate("timestamp", f"{java} HH:mm:ss", f"{pattern} %H:%M:%S") for java, pattern in _FORMATS.items()),
)
BOOLEANS = (Candidate("boolean"),)
TEXT = Candidate("string")


def narrowest(
    duck: duckdb.DuckDBPyConnection,
    cell: str,
    candidates: Sequence[Candidate],
    landing: LandingFormat = LandingFormat(),  # noqa: B008 - it is frozen
    *,
    among: str = "sample",
) -> Candidate:
    """Return the first candidate that fits every cell; text if all cells are empty, or numbers have leading zeros.

    Of the format only the decimal sign counts. `among` is the table, or a query in brackets.
    """
    readable = [f"count({candidate.value(cell, landing)})" for candidate in candidates]
    codes = f"count(*) FILTER (WHERE regexp_full_match({cell}, '0[0-9]+'))"
    point = f"coalesce(max(length(split_part({cell}, '{',' if landing.decimal_comma else '.'}', 2))), 0)"
    exponents = f"count(*) FILTER (WHERE regexp_matches({cell}, '[0-9][eE]'))"
    cells, leading_zeros, digits, scientific, *counts = measure(
        duck, f"count({cell})", codes, point, exponents, *readable, among=among
    )
    fitting = [candidate for candidate, count in zip(candidates, counts, strict=True) if count == cells]
    if scientific:  # the digits after the point say nothing of the scale
        fitting = [candidate for candidate in fitting if HiveKind.named(candidate.type) is not HiveKind.DECIMAL]
    if not cells or leading_zeros or not fitting:
        return TEXT
    if HiveKind.named(fitting[0].type) is not HiveKind.DECIMAL or digits > 9:
        return fitting[0]
    small = Candidate(f"decimal(18,{digits})")
    (over,) = measure(duck, f"count({cell}) - count({small.value(cell, landing)})", among=among)
    return Candidate(f"decimal(38,{digits})") if over else small


def measure(duck: duckdb.DuckDBPyConnection, *measures: str, among: str = "sample") -> tuple[Any, ...]:
    return one_row(duck, f"SELECT {', '.join(measures)} FROM {among}")
