"""Names, values and patterns of a contract are texts wherever they come to: never SQL."""

from pathlib import Path

from measured_table import MeasuredTable

from acceptance.judging.judge import Outcome, Verdict
from acceptance.odcs.reader import read_contract
from sandbox.server import LocalAws

TEXT = "x'); DROP TABLE shop.sales; --"
CONTRACT = f"""
apiVersion: v3.2.0
kind: DataContract
id: hostile
version: 1.0.0
servers:
  - {{server: landing, type: s3, location: "s3://landing/hostile/{{business_date:%Y%m%d}}/{{file}}.csv", format: csv}}
  - {{server: sor, type: athena, schema: shop, workgroup: primary}}
schema:
  - name: hostile
    properties:
      - name: select
        logicalType: string
        enum: [{{value: "{TEXT}"}}, {{value: ok}}]
        quality:
          - {{name: "a\\"b'c; --", metric: nullValues, mustBe: 0}}
          - {{id: not_hostile, metric: missingValues, arguments: {{missingValues: ["{TEXT}"]}}, mustBe: 0, severity: info}}
      - {{name: order, logicalType: string, logicalTypeOptions: {{pattern: "^[^'\\"]*$"}}}}
      - {{name: dt, logicalType: integer, physicalType: int, partitioned: true}}
customProperties:
  - {{property: pipeline, vendor: aceite, value: {{steps: [], partition: {{dt: "{{business_date:%Y%m%d}}"}}}}}}
"""  # noqa: E501 - one property a line reads best


def test_texts_of_a_contract_are_never_sql(tmp_path: Path) -> None:
    contract = read_contract(CONTRACT, "hostile.odcs.yaml", {})
    assert contract is not None
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
