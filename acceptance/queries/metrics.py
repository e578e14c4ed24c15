"""Compile one check to SQL: an aggregate, a query of its own, or the condition of the rows that it counts.

A condition that is null counts no row, so null is valid everywhere. NaN is in no range and a multiple of nothing; an
infinity is in a range without a bound on that side.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from math import lcm
from typing import assert_never

from acceptance.contract.checks import Check, Metric, Number, Reference, Valid
from acceptance.contract.contract import Column
from acceptance.contract.hive_types import HiveKind
from acceptance.sql.fused_rules import fuse
from acceptance.sql.text import UNPADDED, identifier, literal, text_literal

Columns = Mapping[str, Column]

_LIMITS = (">=", "<=", ">", "<")


def aggregate(check: Check, columns: Columns) -> str | None:
    """Return the check as an aggregate over the delivered rows; None if it is not one."""
    match check.metric:
        case Metric.ROW_COUNT:
            return "count(*)"
        case Metric.DUPLICATE_VALUES:
            return _duplicates(check)
        case Metric.SQL:
            fused = fuse(check.sql or "")
            return fused.expression if fused else None
        case Metric.NULL_VALUES | Metric.MISSING_VALUES | Metric.INVALID_VALUES:
            return f"count(*) FILTER (WHERE {counted_rows(check, columns)})"
        case (
            Metric.ORPHANED_VALUES
            | Metric.ROWS_EQUAL_LANDED
            | Metric.CELLS_EQUAL_LANDED
            | Metric.LANDED_READABLE
            | Metric.PARTITION_EXISTS
            | Metric.COLUMNS_MATCH
            | Metric.LATENCY
        ):
            return None
        case _:
            assert_never(check.metric)


def own_query(check: Check, columns: Columns) -> str | None:
    """Return the SELECT of one number over "delivered" that measures only this check; None if it needs none."""
    if check.valid is not None and check.valid.pattern is not None:
        return f"SELECT count(*) FROM delivered WHERE {_invalid_values(check, columns)}"
    if check.metric is Metric.SQL and check.sql is not None:
        return check.sql.replace("{object}", "delivered")
    if check.metric is Metric.ORPHANED_VALUES and check.refers_to is not None:
        return f"SELECT count(*) FROM delivered WHERE {_orphaned(check, check.refers_to, columns)}"
    return None


def is_custom(check: Check) -> bool:
    """Return True if the check holds SQL or a pattern that a person wrote, which Athena may refuse."""
    return check.metric is Metric.SQL or (check.valid is not None and check.valid.pattern is not None)


def counted_rows(check: Check, columns: Columns) -> str | None:
    """Return the condition of the rows that the check counts; None if it does not count single rows."""
    match check.metric:
        case Metric.NULL_VALUES:
            return f"{identifier(check.columns[0])} IS NULL"
        case Metric.MISSING_VALUES:
            return _missing_values(check, columns)
        case Metric.INVALID_VALUES:
            return _invalid_values(check, columns)
        case Metric.ORPHANED_VALUES:
            return _orphaned(check, check.refers_to, columns) if check.refers_to is not None else None
        case Metric.SQL:
            fused = fuse(check.sql or "")
            return fused.counted if fused else None
        case (
            Metric.ROW_COUNT
            | Metric.DUPLICATE_VALUES
            | Metric.ROWS_EQUAL_LANDED
            | Metric.CELLS_EQUAL_LANDED
            | Metric.LANDED_READABLE
            | Metric.PARTITION_EXISTS
            | Metric.COLUMNS_MATCH
            | Metric.LATENCY
        ):
            return None
        case _:
            assert_never(check.metric)


def _missing_values(check: Check, columns: Columns) -> str:
    name = identifier(check.columns[0])
    if not check.missing:
        return f"{name} IS NULL"
    column = columns[check.columns[0]]
    return f"{name} IS NULL OR {_is_one_of(name, check.missing, column)}"


def _is_one_of(name: str, values: Iterable[Number | str | bool], column: Column) -> str:
    """Return the condition that the column has one of the values.

    Trino (seen in 476) finds no -0.0 of a float in a list with 0, although the two are equal; -0.0 + 0 is 0.
    """
    value = f"({name} + REAL '0')" if column.kind is HiveKind.FLOAT else name
    return f"{value} IN ({', '.join(literal(each, column) for each in values)})"


def _invalid_values(check: Check, columns: Columns) -> str:
    assert check.valid is not None
    conditions = _conditions(check.valid, columns[check.columns[0]])
    return f"NOT ({' AND '.join(conditions)})"


def _conditions(valid: Valid, column: Column) -> list[str]:
    name = identifier(column.name)
    bounds = (valid.minimum, valid.maximum, valid.exclusive_minimum, valid.exclusive_maximum)
    limits = [(sign, bound) for sign, bound in zip(_LIMITS, bounds, strict=True) if bound is not None]
    conditions = [f"{name} {sign} {literal(bound, column)}" for sign, bound in limits]
    if limits and column.kind.is_float:
        conditions.append(f"NOT is_nan({_double(name)})")  # engines do not agree on whether it is greater than a number
    if valid.min_length is not None:
        conditions.append(f"length({name}) >= {valid.min_length}")
    if valid.max_length is not None:
        conditions.append(f"length({name}) <= {valid.max_length}")
    if valid.pattern is not None:
        conditions.append(f"regexp_like({name}, {text_literal(valid.pattern)})")
    if valid.multiple_of is not None:
        conditions.append(_is_multiple(name, column, valid.multiple_of))
    if valid.values:
        conditions.append(_is_one_of(name, valid.values, column))
    return conditions


def _is_multiple(name: str, column: Column, multiple_of: Number) -> str:
    if not column.kind.is_float:
        return f"{name} % DECIMAL '{_step_of_scale(Decimal(str(multiple_of)), column.hive_type.scale):f}' = 0"
    step = str(multiple_of) if isinstance(multiple_of, int) else f"{multiple_of:f}"
    # In binary 0.3 % 0.1 is not 0: a multiple is as near to one as the digits of the type can tell.
    value, slack = (name, "1E-12 + 1E-15") if column.kind is HiveKind.DOUBLE else (_double(name), "1E-9 + 1E-7")
    nearest = f"floor({value} / {step}E0 + 0.5E0) * {step}E0"
    return f"is_finite({value}) AND abs({value} - {nearest}) <= {slack} * abs({value})"


def _step_of_scale(step: Decimal, scale: int) -> Decimal:
    """Return the step whose multiples are those of this one that have so many digits after the point.

    With more digits than the column has, Athena would widen each value first, and a decimal(38,0) has no room for them.
    """
    sign, digits, exponent = step.as_tuple()
    if sign or not isinstance(exponent, int) or -exponent <= scale:
        return step
    unscaled, unit = int("".join(map(str, digits))), 10 ** (-exponent - scale)
    return Decimal((0, Decimal(lcm(unscaled, unit) // unit).as_tuple().digits, -scale))


def _double(name: str) -> str:
    return f"CAST({name} AS double)"


def _duplicates(check: Check) -> str:
    names = [identifier(name) for name in check.columns]
    if len(names) == 1:
        return f"count({names[0]}) - count(DISTINCT {names[0]})"
    return f"count(*) - count(DISTINCT ROW({', '.join(names)}))"


def _orphaned(check: Check, to: Reference, columns: Columns) -> str:
    """Return the condition of a row whose reference has no target. A row with a null in its reference is no orphan."""
    padded = [columns[name].kind.is_padded for name in check.columns]
    here = [f"delivered.{identifier(name)}" for name in check.columns]
    there = [f"referred.{identifier(name)}" for name in to.columns]
    there = [UNPADDED.format(name) if is_padded else name for name, is_padded in zip(there, padded, strict=True)]
    table = ".".join(identifier(name) for name in (to.database, to.table))
    same = " AND ".join(f"{one} = {other}" for one, other in zip(there, here, strict=True))
    filled = " AND ".join(f"{name} IS NOT NULL" for name in here)
    return f"{filled} AND NOT EXISTS (SELECT 1 FROM {table} AS referred WHERE {same})"
