"""Every check can fail: each is measured by the sandbox's Athena on rows that hold it, and on rows that break it."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from builders import a_delivery, contract_text
from contract_texts import watched

from acceptance.contract.contract import Contract
from acceptance.deliveries.placeholders import partition_values
from acceptance.judging.findings import CatalogFacts, Findings, LandedFacts, judge_findings, usable_columns
from acceptance.judging.judge import CheckResult, Judgement, Outcome, Verdict
from acceptance.proof.fingerprint import Fingerprint
from acceptance.queries.measuring_query import compile_checks, read_answer
from acceptance.queries.sample_query import sample_query
from aws.athena import connect, run_query
from sandbox.pipeline.provision import provision
from sandbox.server import LocalAws

CONTRACT = contract_text(
    "orders",
    """
      - {name: id, logicalType: integer, physicalType: bigint, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: line, logicalType: integer, physicalType: int, required: true, primaryKey: true, primaryKeyPosition: 2}
      - {name: code, logicalType: string, unique: true, logicalTypeOptions: {minLength: 2, maxLength: 5, pattern: '^[A-Z]+$'}}
      - {name: price, logicalType: number, physicalType: "decimal(9,2)", logicalTypeOptions: {minimum: 0, exclusiveMaximum: 1000, multipleOf: 0.05}}
      - {name: weight, logicalType: number, physicalType: double, logicalTypeOptions: {exclusiveMinimum: 0, maximum: 50}}
      - {name: status, logicalType: string, enum: [{value: new}, {value: paid}]}
      - {name: day, logicalType: date, logicalTypeOptions: {minimum: "2026-01-01", maximum: "2026-12-31"}}
      - {name: at, logicalType: timestamp, logicalTypeOptions: {maximum: "2026-12-31 23:59:59"}}
      - name: note
        logicalType: string
        classification: confidential
        quality:
          - {id: few_empty_notes, metric: missingValues, arguments: {missingValues: ["", n/a]}, unit: percent, mustBeLessThan: 40}
          - {id: notes_nulls, metric: nullValues, mustBeLessOrEqualTo: 1, severity: warning}
          - {id: notes_known, metric: invalidValues, arguments: {validValues: [ok, late, "", n/a]}, mustBe: 0}
    """,  # noqa: E501 - one property a line reads best
    day="dt",
    quality="""
      - {id: enough, metric: rowCount, mustBeBetween: [2, 5]}
      - {id: one_status_a_day, metric: duplicateValues, arguments: {properties: [status, day]}, mustBeLessOrEqualTo: 1}
      - {id: paid_has_price, type: sql, query: "SELECT count(*) FROM {object} WHERE status = 'paid' AND price IS NULL", mustBe: 0}
    """,  # noqa: E501 - one rule a line reads best
)
COLUMNS = ("id", "line", "code", "price", "weight", "status", "day", "at", "note")
GOOD = [
    (1, 1, "'AB'", "1.50", "2.5", "'new'", "DATE '2026-01-01'", "TIMESTAMP '2026-05-01 10:00:00'", "'ok'"),
    (1, 2, "'ABCDE'", "999.95", "50", "'paid'", "DATE '2026-12-31'", "TIMESTAMP '2026-05-01 10:00:00'", "'late'"),
    (2, 1, "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"),
]


@pytest.fixture(scope="module")
def contract() -> Contract:
    return watched(CONTRACT)


@pytest.fixture(scope="module")
def aws(contract: Contract) -> Iterator[LocalAws]:
    with LocalAws() as running:
        provision(boto3.Session("test", "test", region_name="us-east-1"), running.endpoint, [contract])
        yield running


@pytest.fixture
def judged(aws: LocalAws, contract: Contract, tmp_path: Path, days: Iterator[date]) -> Callable[..., Judgement]:
    """Puts rows into a partition of their own, measures them, and judges."""
    session = boto3.Session("test", "test", region_name="us-east-1")

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=aws.endpoint)

    def judge(rows: list[tuple[Any, ...]]) -> Judgement:
        day = next(days)
        delivery = a_delivery(day=day)
        partition = partition_values(contract, delivery)
        table = client("glue").get_table(DatabaseName="shop", Name="orders")["Table"]
        location = f"{table['StorageDescriptor']['Location'].rstrip('/')}/dt={partition['dt']}/"
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        client("s3").put_object(Bucket=bucket, Key=prefix + "part.parquet", Body=_parquet(contract, rows, tmp_path))
        storage = {**table["StorageDescriptor"], "Location": location}
        entry = {"Values": [partition["dt"]], "StorageDescriptor": storage}
        client("glue").create_partition(DatabaseName="shop", TableName="orders", PartitionInput=entry)
        columns = {column.name: column.type for column in contract.columns}
        catalog = CatalogFacts(columns, partition_found=True, has_objects=True, location=location)
        query = compile_checks(contract, partition, usable_columns(contract, catalog))
        athena = connect(session, endpoint_url=aws.endpoint, region="us-east-1", workgroup="primary", database="shop")
        answer = run_query(athena, query.sql, within=timedelta(minutes=1))
        facts, measured = read_answer(query, answer.rows[0], answer.query_id)
        landed = LandedFacts(facts.rows, facts.fingerprint)
        findings = Findings(landed=landed, catalog=catalog, table=facts, measured=measured, query_id=answer.query_id)
        return judge_findings(contract, findings)

    return judge


@pytest.fixture(scope="module")
def days() -> Iterator[date]:
    return (date(2026, 1, 1) + timedelta(days=number) for number in count())


def _parquet(contract: Contract, rows: list[tuple[Any, ...]], folder: Path) -> bytes:
    kinds = {column.name: column.type.replace("string", "varchar") for column in contract.columns}
    selected = ", ".join(f'CAST("{name}" AS {kinds[name]}) AS "{name}"' for name in COLUMNS)
    values = ", ".join(f"({', '.join(map(str, row))})" for row in rows)
    source = f"(VALUES {values}) AS t({_quoted()})" if rows else f"(SELECT {_nulls()}) AS t WHERE false"
    path = folder / "part.parquet"
    duckdb.execute(f"COPY (SELECT {selected} FROM {source}) TO '{path.as_posix()}' (FORMAT parquet)")
    return path.read_bytes()


def _quoted() -> str:
    return ", ".join(f'"{name}"' for name in COLUMNS)


def _nulls() -> str:
    return ", ".join(f'NULL AS "{name}"' for name in COLUMNS)


def with_cell(column: str, value: str, row: int = 0) -> list[tuple[Any, ...]]:
    rows = [list(each) for each in GOOD]
    rows[row][COLUMNS.index(column)] = value
    return [tuple(each) for each in rows]


def result_of(judgement: Judgement, check: str) -> CheckResult:
    return next(result for result in judgement.results if result.check.id == check)


def test_good_rows_are_accepted_and_every_check_was_measured(judged, contract):
    judgement = judged(GOOD)
    assert judgement.verdict is Verdict.ACCEPTED, judgement.reason
    assert {result.outcome for result in judgement.results if result.check.id != "landed_readable"} == {Outcome.PASSED}


@pytest.mark.parametrize(
    ("column", "value", "check"),
    [
        ("id", "NULL", "id_not_null"),
        ("code", "'A'", "code_length"),
        ("code", "'ABCDEF'", "code_length"),
        ("code", "'Ab'", "code_pattern"),
        ("code", "'ABCDE'", "code_unique"),
        ("price", "-0.05", "price_range"),
        ("price", "1000", "price_range"),
        ("price", "1.01", "price_multiple"),
        ("weight", "0", "weight_range"),
        ("weight", "50.001", "weight_range"),
        ("weight", "'NaN'::double", "weight_range"),
        ("weight", "'Infinity'::double", "weight_range"),
        ("status", "'New'", "status_values"),
        ("day", "DATE '2025-12-31'", "day_range"),
        ("at", "TIMESTAMP '2027-01-01 00:00:00'", "at_range"),
        ("note", "'never'", "notes_known"),
        ("note", "'n/a'", "few_empty_notes"),
    ],
)
def test_one_wrong_cell_fails_its_check_and_rejects(judged, column, value, check):
    judgement = judged(with_cell(column, value))
    assert result_of(judgement, check).outcome is Outcome.FAILED, result_of(judgement, check)
    assert judgement.verdict is Verdict.REJECTED


def test_a_doubled_key_is_found_although_each_of_its_columns_repeats(judged):
    judgement = judged(with_cell("line", "2"))
    assert result_of(judgement, "primary_key_unique").outcome is Outcome.FAILED


def test_too_few_and_too_many_rows_are_found(judged):
    for rows in ([], GOOD[:1], GOOD * 2):
        enough = result_of(judged(rows), "enough")
        observed = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
        assert (enough.outcome, enough.observed) == (Outcome.FAILED, observed)


def test_a_warning_warns(judged):
    rows = with_cell("note", "NULL")
    judgement = judged(rows)
    assert result_of(judgement, "notes_nulls").outcome is Outcome.WARNED
    assert result_of(judgement, "few_empty_notes").observed == "66.6667 percent (2 of 3 rows)"


def test_a_percentage_of_no_rows_is_skipped_and_not_passed(judged):
    assert result_of(judged([]), "few_empty_notes").outcome is Outcome.SKIPPED


def test_a_free_query_counts_over_the_delivered_rows_alone(judged):
    judged(with_cell("price", "NULL", row=1))
    assert result_of(judged(GOOD), "paid_has_price").outcome is Outcome.PASSED
    assert result_of(judged(with_cell("price", "NULL", row=1)), "paid_has_price").outcome is Outcome.FAILED


def test_duplicates_over_several_columns_have_their_own_threshold(judged):
    rows = [(n, 1, "NULL", "NULL", "NULL", "'new'", "DATE '2026-01-01'", "NULL", "'ok'") for n in (1, 2, 3)]
    duplicates = result_of(judged(rows), "one_status_a_day")
    assert (duplicates.outcome, duplicates.observed) == (Outcome.FAILED, "2 rows")


def test_a_sensitive_column_is_masked_by_the_query_itself(contract):
    usable = {column.name for column in contract.columns}
    sql = sample_query(contract, {"dt": "20260101"}, usable, contract.checks)
    assert "'•••' AS \"note\"" in sql


def facts(contract: Contract, **changed: Any) -> Findings:
    columns = {column.name: column.type for column in contract.columns}
    catalog = CatalogFacts(columns, partition_found=True, has_objects=True, location="s3://sor/orders/dt=1/")
    return Findings(landed=LandedFacts(3, Fingerprint(3, 1, 2)), catalog=catalog, **changed)


def test_a_nested_column_that_the_contract_lacks_is_told_with_what_to_write(contract):
    findings = facts(contract)
    assert findings.catalog is not None
    columns = {**findings.catalog.columns, "tags": "array<string>"}
    judgement = judge_findings(contract, Findings(catalog=CatalogFacts(columns, True, True, None)))
    observed = result_of(judgement, "columns_match").observed
    assert (
        observed
        == "tags array<string> is not in the contract (describe it; with `compare: false` its cells are not proven)"
    )


def test_a_column_of_another_type_fails_the_schema_check_and_skips_what_it_makes_meaningless(contract):
    findings = facts(contract)
    assert findings.catalog is not None
    columns = {**findings.catalog.columns, "price": "double", "extra": "string"}
    del columns["code"]
    catalog = CatalogFacts(columns, partition_found=True, has_objects=True, location=None)
    judgement = judge_findings(contract, Findings(landed=findings.landed, catalog=catalog))
    schema = result_of(judgement, "columns_match")
    assert schema.outcome is Outcome.FAILED
    assert schema.observed == (
        "code is missing; price is double, promised decimal(9,2); extra string is not in the contract"
    )
    assert result_of(judgement, "price_range").outcome is Outcome.SKIPPED
    assert {"code", "price"} & usable_columns(contract, catalog) == set()
    assert judgement.verdict is Verdict.REJECTED


def test_no_partition_and_no_objects_each_reject(contract):
    for found, objects, said in ((False, False, "no such partition"), (True, False, "no object below")):
        catalog = CatalogFacts(facts(contract).catalog.columns, found, objects, "s3://sor/orders/dt=1/")  # type: ignore[union-attr]
        judgement = judge_findings(contract, Findings(landed=LandedFacts(3, None), catalog=catalog))
        assert judgement.verdict is Verdict.REJECTED
        assert said in result_of(judgement, "partition_exists").observed


def test_a_broken_landed_file_rejects_and_everything_else_is_skipped(contract):
    landed = LandedFacts(3, None, fault_count=2, first_fault="line 3: 8 fields, 9 expected (and 1 more)")
    judgement = judge_findings(contract, Findings(landed=landed))
    assert judgement.verdict is Verdict.REJECTED
    assert "line 3: 8 fields, 9 expected" in judgement.reason
    assert {result.outcome for result in judgement.results[1:]} == {Outcome.SKIPPED}


def test_a_stopped_pipeline_is_inconclusive_and_nothing_is_passed_but_the_landed_file(contract):
    findings = Findings(landed=LandedFacts(3, None), stopped_by="invoke task: boom")
    judgement = judge_findings(contract, findings)
    assert (judgement.verdict, judgement.reason) == (Verdict.INCONCLUSIVE, "invoke task: boom")
    assert [result.check.id for result in judgement.results if result.outcome is Outcome.PASSED] == ["landed_readable"]


def test_other_rows_or_other_cells_than_landed_reject(contract):
    from acceptance.judging.findings import TableFacts

    fewer = facts(contract, table=TableFacts(2, Fingerprint(2, 1, 2)))
    assert result_of(judge_findings(contract, fewer), "rows_equal_landed").observed == "2 rows in the table, 3 landed"
    other = facts(contract, table=TableFacts(3, Fingerprint(3, 1, 3)))
    assert result_of(judge_findings(contract, other), "cells_equal_landed").outcome is Outcome.FAILED
    unknown = Findings(
        landed=LandedFacts(3, None), catalog=facts(contract).catalog, table=TableFacts(3, Fingerprint(3, 1, 3))
    )
    assert result_of(judge_findings(contract, unknown), "cells_equal_landed").outcome is Outcome.ERRORED


@pytest.mark.parametrize(
    ("took", "outcome", "observed"),
    [
        (timedelta(hours=2), Outcome.PASSED, "in the table 2:00:00 after it landed"),
        (timedelta(hours=2, milliseconds=1), Outcome.WARNED, "in the table 2:00:01 after it landed"),
    ],
)
def test_a_delivery_that_took_too_long_from_landing_to_table_warns(took, outcome, observed):
    late = CONTRACT + "slaProperties: [{id: fresh, property: latency, value: 2, unit: h, element: orders.dt}]\n"
    contract = watched(late)
    judgement = judge_findings(contract, facts(contract, available_after=took))
    assert (result_of(judgement, "fresh").outcome, result_of(judgement, "fresh").observed) == (outcome, observed)
    again = judge_findings(contract, facts(contract, judged_again=True))
    assert result_of(again, "fresh").outcome is Outcome.SKIPPED, "the time until somebody asked again says nothing"
