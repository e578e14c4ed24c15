"""`multipleOf` of a decimal: the SQL widens no value, for which a decimal of 38 digits has no room in Athena."""

from decimal import Decimal

import pytest

from acceptance.contract.checks import Check, Metric, Valid
from acceptance.contract.contract import Column
from acceptance.queries.metrics import counted_rows


@pytest.mark.parametrize(
    ("type_", "step", "expected"),
    [
        ("decimal(38,0)", Decimal("0.25"), "1"),
        ("decimal(38,0)", Decimal("12.5"), "25"),
        ("decimal(9,1)", Decimal("0.25"), "0.5"),
        ("decimal(9,2)", Decimal("0.25"), "0.25"),
        ("decimal(9,2)", 3, "3"),
        ("bigint", Decimal("0.3"), "3"),
        ("bigint", 100, "100"),
    ],
)
def test_a_step_has_no_more_digits_after_the_point_than_its_column(type_: str, step: int | Decimal, expected: str):
    column = Column("x", type_, "x")
    check = Check("x_multiple", Metric.INVALID_VALUES, columns=("x",), valid=Valid(multiple_of=step))
    assert counted_rows(check, {"x": column}) == f"NOT (\"x\" % DECIMAL '{expected}' = 0)"
