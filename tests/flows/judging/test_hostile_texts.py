"""Names, values and patterns of a contract are texts wherever they come to: never SQL."""

from pathlib import Path

from builders import contract_text
from contract_texts import watched
from measured_table import MeasuredTable

from acceptance.judging.judge import Outcome, Verdict
from sandbox.server import LocalAws

TEXT = "x'); DROP TABLE shop.sales; --"
CONTRACT = contract_text(
    "hostile",
    f"""
      - name: select
        logicalType: string
        enum: [{{value: "{TEXT}"}}, {{value: ok}}]
        quality:
          - {{name: "a\\"b'c; --", metric: nullValues, mustBe: 0}}
          - {{id: not_hostile, metric: missingValues, arguments: {{missingValues: ["{TEXT}"]}}, mustBe: 0, severity: info}}
      - {{name: order, logicalType: string, logicalTypeOptions: {{pattern: "^[^'\\"]*$"}}}}
    """,  # noqa: E501 - one property a line reads best
    day="dt",
)


def test_texts_of_a_contract_are_never_sql(tmp_path: Path) -> None:
    contract = watched(CONTRACT)
    quoted = TEXT.replace("'", "''")
    with LocalAws() as aws:
        table = MeasuredTable(aws, contract, tmp_path)
        held = table.judge([f"'{quoted}', 'a'", "'ok', 'b'"])
        assert held.judgement.verdict is Verdict.ACCEPTED, held.judgement.reason
        assert (held["not_hostile"].outcome, held["not_hostile"].observed) == (Outcome.WARNED, "1 row")
        broken = table.judge(["NULL, 'a'", "'x', 'b''c'"])
        failed = {result.check.id for result in broken.judgement.results if result.outcome is Outcome.FAILED}
        assert failed == {"a\"b'c; --", "select_values", "order_pattern"}
        assert {row[0] for row in broken.shown} == failed | {"not_hostile"}
