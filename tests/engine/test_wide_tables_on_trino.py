"""Wide tables: Trino runs what Aceite asks of a thousand columns, and answers as the sandbox does."""

from decimal import Decimal

import duckdb
import pytest
from sandbox_sql import answer_of_sandbox, prepared
from trino_server import Trino
from wide_contract import wide_contract

from acceptance.queries.measuring_query import compile_checks

pytestmark = pytest.mark.engine


def test_a_thousand_columns_of_mixed_types_are_measured_as_the_sandbox_measures_them(trino: Trino):
    contract = wide_contract(1000)
    duck = prepared(duckdb.connect())
    of_hive = {"string": "varchar", "varchar(40)": "varchar", "char(5)": "varchar"}
    cells = ", ".join(
        f"TRY_CAST({'n % 2 = 0' if column.type == 'boolean' else _text(number, column.type)} AS "
        f"{of_hive.get(column.type, column.type)}) AS {column.name}"
        for number, column in enumerate(contract.columns)
    )
    duck.execute("CREATE SCHEMA lake")
    duck.execute(f"CREATE TABLE lake.wide AS SELECT {cells} FROM range(20) AS t (n)")
    folder = trino.external_table("wide", {column.name: column.type for column in contract.columns})
    duck.execute(f"COPY lake.wide TO '{(folder / 'part.parquet').as_posix()}' (FORMAT parquet)")
    query = compile_checks(contract, {}, {column.name for column in contract.columns})
    for each in (query, *query.more):
        by_sandbox = answer_of_sandbox(duck, each.sql)
        assert not isinstance(by_sandbox, str), by_sandbox
        assert [_numbers(row) for row in trino.ask(each.sql).rows] == [_numbers(row) for row in by_sandbox]


def _text(number: int, type_: str) -> str:
    """SQL of a cell's text: some are null, some in the range, and those of times are times."""
    if type_ == "date":
        return f"DATE '2026-01-01' + CAST(n + {number} AS INTEGER)"
    if type_ == "timestamp":
        return f"TIMESTAMP '2026-01-01 10:00:00.123' + to_days(CAST(n + {number} AS INTEGER))"
    return f"CASE WHEN n % 5 = 0 THEN NULL ELSE (n * {number + 1}) % 17 - 8 END"


def _numbers(row) -> list[int]:
    return [int(Decimal(str(cell))) for cell in row]
