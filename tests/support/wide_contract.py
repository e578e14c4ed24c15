"""A contract with many columns."""

from builders import a_contract

from acceptance.contract.checks import Check, Metric, Valid
from acceptance.contract.contract import Column, Contract, Table

KINDS = (
    "bigint",
    "string",
    "varchar(40)",
    "decimal(10,2)",
    "double",
    "float",
    "boolean",
    "date",
    "timestamp",
    "char(5)",
)
NUMBERS = ("bigint", "decimal(10,2)", "double", "float")


def wide_contract(count: int) -> Contract:
    """Columns of every kind in turn, each required, the numbers in a range, and all cells compared."""
    columns = [Column(f"a_column_with_a_name_{n:03}", KINDS[n % len(KINDS)], f"c{n}") for n in range(count)]
    required = [Check(f"{column.name}_required", Metric.NULL_VALUES, columns=(column.name,)) for column in columns]
    ranges = [
        Check(f"{column.name}_range", Metric.INVALID_VALUES, columns=(column.name,), valid=Valid(minimum=-5, maximum=5))
        for column in columns
        if column.type in NUMBERS
    ]
    compared = Check("cells_equal", Metric.CELLS_EQUAL_LANDED)
    table, checks = Table("awsdatacatalog", "lake", "wide", "primary"), (*required, *ranges, compared)
    return a_contract(table=table, columns=tuple(columns), checks=checks)
