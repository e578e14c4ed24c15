"""SQL that people write in rules: the sandbox answers what Trino does, or says that it cannot tell."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine.both_engines import rows_of_trino
from sandbox_sql import answer_of_sandbox, prepared, sandbox_table, shown
from trino_server import Refused, Trino

pytestmark = pytest.mark.engine

TYPES = {
    "id": "bigint",
    "qty": "int",
    "price": "decimal(9,2)",
    "rate": "decimal(5,4)",
    "weight": "double",
    "name": "string",
    "country": "char(5)",
}
ROWS = [
    (1, 3, "1.25", "0.3333", 2.5, "ana", "br"),
    (2, 7, "-7.10", "0.0001", -0.0, "São Paulo", "us"),
    (3, 0, "999.99", "-1.5000", 1e10, "", "br"),
    (4, None, None, None, None, None, None),
    (5, -2, "0.00", "9.9999", 0.1, " b ", "cabcd"),
]


EXPRESSIONS = [
    line
    for line in Path(__file__).with_name("sql_rules.sql").read_text(encoding="utf-8").splitlines()
    if line[:2].strip("-")
]
KNOWN = {
    "corr(qty, id)": "Trino computes it in the 32 bits of `real`",
    "greatest(1E0, nan())": "releases of Trino differ, and nobody knows which Athena follows",
    "max(weight / weight)": "the same",
    "array_sum(ARRAY[1, 2])": "`contracts check` refuses it, as Athena has no such function",
    "CAST('abc' AS char(5))": "the sandbox shows a char without its padding",
    "CAST(TIMESTAMP '2024-01-31 10:20:30.9996' AS varchar)": "the sandbox knows milliseconds only",
}


@pytest.fixture(scope="module")
def duck(trino: Trino) -> duckdb.DuckDBPyConnection:
    file = trino.external_table("sales", TYPES) / "part.parquet"
    cells = dict(zip(TYPES, zip(*ROWS, strict=True), strict=True))
    arrays = {
        "id": pa.array(cells["id"], pa.int64()),
        "qty": pa.array(cells["qty"], pa.int32()),
        "price": pa.array(cells["price"]).cast(pa.decimal128(9, 2)),
        "rate": pa.array(cells["rate"]).cast(pa.decimal128(5, 4)),
        "weight": pa.array(cells["weight"], pa.float64()),
        "name": pa.array(cells["name"]),
        "country": pa.array(cells["country"]),
    }
    pq.write_table(pa.table(arrays), file)
    duck = prepared(duckdb.connect())
    sandbox_table(duck, "sales", TYPES, file)
    return duck


def of_trino(trino: Trino, sql: str) -> str:
    try:
        rows = rows_of_trino(trino.ask(sql))
    except Refused:
        return "refused"
    return str(sorted({cell for [cell] in rows}))


def of_sandbox(duck: duckdb.DuckDBPyConnection, sql: str) -> str:
    answer = answer_of_sandbox(duck, sql, {"lake": {"sales": TYPES}})
    if isinstance(answer, str):
        return "cannot tell" if answer.startswith("NOT_SUPPORTED") else "refused"
    return str(sorted({shown(cell) for [cell] in answer}))


def test_the_sandbox_answers_as_trino_or_says_that_it_cannot_tell(trino: Trino, duck: duckdb.DuckDBPyConnection):
    wrong, untold = {}, []
    for each in EXPRESSIONS:
        sql = f"SELECT {each} FROM lake.sales"
        theirs, ours = of_trino(trino, sql), of_sandbox(duck, sql)
        if ours == "cannot tell":
            untold.append(each)
        elif ours != theirs and each not in KNOWN:
            wrong[each] = f"{theirs}, and the sandbox: {ours}"
    assert not wrong, "\n".join(f"{each}: {answers}" for each, answers in wrong.items())
    assert len(untold) < len(EXPRESSIONS) / 10, untold
