"""How the numbers of a text sample are written: with a decimal point or comma, with signs between thousands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from landed.sampling.candidates import measure

_WHOLE = "[+-]?[0-9]+"
_POINT, _COMMA = (f"[+-]?[0-9]*[{sign}][0-9]+" for sign in ".,")
_BY_POINT = "[+-]?[0-9]{1,3}([.][0-9]{3})+(,[0-9]+)?"
_BY_COMMA = "[+-]?[0-9]{1,3}(,[0-9]{3})+([.][0-9]+)?"


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """`doubts` are questions for people, by column."""

    decimal_comma: bool
    doubts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Column:
    """How many cells of a column are written in each way. A number such as 1,234 is written in two."""

    filled: int
    whole_or_point: int
    whole_or_comma: int
    point: int
    comma: int
    by_point: int
    by_comma: int
    surely_by_point: int
    surely_by_comma: int
    among_by_point: int
    among_by_comma: int

    @property
    def has_comma(self) -> bool:
        return self.comma > 0 and self.whole_or_comma == self.filled

    @property
    def has_point(self) -> bool:
        return self.point > 0 and self.whole_or_point == self.filled

    @property
    def is_grouped_by_point(self) -> bool:
        return self.surely_by_point > 0 and self.among_by_point == self.filled

    @property
    def is_grouped_by_comma(self) -> bool:
        return self.surely_by_comma > 0 and self.among_by_comma == self.filled


def number_style(duck: duckdb.DuckDBPyConnection, cells: Sequence[str]) -> NumberStyle:
    """Find the style of the numbers in these columns of the table `sample`. A file has one decimal sign, or none."""
    columns = {cell: _column(duck, cell) for cell in cells}
    by_comma = [cell for cell, each in columns.items() if each.has_comma or each.is_grouped_by_point]
    by_point = [cell for cell, each in columns.items() if _only_point(each)]
    if by_comma and by_point:
        return NumberStyle(False, {**dict.fromkeys(by_comma, _TWO_SIGNS), **_grouped(columns, decimal_comma=False)})
    return NumberStyle(bool(by_comma), _grouped(columns, decimal_comma=bool(by_comma)))


def _only_point(column: _Column) -> bool:
    return column.is_grouped_by_comma or (column.has_point and column.by_point < column.point)


def _grouped(columns: Mapping[str, _Column], *, decimal_comma: bool) -> Mapping[str, str]:
    doubts = {}
    for cell, column in columns.items():
        if decimal_comma and (column.is_grouped_by_point or (column.has_point and column.by_point == column.point)):
            doubts[cell] = _in_groups("point", ".")
        elif not decimal_comma and column.is_grouped_by_comma:
            doubts[cell] = _in_groups("comma", ",")
        elif decimal_comma and column.has_comma and column.by_comma == column.comma:
            doubts[cell] = "does 1,234 mean 1234 here? It is read as 1.234, with a decimal comma"
    return doubts


def _in_groups(name: str, sign: str) -> str:
    setting = f'to compare them as numbers, set groupSeparator: "{sign}" of the landing server, and a decimal type here'
    return f"numbers with a {name} between thousands, so they are a text here; {setting}"


_TWO_SIGNS = (
    "numbers with a decimal comma, so they are a text here: other columns have a decimal point, and a file has one"
)


def _column(duck: duckdb.DuckDBPyConnection, cell: str) -> _Column:
    def written(*patterns: str, not_: str = "") -> str:
        other = f" AND NOT regexp_full_match({cell}, '{not_}')" if not_ else ""
        return (
            f"count(*) FILTER (WHERE regexp_full_match({cell}, '{'|'.join(f'({each})' for each in patterns)}'){other})"
        )

    return _Column(
        *measure(
            duck,
            f"count({cell})",
            written(_WHOLE, _POINT),
            written(_WHOLE, _COMMA),
            written(_POINT),
            written(_COMMA),
            written(_BY_POINT),
            written(_BY_COMMA),
            written(_BY_POINT, not_=_POINT),
            written(_BY_COMMA, not_=_COMMA),
            written(_WHOLE, _COMMA, _BY_POINT),
            written(_WHOLE, _POINT, _BY_COMMA),
        )
    )
