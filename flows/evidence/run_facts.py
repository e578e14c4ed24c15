"""A run's values become the evidence's records."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from prefect.runtime import flow_run

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import LandingObject
from acceptance.evidence.evidence import (
    DeliveryRecord,
    Evidence,
    LandedRecord,
    Member,
    TableRecord,
    check_records,
)
from acceptance.evidence.past_delivery import PastDelivery
from acceptance.evidence.provenance import ContractRecord, RunRecord
from acceptance.judging.findings import Findings
from acceptance.judging.judge import Judgement
from acceptance.proof.comparison_options import comparison_options
from blocks.build import Caller
from flows.evidence.git_commit import git_commit
from flows.prefect_api.runs import triggered_by
from landed.delivery import LandedMember

if TYPE_CHECKING:
    from flows.judging.delivery_run import Case


@dataclass(frozen=True, slots=True)
class Run:
    """What is the same of every delivery that a run judges."""

    id: str
    name: str
    url: str | None
    triggered_by: str | None
    caller: Caller
    git_commit: str | None
    software: Mapping[str, str]


def this_run(contract: Contract, caller: Caller) -> Run:
    return run_of(contract, caller, str(flow_run.id), flow_run.name or "", flow_run.ui_url)


def run_of(contract: Contract, caller: Caller, flow_run_id: str, name: str, url: str | None) -> Run:
    return Run(
        id=flow_run_id,
        name=name,
        url=url,
        triggered_by=triggered_by(flow_run_id),
        caller=caller,
        git_commit=git_commit(contract.path, contract.sha256),
        software={
            **{name: version(name) for name in ("aceite", "prefect", "duckdb", "boto3", "sqlglot")},
            "python": platform.python_version(),
        },
    )


def evidence_of(case: "Case", judgement: Judgement, run: Run, history: tuple[PastDelivery, ...] = ()) -> Evidence:
    findings = case.findings
    return Evidence(
        verdict=judgement.verdict,
        reason=judgement.reason,
        delivery=_delivery(case),
        contract=ContractRecord(
            id=case.contract.dataset,
            name=case.contract.name,
            version=case.contract.version,
            path=case.contract.path,
            sha256=case.contract.sha256,
            git_commit=run.git_commit,
        ),
        run=_run(case, run),
        landed=_landed(case, findings),
        table=_table(case, findings),
        steps=tuple(case.timeline.steps),
        checks=check_records(judgement),
        queries=tuple(case.queries),
        sample=case.sample,
        parameters=tuple(case.pipeline.parameters),
        history=history,
        differences=findings.differences,
    )


def _landed(case: "Case", findings: Findings) -> LandedRecord:
    """The rows are those that the partition must hold, which may be of more files than the delivery's."""
    record = case.landed.record if case.landed else LandedRecord()
    facts, options = findings.landed, comparison_options(case.contract)
    if facts is None:
        return record.model_copy(update={"options": options})
    fingerprint = str(facts.fingerprint) if facts.fingerprint else None
    return record.model_copy(update={"options": options, "rows": facts.rows, "fingerprint": fingerprint})


def _delivery(case: "Case") -> DeliveryRecord:
    delivery = case.delivery
    read = {member.landed: member for member in case.landed.members} if case.landed else {}
    members = tuple(_member(member, read.get(member)) for member in sorted(delivery.members))
    return DeliveryRecord(
        id=delivery.id,
        dataset=delivery.dataset,
        business_date=delivery.business_date,
        revision=delivery.revision,
        members=members,
    )


def _member(landed: LandingObject, read: LandedMember | None) -> Member:
    return Member(
        bucket=landed.bucket,
        key=landed.key,
        etag=landed.etag,
        size=landed.size,
        last_modified=landed.last_modified,
        version_id=read.version_id if read else None,
        sha256=read.sha256 if read else None,
        rows=read.file.rows if read else None,
    )


def _run(case: "Case", run: Run) -> RunRecord:
    return RunRecord(
        flow_run_id=run.id,
        flow_run_name=run.name,
        url=run.url,
        event_id=case.event_id,
        triggered_by=run.triggered_by,
        aws_account=run.caller.account,
        aws_caller=run.caller.arn,
        started=case.started,
        ended=datetime.now(UTC),
        software=dict(run.software),
    )


def _table(case: "Case", findings: Findings) -> TableRecord:
    facts = findings.table
    return TableRecord(
        database=case.contract.table.database,
        name=case.contract.table.name,
        catalog=case.contract.table.catalog,
        region=case.contract.table.region,
        partition=case.partition,
        location=findings.catalog.location if findings.catalog else None,
        rows=facts.rows if facts else None,
        fingerprint=str(facts.fingerprint) if facts and facts.fingerprint else None,
    )
