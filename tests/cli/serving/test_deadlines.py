"""A run's deadline is that of its contract as it is when the run begins, however long the worker is up."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from builders import a_delivery, contract_text
from prefect.client.schemas.objects import FlowRun

from acceptance.deliveries.pointer import DeliveryPointer
from cli.serving.flows_server import deadline_of


def promise(contracts: Path, within: str) -> None:
    text = contract_text("sales", steps=f"[{{run_glue_job: load, within: {within}}}]")
    (contracts / "sales.odcs.yaml").write_text(text, encoding="utf-8")


def test_a_changed_contract_changes_the_deadline_of_the_next_run(tmp_path, monkeypatch):
    monkeypatch.setenv("ACEITE_CONTRACTS", str(tmp_path))
    pointer = DeliveryPointer.to(a_delivery(dataset="sales")).model_dump(mode="json")
    run = FlowRun(flow_id=uuid4(), parameters={"delivery": pointer})
    promise(tmp_path, "30m")
    before = deadline_of(run)
    promise(tmp_path, "510m")
    after = deadline_of(run)
    assert before is not None
    assert after is not None
    assert after - before == 2 * timedelta(hours=8), "an earlier run of the job may have to end before"
