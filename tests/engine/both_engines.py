"""One query to both engines, and their answers in one form."""

import duckdb
from sandbox_sql import answer_of_sandbox, shown
from trino_server import Answered, Trino


def answers_of_both(trino: Trino, duck: duckdb.DuckDBPyConnection, sql: str) -> tuple[list, list]:
    """Return the rows of the sandbox and of Trino, each cell in one form."""
    by_sandbox = answer_of_sandbox(duck, sql)
    assert not isinstance(by_sandbox, str), f"{by_sandbox}\n{sql}"
    return [[*map(shown, row)] for row in by_sandbox], rows_of_trino(trino.ask(sql))


def rows_of_trino(answer: Answered) -> list:
    return [[shown(cell, type_) for cell, type_ in zip(row, answer.types, strict=True)] for row in answer.rows]


def assert_alike(trino: Trino, duck: duckdb.DuckDBPyConnection, sql: str) -> None:
    ours, theirs = answers_of_both(trino, duck, sql)
    assert theirs == ours, sql
