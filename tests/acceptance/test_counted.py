import pytest
from builders import a_contract

from acceptance.contract.checks import NONE, Check, Metric, Operator, Threshold, Unit
from acceptance.counted import counted
from acceptance.judging.findings import CatalogFacts, Findings, LandedFacts, TableFacts, judge_findings
from acceptance.judging.judge import expectation, measured_text


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows")])
def test_one_thing_is_named_in_the_singular(number: int, text: str) -> None:
    assert counted(number, "row") == text
    assert counted(number, "delivery", "deliveries") == text.replace("rows", "deliveries").replace("row", "delivery")


@pytest.mark.parametrize(
    ("threshold", "text"),
    [
        (NONE, "0 rows"),
        (Threshold(Operator.MUST_BE_GREATER_OR_EQUAL_TO, (1,)), ">= 1 row"),
        (Threshold(Operator.MUST_BE_BETWEEN, (1, 1)), "between 1 and 1 rows"),
        (Threshold(Operator.MUST_BE_LESS_THAN, (5,)), "< 5 rows"),
    ],
)
def test_a_check_expects_rows_of_its_threshold(threshold: Threshold, text: str) -> None:
    check = Check("a", Metric.NULL_VALUES, threshold)
    assert expectation(check) == text
    assert (measured_text(check, 1), measured_text(check, 1.0), measured_text(check, 2)) == ("1 row", "1 row", "2 rows")
    percent = Check("a", Metric.NULL_VALUES, threshold, unit=Unit.PERCENT)
    assert measured_text(percent, 1) == "1 percent"


def test_a_table_with_one_row_is_told_in_the_singular() -> None:
    equal = Check("rows_equal_landed", Metric.ROWS_EQUAL_LANDED)
    contract = a_contract(checks=(equal,))
    catalog = CatalogFacts({column.name: column.type for column in contract.columns}, True, True, "s3://sor/x/")
    found = Findings(LandedFacts(3, None), catalog, TableFacts(1, None), query_id="q")
    observed = {result.check.metric: result.observed for result in judge_findings(contract, found).results}
    assert observed[Metric.ROWS_EQUAL_LANDED] == "1 row in the table, 3 landed"
