"""Evidence says what the run knew when it judged, and claims nothing that the run did not see."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from contract_texts import orders, watched

from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.evidence.assembled import DeliveryFacts, RunFacts, evidence_of
from acceptance.evidence.evidence import Evidence, LandedRecord, Member, Sample
from acceptance.judging.findings import CatalogFacts, Findings, LandedFacts, TableFacts, judge_findings
from acceptance.judging.judge import Measurement, Verdict
from acceptance.proof.fingerprint import Fingerprint

CONTRACT = watched(orders())
STARTED = datetime(2026, 1, 2, 8, tzinfo=UTC)
ENDED = STARTED + timedelta(seconds=9)
B, A = (LandingObject("landing", f"shop/20260102/north/{name}.csv", f"etag-{name}", 7, STARTED) for name in "ba")
DELIVERY = Delivery("orders", date(2026, 1, 2), (B, A), revision=2)
RUN = RunFacts(
    id="run-1",
    name="orders 2026-01-02",
    url="http://prefect/run-1",
    triggered_by="automation Aceite: validate each delivery",
    aws_account="123456789012",
    aws_caller="arn:aws:iam::123456789012:role/validator",
    git_commit="abc123",
    software={"aceite": "0.1.0"},
)
FINGERPRINT = Fingerprint(5, 11, 13)
COLUMNS = {column.name: column.type for column in CONTRACT.columns}
COMPLETE = Findings(
    landed=LandedFacts(5, FINGERPRINT),
    catalog=CatalogFacts(COLUMNS, True, True, "s3://sor/orders/day=20260102/"),
    table=TableFacts(5, FINGERPRINT),
    measured={check.id: Measurement(5 if check.id == "rows" else 0) for check in CONTRACT.checks},
)
READ = (
    Member.of(A, version_id="v1", sha256="aa", rows=2),
    Member.of(B, version_id="v2", sha256="bb", rows=3),
)


def assembled(findings: Findings, **known: Any) -> Evidence:
    facts: dict[str, Any] = {
        "event_id": "event-1",
        "partition": {"day": "20260102"},
        "landed": None,
        "members": (),
        "steps": (),
        "queries": (),
        "sample": Sample(),
        "parameters": (),
        **known,
    }
    case = DeliveryFacts(contract=CONTRACT, delivery=DELIVERY, started=STARTED, ended=ENDED, findings=findings, **facts)
    return evidence_of(case, judge_findings(CONTRACT, findings), RUN)


def test_a_delivery_that_was_judged_whole_has_all_its_facts_in_the_evidence() -> None:
    evidence = assembled(COMPLETE, landed=LandedRecord(rows=5, columns=("order_id",)), members=READ)
    assert evidence.verdict is Verdict.ACCEPTED, evidence.reason
    assert (evidence.delivery.id, evidence.delivery.revision) == (DELIVERY.id, 2)
    assert evidence.delivery.members == READ, "in the order of the keys"
    assert (evidence.landed.rows, evidence.landed.fingerprint) == (5, str(FINGERPRINT))
    assert evidence.landed.columns == ("order_id",)
    assert (evidence.table.rows, evidence.table.fingerprint) == (5, str(FINGERPRINT))
    assert (evidence.table.partition, evidence.table.location) == ({"day": "20260102"}, "s3://sor/orders/day=20260102/")
    assert evidence.rows_agree
    assert evidence.cells_agree
    assert (evidence.contract.sha256, evidence.contract.git_commit) == (CONTRACT.sha256, "abc123")
    run = evidence.run
    assert (run.flow_run_id, run.event_id, run.started, run.ended) == ("run-1", "event-1", STARTED, ENDED)
    assert (run.aws_account, run.aws_caller, run.software) == (RUN.aws_account, RUN.aws_caller, RUN.software)
    assert [check.id for check in evidence.checks] == [check.id for check in CONTRACT.checks]


def test_a_run_that_stopped_at_once_claims_nothing_of_the_files_and_of_the_table() -> None:
    evidence = assembled(Findings(stopped_by="read what landed: the object was replaced"))
    assert (evidence.verdict, evidence.reason) == (
        Verdict.INCONCLUSIVE,
        "read what landed: the object was replaced",
    )
    assert evidence.delivery.members == (Member.of(A), Member.of(B))
    assert all(member.sha256 is None and member.rows is None for member in evidence.delivery.members)
    assert (evidence.landed.rows, evidence.landed.fingerprint, evidence.table.rows) == (None, None, None)
    assert evidence.table.location is None
    assert evidence.cells_agree is None


def test_the_rows_that_landed_are_those_that_the_partition_must_hold() -> None:
    """Other deliveries of the same partition may have landed more."""
    with_others = Findings(landed=LandedFacts(12, FINGERPRINT), table=TableFacts(12, FINGERPRINT))
    evidence = assembled(with_others, landed=LandedRecord(rows=5), members=READ)
    assert (evidence.landed.rows, evidence.table.rows) == (12, 12)
    assert [member.rows for member in evidence.delivery.members] == [2, 3]


def test_the_evidence_says_how_cells_were_compared_also_when_no_file_was_read() -> None:
    assert assembled(Findings(stopped_by="claim: denied")).landed.options == assembled(COMPLETE).landed.options != {}
