"""Everything measurable in one query; what cannot be fused beside it; rows of broken rules in one more."""

from collections.abc import Iterator
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
from builders import contract_text
from measured_table import SESSION, MeasuredTable

from acceptance.contract.checks import Severity
from acceptance.judging.judge import Measurement, Outcome, Verdict, judge, judge_check
from acceptance.odcs.columns.published_tables import published_tables
from acceptance.odcs.reader import read_contract
from sandbox.server import LocalAws

CUSTOMERS = """
apiVersion: v3.2.0
kind: DataContract
id: customers
version: 1.0.0
servers: [{server: sor, type: athena, schema: crm}]
schema:
  - id: customers_tbl
    name: customers
    physicalName: dim_customers
    properties:
      - {id: customer_no, name: number, physicalName: customer_no, logicalType: integer}
      - {id: country, name: country, logicalType: string}
"""
SALES = contract_text(
    "sales",
    """
      - {name: id, logicalType: integer, physicalType: int, primaryKey: true}
      - {name: customer, logicalType: integer, relationships: [{to: customers.number}]}
      - {name: country, logicalType: string}
      - {name: price, logicalType: number, physicalType: "decimal(9,2)", logicalTypeOptions: {minimum: 0}}
      - {name: pieces, logicalType: integer, physicalType: int}
      - {name: phone, logicalType: string, classification: restricted, logicalTypeOptions: {pattern: '^[0-9]+$'}}
      - {name: replaces, logicalType: integer, physicalType: int, relationships: [{to: sales.id}]}
    """,
    day="dt",
    relationships="""
      - from: [sales.customer, sales.country]
        to: [customers.odcs.yaml#/schema/customers_tbl/properties/customer_no,
             customers.odcs.yaml#/schema/customers_tbl/properties/country]
        customProperties: [{property: severity, vendor: aceite, value: warning}]
    """,
    quality="""
      - {id: whole, type: sql, query: "SELECT count(*) FROM {object} AS s WHERE s.pieces < 1 OR price IS NULL", mustBe: 0}
      - {id: dear, type: sql, query: "SELECT 100.0 * count_if(price > 50) / nullif(count(*), 0) FROM {object}",
         mustBeLessThan: 60}
      - {id: each, type: sql, query: "SELECT max(price / pieces) FROM {object}", mustBeLessThan: 100}
      - {id: best, type: sql, query: "SELECT max(total) FROM (SELECT sum(price) AS total FROM {object} GROUP BY customer)",
         mustBeLessThan: 1000}
    """,  # noqa: E501 - one rule a line reads best
)
GOOD = ["1, 10, 'BR', 5, 1, '11', NULL", "2, 10, 'BR', 60, 2, '22', 1", "3, NULL, 'PT', 7, 1, NULL, NULL"]


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeasuredTable]:
    published = published_tables(CUSTOMERS, "contracts/customers.odcs.yaml", {})
    contract = read_contract(SALES, "contracts/sales.odcs.yaml", {}, published)
    assert contract is not None
    with LocalAws() as running:
        _put_customers(running)
        yield MeasuredTable(running, contract, tmp_path_factory.mktemp("sales"))


def _put_customers(aws: LocalAws) -> None:
    def client(name: str) -> Any:
        return SESSION.client(name, endpoint_url=aws.endpoint)

    client("s3").create_bucket(Bucket="crm")
    client("s3").put_object(Bucket="crm", Key="dim/part.csv", Body=b"10,BR\n11,PT\n,BR\n")
    client("glue").create_database(DatabaseInput={"Name": "crm"})
    columns = [{"Name": "customer_no", "Type": "bigint"}, {"Name": "country", "Type": "string"}]
    storage = {
        "Columns": columns,
        "Location": "s3://crm/dim/",
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "SerdeInfo": {
            "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
            "Parameters": {"field.delim": ","},
        },
    }
    table = {"Name": "dim_customers", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage}
    client("glue").create_table(DatabaseName="crm", TableInput=table)


def test_rules_that_hold_take_one_query_and_one_beside_it_for_each_that_needs_a_join_or_groups(sales) -> None:
    judged = sales.judge(GOOD)
    assert judged.judgement.verdict is Verdict.ACCEPTED, judged.judgement.reason
    measured_by = {result.check.id: result.query_id for result in judged.judgement.results}
    first = judged.queries[0].query_id
    alone = {"customer_in_dim_customers", "replaces_in_sales", "customer_country_in_dim_customers", "best"}
    assert {id_ for id_, query_id in measured_by.items() if query_id not in (first, None)} == alone
    assert len(judged.queries) == 1 + len(alone)
    assert judged.queries[0].sql.count('"shop"."sales"') == 1
    assert all(query.sql.startswith("WITH delivered AS (") for query in judged.queries)


def test_what_is_measured_beside_the_one_query_is_asked_side_by_side(sales) -> None:
    all_at_once = Barrier(4)
    steps: list[str] = []

    def before(step: str) -> None:
        steps.append(step)
        if not step.startswith("measure the checks"):
            all_at_once.wait(timeout=60)  # raises if they come one after the other

    assert sales.judge(GOOD, before).judgement.verdict is Verdict.ACCEPTED
    assert len(steps) == 1 + all_at_once.parties


def test_every_query_tells_its_cost_its_result_and_its_text(sales) -> None:
    for query in sales.judge(GOOD).queries:
        assert query.query_id and query.sql and query.output_location.startswith("s3://")
        assert query.bytes_scanned > 0
        assert query.total_ms >= 0


def test_one_more_query_shows_rows_of_every_broken_rule_at_once(sales) -> None:
    rows = [*GOOD, "3, 99, 'BR', -1, -1, 'x', 1", "4, 11, 'BR', NULL, 1, 'y', 77"]
    judged = sales.judge(rows)
    shown = {(row[0], row[1]) for row in judged.shown}
    assert shown == {
        ("primary_key_unique", "3"),
        ("price_range", "3"),
        ("phone_pattern", "3"),
        ("phone_pattern", "4"),
        ("whole", "3"),
        ("whole", "4"),
        ("customer_in_dim_customers", "3"),
        ("customer_country_in_dim_customers", "3"),
        ("customer_country_in_dim_customers", "4"),
        ("replaces_in_sales", "4"),
    }
    assert judged["customer_country_in_dim_customers"].outcome is Outcome.WARNED
    assert judged.queries[-1].columns == ("broken rule", "id", "customer", "country", "price", "pieces", "phone",
                                          "replaces", "dt")  # fmt: skip
    assert {row[6] for row in judged.shown} == {"•••"}


def test_both_rows_of_a_doubled_key_are_shown(sales) -> None:
    judged = sales.judge(["1, 10, 'BR', 5, 1, '11', NULL", "1, 11, 'PT', 5, 1, '11', NULL"])
    assert [(row[0], row[2]) for row in judged.shown] == [("primary_key_unique", "10"), ("primary_key_unique", "11")]


def test_of_each_rule_at_most_five_rows_are_shown_in_the_order_of_the_key(sales) -> None:
    judged = sales.judge([f"{n}, 10, 'BR', -{n}, 1, 'x', NULL" for n in range(9, 0, -1)])
    assert [(row[0], row[1]) for row in judged.shown] == [
        (rule, str(n)) for rule in ("phone_pattern", "price_range") for n in range(1, 6)
    ]


def test_a_value_of_nowhere_is_an_orphan_and_null_refers_to_nothing(sales) -> None:
    judged = sales.judge([GOOD[0], "2, 12, 'BR', 5, 1, '1', NULL", "3, NULL, NULL, 5, 1, '1', NULL"])
    orphans = judged["customer_in_dim_customers"]
    assert (orphans.outcome, orphans.expected, orphans.observed) == (
        Outcome.FAILED,
        "every customer is in dim_customers.customer_no",
        "1 row",
    )


def test_a_rule_that_athena_cannot_compute_is_errored_and_hides_no_other(sales) -> None:
    """max(price / pieces) divides by zero, and is part of the one query until that fails."""
    judged = sales.judge([GOOD[0], "2, 10, 'BR', -5, 0, '1', NULL"])
    assert judged["each"].outcome is Outcome.ERRORED
    assert "DIVISION_BY_ZERO" in judged["each"].observed
    assert {id_ for id_ in ("whole", "price_range") if judged[id_].outcome is Outcome.FAILED} == {
        "whole",
        "price_range",
    }
    assert judged.judgement.verdict is Verdict.REJECTED


def test_a_pattern_that_athena_cannot_compile_is_errored_and_hides_no_other(sales) -> None:
    """The sandbox, unlike Athena, knows no pattern that looks behind: one that Athena refuses fails in the same way."""
    share = "{id: coded, metric: invalidValues, unit: percent, mustBeLessThan: 60, arguments: {pattern: '^B'}}"
    text = SALES.replace("'^[0-9]+$'", "'^(?<!x)[0-9]+$'").replace(
        "{name: country, logicalType: string}", f"{{name: country, logicalType: string, quality: [{share}]}}"
    )
    contract = read_contract(
        text, "contracts/sales.odcs.yaml", {}, published_tables(CUSTOMERS, "contracts/customers.odcs.yaml", {})
    )
    assert contract is not None
    judged = replace(sales, contract=contract).judge([GOOD[0], "2, 10, 'PT', -5, 1, '22', NULL"])
    assert judged["phone_pattern"].outcome is Outcome.ERRORED
    assert (judged["price_range"].outcome, judged["whole"].outcome) == (Outcome.FAILED, Outcome.PASSED)
    assert judged["coded"].observed == "50 percent (1 of 2 rows)"
    assert judged.judgement.verdict is Verdict.REJECTED


def test_a_rule_that_athena_cannot_compute_leaves_the_delivery_unjudged_if_nothing_else_is_wrong(sales) -> None:
    judged = sales.judge(["1, 10, 'BR', 5, 0, '11', NULL"])
    assert judged["whole"].outcome is Outcome.FAILED
    lenient = replace(judged["whole"].check, severity=Severity.WARNING)
    assert judge([judge_check(lenient, Measurement(1)), judged["each"]]).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("SELECT max(phone) FROM {object}", "a text"),
        ("SELECT max(phone) FROM (SELECT phone FROM {object})", "a text"),
        ("SELECT array_agg(phone) FROM {object}", "a list"),
        ("SELECT DATE '1971-02-03' FROM {object} LIMIT 1", "a date"),
    ],
)
def test_a_query_that_answers_no_number_is_told_by_its_kind_and_never_by_what_it_answered(sales, query, kind) -> None:
    text = SALES.replace(
        "    quality:\n", f'    quality:\n      - {{id: asked, type: sql, query: "{query}", mustBe: 0}}\n'
    )
    published = published_tables(CUSTOMERS, "contracts/customers.odcs.yaml", {})
    contract = read_contract(text, "contracts/sales.odcs.yaml", {}, published)
    assert contract is not None
    judged = replace(sales, contract=contract).judge(["1, 10, 'BR', 5, 1, '19710203', NULL"])
    assert judged["asked"].outcome is Outcome.ERRORED
    assert kind in judged["asked"].observed
    assert "1971" not in judged["asked"].observed


def test_a_rule_compares_with_the_decimal_that_it_names(sales) -> None:
    query = "SELECT count(*) FROM {object} WHERE price < DECIMAL '0.50'"
    text = SALES.replace(
        "    quality:\n", f'    quality:\n      - {{id: cheap, type: sql, query: "{query}", mustBe: 1}}\n'
    )
    published = published_tables(CUSTOMERS, "contracts/customers.odcs.yaml", {})
    contract = read_contract(text, "contracts/sales.odcs.yaml", {}, published)
    assert contract is not None
    rows = [f"{n}, 10, 'BR', {price}, 1, '1', NULL" for n, price in enumerate(("0.49", "0.50", "0.99"))]
    assert replace(sales, contract=contract).judge(rows)["cheap"].observed == "1"


@pytest.mark.parametrize("rule", ["whole", "dear"])
def test_a_fused_rule_answers_what_its_own_query_answers(sales, rule) -> None:
    judged = sales.judge([*GOOD, "4, 10, 'BR', 99, 1, '1', NULL", "5, 10, 'BR', NULL, 1, '1', NULL"])
    partition = judged.queries[0].sql.partition("WHERE ")[2].partition("\n")[0]
    alone = str(judged[rule].check.sql).replace("{object}", "delivered")
    answer = sales.ask(f"WITH delivered AS (SELECT * FROM shop.sales WHERE {partition}) {alone}")
    assert judged[rule].query_id == judged.queries[0].query_id
    assert float(judged[rule].observed.split()[0]) == float(answer.rows[0][0]) != 0
