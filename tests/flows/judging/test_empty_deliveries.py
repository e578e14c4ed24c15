"""A delivery without a row is rejected unless its contract allows that in so many words, by the sandbox's Athena."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from builders import contract_text
from contract_texts import watched
from measured_table import Judged, MeasuredTable

from acceptance.judging.judge import Verdict
from sandbox.server import LocalAws


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as running:
        yield running


@pytest.fixture
def judged(aws: LocalAws, tmp_path: Path) -> Callable[[str, list[str]], Judged]:
    def judge(name: str, rule: str, rows: list[str]) -> Judged:
        text = contract_text(
            name, "- {name: id, logicalType: integer, physicalType: int}", day="dt", quality=f"- {rule}" if rule else ""
        )
        return MeasuredTable(aws, watched(text), tmp_path).judge(rows)

    return judge


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("without_rule", ""),
        ("warned", "{id: many, metric: rowCount, mustBeGreaterThan: 1000, severity: warning}"),
        ("bounded", "{id: few, metric: rowCount, mustBeLessThan: 1000}"),
    ],
)
def test_an_empty_delivery_is_rejected_although_a_rule_of_another_intent_counts_rows(judged, name, rule) -> None:
    found = judged(name, rule, [])
    assert (found.judgement.verdict, found["rows"].observed) == (Verdict.REJECTED, "0 rows")


def test_an_empty_delivery_is_accepted_where_the_contract_says_that_there_may_be_none(judged) -> None:
    rule = "{id: any, metric: rowCount, mustBeGreaterOrEqualTo: 0}"
    assert judged("allowed", rule, []).judgement.verdict is Verdict.ACCEPTED
