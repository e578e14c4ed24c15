"""What Trino computes in its own way: decimals, casts, doubles that are no numbers, collections, dates, chars.

Each answer here is one that Trino gave; tests/engine compares many more with Trino itself.
"""

import duckdb
import pytest
from sandbox_sql import answer_of_sandbox, prepared, shown

SCHEMA = {"lake": {"sales": {"price": "decimal(9,2)", "qty": "int", "weight": "double", "country": "char(5)"}}}

ANSWERS = [
    ("100.0 * count_if(qty > 1) / count(*)", "66.7"),
    ("avg(price)", "-2.93"),
    ("avg(price) FILTER (WHERE qty > 5)", "-7.1"),
    ("avg(DISTINCT price)", "-2.93"),
    ("avg(qty)", "5"),
    ("sum(price) / count(*)", "-1.95"),
    ("(SELECT max(price) FROM lake.sales) / 3", "0.42"),
    ("-5.35 / 2", "-2.68"),
    ("1 / 3.0", "0.3"),
    ("7 / 2", "3"),
    ("sum(price) / 0", "DIVISION_BY_ZERO"),
    ("1E0 / 0", "Infinity"),
    ("CAST(1 AS decimal(38, 37)) / CAST(1 AS decimal(38, 37))", "NOT_SUPPORTED"),
    ("avg(price) OVER ()", "NOT_SUPPORTED"),
    ("CAST('5.0' AS integer)", "INVALID_CAST_ARGUMENT"),
    ("TRY_CAST('1_0' AS integer)", "null"),
    ("try(CAST('x' AS integer))", "null"),
    ("CAST(' 1.5' AS decimal(4, 2))", "INVALID_CAST_ARGUMENT"),
    ("CAST('inf' AS double)", "INVALID_CAST_ARGUMENT"),
    ("CAST('yes' AS boolean)", "INVALID_CAST_ARGUMENT"),
    ("TRY_CAST('2024-01-31T10:00:00' AS timestamp)", "null"),
    ("CAST(-2.5E0 AS bigint)", "-3"),
    ("CAST(-0E0 AS varchar)", '"-0E0"'),
    ("nan() = nan()", "false"),
    ("count_if(weight / weight > 1)", "0"),
    ("ARRAY[1, 2][3]", "INVALID_FUNCTION_ARGUMENT"),
    ("element_at(ARRAY[1, 2], 3)", "null"),
    ("MAP(ARRAY[7], ARRAY['a'])[7]", '"a"'),
    ("MAP(ARRAY['a'], ARRAY[1])['b']", "INVALID_FUNCTION_ARGUMENT"),
    ("array_max(ARRAY[1, NULL])", "null"),
    ("date_trunc('month', DATE '2024-02-10')", '"2024-02-01"'),
    ("DATE '2024-01-31' + INTERVAL '1' MONTH", '"2024-02-29"'),
    ("extract(DOW FROM DATE '2024-02-25')", "7"),
    ("split_part('a,b', ',', 3)", "null"),
    ("regexp_replace('a1', '([a-z])([0-9])', '$2$1')", '"1a"'),
    ("json_extract_scalar('{\"a\": [1]}', '$.a')", "null"),
    ("max(length(country))", "5"),
    ("max(country || '!')", '"us   !"'),
    ("count_if(country = 'br')", "1"),
    ("max(regexp_like(country, 'b'))", "TYPE_MISMATCH"),
    ("any_match(ARRAY[1], x -> x > 0)", "NOT_SUPPORTED"),
    ("no_such_function(1)", "FUNCTION_NOT_FOUND"),
]


@pytest.fixture(scope="module")
def duck() -> duckdb.DuckDBPyConnection:
    duck = prepared(duckdb.connect())
    duck.execute("CREATE SCHEMA lake")
    duck.execute(
        "CREATE TABLE lake.sales AS SELECT price::DECIMAL(9, 2) AS price, qty, weight::DOUBLE AS weight, country "
        "FROM (VALUES (1.25, 3, 2.5, 'br'), (-7.10, 7, 0, 'us'), (NULL, NULL, NULL, NULL)) "
        "AS given(price, qty, weight, country)"
    )
    return duck


@pytest.mark.parametrize(("expression", "answer"), ANSWERS)
def test_an_expression_has_trinos_answer_or_error(
    duck: duckdb.DuckDBPyConnection, expression: str, answer: str
) -> None:
    rows = answer_of_sandbox(duck, f"SELECT {expression} FROM lake.sales", SCHEMA)
    found = rows.partition(":")[0] if isinstance(rows, str) else shown(rows[0][0])
    assert found == answer, rows


def test_a_common_table_s_types_are_known_in_what_reads_it(duck: duckdb.DuckDBPyConnection) -> None:
    totals = "SELECT sum(price) AS total, avg(price) AS mean FROM lake.sales"
    sql = f"WITH totals AS ({totals}) SELECT total / mean FROM totals"
    [[found]] = answer_of_sandbox(duck, sql, SCHEMA)
    assert shown(found) == "2"
