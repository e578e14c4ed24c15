"""Allowed and missing values of a float: a negative zero is 0 in each list, which Trino alone does not say of it."""

from acceptance.contract.checks import Check, Metric, Valid
from acceptance.contract.contract import Column
from acceptance.queries.metrics import counted_rows

VALUES = (0, 2.5)


def test_a_negative_zero_of_a_float_is_among_the_values_with_zero():
    allowed = Check("x_values", Metric.INVALID_VALUES, columns=("x",), valid=Valid(values=VALUES))
    missing = Check("x_missing", Metric.MISSING_VALUES, columns=("x",), missing=VALUES)
    real, double = ({"x": Column("x", type_, "x")} for type_ in ("float", "double"))
    assert counted_rows(allowed, real) == "NOT ((\"x\" + REAL '0') IN (0, 2.5))"
    assert counted_rows(missing, real) == '"x" IS NULL OR ("x" + REAL \'0\') IN (0, 2.5)'
    assert counted_rows(missing, double) == '"x" IS NULL OR "x" IN (0, 2.5)'
