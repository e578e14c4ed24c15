"""Checks as values: metric and threshold, no SQL. `acceptance.queries.metrics` knows how each one is measured."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import assert_never

from acceptance.messages.message import Message, numeral

Number = int | float | Decimal


class Metric(StrEnum):
    """A quantity that a check bounds. S3 and the catalog answer the first group; Athena measures the second.

    Names of the second group are those of ODCS where ODCS has one.
    """

    LANDED_READABLE = "landedReadable"
    PARTITION_EXISTS = "partitionExists"
    COLUMNS_MATCH = "columnsMatch"
    LATENCY = "latency"

    ROWS_EQUAL_LANDED = "rowsEqualLanded"
    CELLS_EQUAL_LANDED = "cellsEqualLanded"
    ROW_COUNT = "rowCount"
    NULL_VALUES = "nullValues"
    MISSING_VALUES = "missingValues"
    INVALID_VALUES = "invalidValues"
    DUPLICATE_VALUES = "duplicateValues"
    ORPHANED_VALUES = "orphanedValues"
    SQL = "sql"


class Unit(StrEnum):
    ROWS = "rows"
    PERCENT = "percent"


class Severity(StrEnum):
    """The effect of a check that fails: an error rejects the delivery, a warning warns, info only informs."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Operator(StrEnum):
    """ODCS v3.2 operators. Both bounds of the between operators are inclusive."""

    MUST_BE = "mustBe"
    MUST_NOT_BE = "mustNotBe"
    MUST_BE_GREATER_THAN = "mustBeGreaterThan"
    MUST_BE_GREATER_OR_EQUAL_TO = "mustBeGreaterOrEqualTo"
    MUST_BE_LESS_THAN = "mustBeLessThan"
    MUST_BE_LESS_OR_EQUAL_TO = "mustBeLessOrEqualTo"
    MUST_BE_BETWEEN = "mustBeBetween"
    MUST_NOT_BE_BETWEEN = "mustNotBeBetween"


def exact(value: Number) -> Number:
    """Return the number as the contract or Athena writes it: 0.1 is a tenth."""
    return Decimal(repr(value)) if isinstance(value, float) else value


@dataclass(frozen=True, slots=True)
class Threshold:
    """An operator and its one or two bounds."""

    operator: Operator
    bounds: tuple[Number, ...]

    def holds(self, value: Number) -> bool:
        """Return True if the value satisfies the threshold. NaN satisfies none."""
        if value != value:
            return False
        value, low, high = exact(value), exact(self.bounds[0]), exact(self.bounds[-1])
        match self.operator:
            case Operator.MUST_BE:
                return value == low
            case Operator.MUST_NOT_BE:
                return value != low
            case Operator.MUST_BE_GREATER_THAN:
                return value > low
            case Operator.MUST_BE_GREATER_OR_EQUAL_TO:
                return value >= low
            case Operator.MUST_BE_LESS_THAN:
                return value < low
            case Operator.MUST_BE_LESS_OR_EQUAL_TO:
                return value <= low
            case Operator.MUST_BE_BETWEEN:
                return low <= value <= high
            case Operator.MUST_NOT_BE_BETWEEN:
                return not low <= value <= high

    def __str__(self) -> str:
        low, high = numeral(self.bounds[0]), numeral(self.bounds[-1])
        match self.operator:
            case Operator.MUST_BE:
                return Message("{number}", number=low)
            case Operator.MUST_NOT_BE:
                return Message("not {number}", number=low)
            case Operator.MUST_BE_GREATER_THAN:
                return Message("> {number}", number=low)
            case Operator.MUST_BE_GREATER_OR_EQUAL_TO:
                return Message(">= {number}", number=low)
            case Operator.MUST_BE_LESS_THAN:
                return Message("< {number}", number=low)
            case Operator.MUST_BE_LESS_OR_EQUAL_TO:
                return Message("<= {number}", number=low)
            case Operator.MUST_BE_BETWEEN:
                return Message("between {low} and {high}", low=low, high=high)
            case Operator.MUST_NOT_BE_BETWEEN:
                return Message("not between {low} and {high}", low=low, high=high)


NONE = Threshold(Operator.MUST_BE, (0,))
"""No row may be counted."""


@dataclass(frozen=True, slots=True)
class Valid:
    """The limits of a valid value of one column; None or empty is no limit. Null is always valid (see `required`).

    `minimum` to `exclusive_maximum` are typed as the column: numbers, or ISO texts for dates and timestamps.
    `pattern` must match somewhere in the text, as `regexp_like` does; anchor it to match the whole.
    """

    minimum: Number | str | None = None
    maximum: Number | str | None = None
    exclusive_minimum: Number | str | None = None
    exclusive_maximum: Number | str | None = None
    multiple_of: Number | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    values: tuple[Number | str | bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """The columns of another table, of the same catalog, among whose values those of a check must be."""

    database: str
    table: str
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.table}.{self.columns[0]}" if len(self.columns) == 1 else f"{self.table} ({', '.join(self.columns)})"
        )


@dataclass(frozen=True, slots=True)
class Check:
    """One promise. `id` is unique in its contract. What `threshold` bounds is the metric's count, in `unit`.

    `columns` are the columns it speaks of, empty for the whole table. `valid` belongs to INVALID_VALUES,
    `missing` (values that count as missing, beside null) to MISSING_VALUES, `sql` to SQL: a SELECT of one number where
    the delivered rows are the table `{object}`, `refers_to` to ORPHANED_VALUES. LATENCY is bounded in seconds.
    `expects` says it for people where the threshold alone does not.
    """

    id: str
    metric: Metric
    threshold: Threshold = NONE
    columns: tuple[str, ...] = ()
    unit: Unit = Unit.ROWS
    severity: Severity = Severity.ERROR
    dimension: str | None = None
    description: str = ""
    valid: Valid | None = None
    missing: tuple[Number | str | bool, ...] = ()
    sql: str | None = None
    refers_to: Reference | None = None
    expects: str = ""


def threshold_in_unit(check: Check, threshold: Threshold) -> Message:
    """Return the threshold for people, with the unit of the check: ">= 1 row", "between 0 and 1 rows"."""
    return in_unit(check, str(threshold), threshold.bounds[0] if len(threshold.bounds) == 1 else 2)


def in_unit(check: Check, number: str, value: Number) -> Message:
    """Return a value that is written so, with the unit of the check."""
    rows = int(value) if value == value and value == int(value) else 2
    if check.metric is Metric.LATENCY:
        return Message("{number} s", number=number)
    match check.unit:
        case Unit.ROWS:
            return Message.counted("{number} row", "{number} rows", rows, number=number)
        case Unit.PERCENT:
            return Message("{number} percent", number=number)
        case _:
            assert_never(check.unit)
