"""Every metric is known to whoever names, measures or judges a check."""

from dataclasses import replace

import pytest
from contract_texts import orders, watched

from acceptance.contract.checks import Check, Metric, Reference, Valid
from acceptance.judging.findings import CatalogFacts, Findings, LandedFacts, TableFacts, judge_findings
from acceptance.judging.judge import Outcome
from acceptance.odcs.checks.derived_checks import ID_STEMS
from acceptance.queries.metrics import aggregate, counted_rows, own_query

CONTRACT = watched(orders())
COLUMNS = {column.name: column for column in CONTRACT.columns}
BY_ATHENA = {
    Metric.ROW_COUNT,
    Metric.NULL_VALUES,
    Metric.MISSING_VALUES,
    Metric.INVALID_VALUES,
    Metric.DUPLICATE_VALUES,
    Metric.ORPHANED_VALUES,
    Metric.SQL,
}


def a_check(metric: Metric) -> Check:
    return Check(
        "a_check",
        metric,
        columns=("order_id",),
        valid=Valid(minimum=1) if metric is Metric.INVALID_VALUES else None,
        sql="SELECT count(*) FROM {object} WHERE order_id < 0" if metric is Metric.SQL else None,
        refers_to=Reference("database_sor", "customers", ("id",)) if metric is Metric.ORPHANED_VALUES else None,
    )


@pytest.mark.parametrize("metric", Metric)
def test_each_metric_has_an_id_for_a_rule_without_one(metric: Metric) -> None:
    assert ID_STEMS[metric]


@pytest.mark.parametrize("metric", Metric)
def test_a_metric_is_measured_by_athena_or_has_its_answer_from_the_run(metric: Metric) -> None:
    check = a_check(metric)
    measured = aggregate(check, COLUMNS) or own_query(check, COLUMNS)
    assert (measured is not None) == (metric in BY_ATHENA)
    assert measured is not None or counted_rows(check, COLUMNS) is None, "what is not measured has no rows to show"


def test_a_run_that_found_nothing_passes_no_check_of_any_metric() -> None:
    contract = replace(CONTRACT, checks=tuple(a_check(metric) for metric in Metric))
    results = judge_findings(contract, Findings()).results
    assert {result.check.metric for result in results} == set(Metric)
    assert {result.outcome for result in results} == {Outcome.SKIPPED}
    known = Findings(LandedFacts(5, None), CatalogFacts({}, False, False, None), TableFacts(5, None))
    answered = [r.check.metric for r in judge_findings(contract, known).results if r.outcome is not Outcome.SKIPPED]
    assert answered == [
        Metric.LANDED_READABLE,
        Metric.PARTITION_EXISTS,
        Metric.COLUMNS_MATCH,
        Metric.ROWS_EQUAL_LANDED,
    ]
