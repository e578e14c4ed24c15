from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from polling import eventually
from sandbox_answers import Answer

Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def sales(ask: Ask, lake: str) -> str:
    made = ask(
        "CREATE TABLE lake.sales WITH (format = 'PARQUET', partitioned_by = ARRAY['day']) AS SELECT * FROM (VALUES "
        "(1, 'ana', 1.5E0, DECIMAL '2.50', DATE '2024-01-31', TIMESTAMP '2024-01-31 10:20:30.123', true, 20240131), "
        "(2, 'b\"x,\ny', -12345678.25E0, DECIMAL '3.10', DATE '2024-02-01', NULL, false, 20240131), "
        "(3, NULL, NULL, NULL, NULL, NULL, NULL, 20240201)) AS t (id, name, weight, price, born, seen, ok, day)"
    )
    assert made.state == "SUCCEEDED", made.reason
    return "lake.sales"


# The values are those of Trino's documentation, or follow from it.
EXPRESSIONS = [
    ("count(*)", "3"),
    ("count_if(weight > 0)", "1"),
    ("count(name) - count(DISTINCT name)", "0"),
    ("count(*) - count(DISTINCT ROW(name, born))", "0"),
    ("count_if(NOT (regexp_like(name, '^[a-z]+$')))", "1"),
    ("count_if(NOT (regexp_like(name, '^(?=.*[,(])(?=[^)]*\")(?!.*ana)(?s:.)+$')))", "1"),
    ("count_if(regexp_like(name, '(?i)^(?=A)(?!.*[])|0-9]).{3}$'))", "1"),
    ("regexp_like('ab', '^(?=a|b)(?!b).b$') AND NOT regexp_like('bb', '^(?=a|b)(?!b).b$')", "true"),
    ("regexp_like('ab' || chr(10), '^ab$') AND NOT regexp_like('ab' || chr(10), '^ab\\z')", "true"),
    ("regexp_like('\u00e9', '^\\u00e9$') AND regexp_like('a1', '^(?<letter>[a-z])1$')", "true"),
    ("max(length(name))", "6"),
    ("max(length(to_utf8('ção')))", "5"),
    ("bitwise_and(6, 3)", "2"),
    ("to_hex(md5(to_utf8('ana')))", "276B6C4692E78D4799C12ADA515BC3E4"),
    ("from_big_endian_64(substr(md5(to_utf8('ana')), 1, 8))", str(0x276B6C4692E78D47)),
    ("from_big_endian_64(substr(md5(to_utf8('ana')), 9, 8))", str(0x99C12ADA515BC3E4 - 2**64)),
    ("to_hex(to_ieee754_64(1.5E0))", "3FF8000000000000"),
    ("sum(CAST(from_big_endian_64(x'7FFFFFFFFFFFFFFF') AS decimal(38, 0)))", str(3 * (2**63 - 1))),
    ("concat('a', chr(31), 'b')", "a\x1fb"),
    ("concat('a', NULL)", None),
    ("coalesce(max(nullif(name, name)), '-')", "-"),
    ("array_join(ARRAY['a', NULL, 'c'], ',', '~')", "a,~,c"),
    ("array_join(ARRAY['a', NULL, 'c'], ',')", "a,c"),
    ("CAST(1.5E0 AS varchar)", "1.5E0"),
    ("CAST(-12345678.25E0 AS varchar)", "-1.234567825E7"),
    ("CAST(true AS varchar)", "true"),
    ("CAST(DECIMAL '2.50' AS varchar)", "2.50"),
    ("CAST(decimal '-0.005' AS varchar)", "-0.005"),
    ("CAST(CAST('0.50' AS decimal) AS varchar)", "1"),
    ("CAST(CAST(2.49 AS decimal) AS varchar)", "2"),
    ("CHAR 'ab'", "ab"),
    ("CAST('ab' AS char)", "a"),
    ("CAST(DATE '2024-01-31' AS varchar)", "2024-01-31"),
    ("CAST(TIMESTAMP '2024-01-31 10:20:30' AS varchar)", "2024-01-31 10:20:30.000"),
    ("CAST('abcdef' AS varchar(3))", "abc"),
    ("CAST('2024-01-31' AS date)", "2024-01-31"),
    ("CAST('2024-01-31 10:20:30.5' AS timestamp)", "2024-01-31 10:20:30.500"),
    ("CAST('12.345' AS decimal(4,2))", "12.35"),
    ("date_format(CAST(max(seen) AS timestamp(3)), '%Y-%m-%d %H:%i:%s.%f')", "2024-01-31 10:20:30.123000"),
    ("count_if(is_nan(weight))", "0"),
    ("count_if(is_finite(weight))", "2"),
    ("is_nan(nan())", "true"),
    ("infinity()", "Infinity"),
    ("1E7", "1.0E7"),
    ("0.001E0", "0.001"),
    ("round(min(weight), 1)", "-1.23456783E7"),
    ("sum(CAST(price AS decimal(38, 2)))", "5.60"),
    ("CAST(0.3 AS decimal(38, 9)) % CAST(0.1 AS decimal(38, 9))", "0.000000000"),
    ("approx_distinct(id)", "3"),
    ("7 / 2", "3"),
    ("substr('abcdef', -3, 2)", "de"),
    ("regexp_extract('abc', '[0-9]+')", None),
    ("date_diff('month', DATE '2024-01-31', DATE '2024-02-28')", "0"),
    ("CAST(length(CAST(1.5E0 AS varchar)) AS varchar)", "5"),
    ("(SELECT count(*) FROM sales WHERE price > 3)", "1"),
    ("lpad(CAST(max(id) AS varchar), 3, '0')", "003"),
    ("max(name LIKE 'a%')", "true"),
]


def test_the_functions_answer_what_athena_answers(ask: Ask, sales: str) -> None:
    answer = ask(f"SELECT {', '.join(sql for sql, _ in EXPRESSIONS)} FROM sales")
    assert answer.state == "SUCCEEDED", answer.reason
    assert {sql: cell for (sql, _), cell in zip(EXPRESSIONS, answer.rows[0], strict=True)} == dict(EXPRESSIONS)


def test_columns_have_types_and_values_athenas_texts(ask: Ask, sales: str) -> None:
    answer = ask(
        "SELECT id, name, weight, price, born, seen, ok, ARRAY[1, NULL], MAP(ARRAY['k'], ARRAY[1]) "
        "FROM sales ORDER BY id"
    )
    kinds = ["integer", "varchar", "double", "decimal", "date", "timestamp", "boolean", "array", "map"]
    assert answer.types == kinds
    assert answer.rows[0] == (
        "1",
        "ana",
        "1.5",
        "2.50",
        "2024-01-31",
        "2024-01-31 10:20:30.123",
        "true",
        "[1, null]",
        "{k=1}",
    )
    assert answer.rows[2] == ("3", *[None] * 6, "[1, null]", "{k=1}")


def test_the_result_is_a_csv_at_the_output_location_with_every_value_quoted(ask: Ask, sales: str, s3: Any) -> None:
    answer = ask("SELECT id, name FROM sales ORDER BY id")
    bucket, key = answer.output.removeprefix("s3://").split("/", 1)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() == (
        '"id","name"\n"1","ana"\n"2","b""x,\ny"\n"3",\n'
    )


def test_common_table_expressions_and_quoted_names(ask: Ask, sales: str) -> None:
    answer = ask(
        'WITH delivered AS (SELECT "id", "day" FROM "awsdatacatalog"."lake"."sales" WHERE "day" = 20240131) '
        'SELECT count(*) AS "rows", (SELECT max(id) FROM delivered) AS "the ""id""" FROM delivered'
    )
    assert answer.rows == [("2", "2")]


def test_a_star_leaves_out_the_path_that_a_query_names(ask: Ask, sales: str) -> None:
    paths = ask('WITH named AS (SELECT *, "$path" AS p FROM sales WHERE id = 1) SELECT * FROM named')
    assert len(paths.rows[0]) == 9
    assert str(paths.rows[0][8]).startswith("s3://athena-results/tables/")
    assert len(ask("WITH all_of_it AS (SELECT * FROM sales) SELECT * FROM all_of_it").rows[0]) == 8


def test_columns_without_a_name_are_numbered(ask: Ask, client: Callable[[str], Any]) -> None:
    answer = ask("SELECT 1, 2 AS two, count(*) FROM (SELECT 1 AS a)")
    columns = client("athena").get_query_results(QueryExecutionId=answer.id)["ResultSet"]["ResultSetMetadata"][
        "ColumnInfo"
    ]
    assert [column["Name"] for column in columns] == ["_col0", "two", "_col2"]


def test_parameters_are_filled_in_order_and_not_inside_texts(ask: Ask, sales: str) -> None:
    answer = ask("SELECT '?', ? FROM sales WHERE name = ? -- ?", ["'it''s'", "'ana'"])
    assert answer.rows == [("?", "it's")]


@pytest.mark.parametrize("parameters", [["1"], ["1", "2", "3"]])
def test_a_wrong_number_of_parameters_fails(ask: Ask, parameters: list[str]) -> None:
    assert "INVALID_PARAMETER_USAGE" in ask("SELECT ?, ?", parameters).reason


@pytest.mark.parametrize("parameter", ["1; DROP TABLE lake.sales", "1) OR (1 = 1", "'a' --"])
def test_a_parameter_is_one_value(ask: Ask, sales: str, parameter: str) -> None:
    answer = ask("SELECT count(*) FROM sales WHERE id = (?)", [parameter])
    assert answer.state == "FAILED" or answer.rows == [("0",)]
    assert ask("SELECT count(*) FROM sales").rows == [("3",)]


FAILURES = [
    ("SELECT * FROM lake.nope", "TABLE_NOT_FOUND: line 1:20: Table 'awsdatacatalog.lake.nope' does not exist"),
    ("SELECT * FROM nowhere.t", "SCHEMA_NOT_FOUND: line 1:15: Schema 'nowhere' does not exist"),
    ("SELECT nope FROM sales", "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"),
    ("SELECT\n  s.nope FROM sales s", "COLUMN_NOT_FOUND: line 2:5: Column 'nope' cannot be resolved"),
    ("SELECT nope(id) FROM sales", "FUNCTION_NOT_FOUND: line 1:8: Function 'nope' not registered"),
    ("SELECT id FROM sales WHERE name > 3", "TYPE_MISMATCH"),
    ("SELECT id FROM sales WHERE id = 'x'", "TYPE_MISMATCH"),
    ("SELECT id, count(*) FROM sales", "EXPRESSION_NOT_AGGREGATE"),
    ("SELECT CAST(coalesce(name, 'x') AS integer) FROM sales", "INVALID_CAST_ARGUMENT"),
    ("SELECT 1 / (id - id) FROM sales", "DIVISION_BY_ZERO"),
    ("SELECT (SELECT id FROM sales)", "SUBQUERY_MULTIPLE_ROWS"),
    ("SELEC 1", "SYNTAX_ERROR: line 1:7"),
    ("SELECT regexp_like(name, 'b(?<=b)') FROM sales", "NOT_SUPPORTED: the sandbox matches by RE2"),
    ("SELECT regexp_like(name, '^(?=a)a|b') FROM sales", "NOT_SUPPORTED: the sandbox matches by RE2"),
    ("SELECT regexp_like(name, '[a-z&&[^b]]') FROM sales", "NOT_SUPPORTED: the sandbox matches by RE2"),
    ("SELECT regexp_like(name || '\u00e9', '\\bana') FROM sales", "NOT_SUPPORTED: the sandbox matches by RE2"),
    ("SELECT regexp_like(name, '\\p{Alpha}') FROM sales", "NOT_SUPPORTED: the sandbox matches by RE2"),
    ("SELECT 1; SELECT 2", "NOT_SUPPORTED"),
    ("DELETE FROM sales", "NOT_SUPPORTED"),
]


@pytest.mark.parametrize(("sql", "reason"), FAILURES)
def test_a_query_that_cannot_run_fails_with_athenas_code(ask: Ask, sales: str, sql: str, reason: str) -> None:
    answer = ask(sql)
    assert answer.state == "FAILED"
    assert answer.reason.startswith(reason)


def test_a_query_reads_no_file_of_this_machine(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    answer = ask(f"SELECT * FROM read_text('{(tmp_path / 'secret.txt').as_posix()}')")
    assert answer.state == "FAILED"


def test_no_result_is_given_of_a_failed_query_or_an_unknown_one(ask: Ask, client: Callable[[str], Any]) -> None:
    athena, failed = client("athena"), ask("SELECT * FROM lake.nope")
    with pytest.raises(ClientError, match="Final query state: FAILED"):
        athena.get_query_results(QueryExecutionId=failed.id)
    with pytest.raises(ClientError, match="was not found"):
        athena.get_query_execution(QueryExecutionId="nothing")


def test_results_come_in_pages(ask: Ask, client: Callable[[str], Any]) -> None:
    answer = ask("SELECT n FROM UNNEST(sequence(1, 2500)) AS t (n)")
    pages = list(client("athena").get_paginator("get_query_results").paginate(QueryExecutionId=answer.id))
    assert [len(page["ResultSet"]["Rows"]) for page in pages] == [1000, 1000, 501]


def test_only_what_a_query_needs_is_scanned(ask: Ask, lake: str) -> None:
    ask(
        "CREATE TABLE lake.wide WITH (partitioned_by = ARRAY['p']) AS "
        "SELECT n, to_hex(md5(to_utf8(CAST(n AS varchar)))) AS text, n % 2 AS p "
        "FROM UNNEST(sequence(1, 20000)) AS t (n)"
    )
    scanned = {
        sql: ask(f"SELECT {sql}").statistics["DataScannedInBytes"]
        for sql in ("max(text) FROM lake.wide", "max(text) FROM lake.wide WHERE p = 1", "max(n) FROM lake.wide", "1")
    }
    everything, half, narrow, nothing = scanned.values()
    assert everything > 20000 * 16
    assert half == pytest.approx(everything / 2, rel=0.2)
    assert narrow < half
    assert nothing == 0


def test_a_running_query_can_be_stopped(client: Callable[[str], Any]) -> None:
    athena = client("athena")
    numbers = "UNNEST(sequence(1, 100000))"
    sql = f"SELECT count(*) FROM {numbers} AS a (n), {numbers} AS b (m) WHERE n * m % 7 = 3"
    started = athena.start_query_execution(QueryString=sql)["QueryExecutionId"]

    def state() -> str:
        return athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]["State"]

    eventually(lambda: state() == "RUNNING", "the query runs")
    athena.stop_query_execution(QueryExecutionId=started)
    assert state() == "CANCELLED"


def test_a_workgroup_may_enforce_its_output_location(client: Callable[[str], Any], s3: Any) -> None:
    athena = client("athena")
    s3.create_bucket(Bucket="enforced")
    athena.create_work_group(
        Name="strict", Configuration={"ResultConfiguration": {"OutputLocation": "s3://enforced/here/"}}
    )
    started = athena.start_query_execution(
        QueryString="SELECT 1", WorkGroup="strict", ResultConfiguration={"OutputLocation": "s3://elsewhere/"}
    )["QueryExecutionId"]
    shown = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["ResultConfiguration"][
        "OutputLocation"
    ]
    assert shown == f"s3://enforced/here/{started}.csv"
    with pytest.raises(ClientError, match="WorkGroup nobody is not found"):
        athena.start_query_execution(QueryString="SELECT 1", WorkGroup="nobody")
