"""A run's deadline is that of its contract as it is when the run begins, however long the worker is up."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from prefect.client.schemas.objects import FlowRun

from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.pointer import DeliveryPointer
from cli.serving.deadlines import deadline_of

CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: sales
version: 1.0.0
status: active
servers:
  - {server: landing, type: s3, location: "s3://landing/sales/{business_date:%Y%m%d}/{file}.csv", format: csv}
  - {server: sor, type: athena, schema: lab, workgroup: primary}
schema:
  - {name: sales, properties: [{name: id, logicalType: integer}]}
customProperties:
  - property: pipeline
    vendor: aceite
    value: {steps: [{run_glue_job: load, within: WITHIN}]}
"""


def promise(contracts: Path, within: str) -> None:
    (contracts / "sales.odcs.yaml").write_text(CONTRACT.replace("WITHIN", within), encoding="utf-8")


def test_a_changed_contract_changes_the_deadline_of_the_next_run(tmp_path, monkeypatch):
    monkeypatch.setenv("ACEITE_CONTRACTS", str(tmp_path))
    landed = LandingObject("landing", "sales/20260101/a.csv", "etag", 1, datetime(2026, 1, 1, tzinfo=UTC))
    delivery = Delivery("sales", date(2026, 1, 1), (landed,), {"file": "a"})
    pointer = DeliveryPointer.to(delivery).model_dump(mode="json")
    run = FlowRun(flow_id=uuid4(), parameters={"delivery": pointer})
    promise(tmp_path, "30m")
    before = deadline_of(run)
    promise(tmp_path, "510m")
    after = deadline_of(run)
    assert before is not None
    assert after is not None
    assert after - before == 2 * timedelta(hours=8), "an earlier run of the job may have to end before"
