"""A run's values become the evidence's records."""

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from prefect.runtime import flow_run

from acceptance.evidence import (
    ContractRecord,
    DeliveryRecord,
    Evidence,
    LandedFaultRecord,
    LandedRecord,
    Member,
    RunRecord,
    TableRecord,
    check_records,
)
from acceptance.findings import Findings, LandedFacts
from acceptance.judge import Judgement
from aws.landed import LandedFile
from aws.s3 import Downloaded
from blocks.build import Caller

if TYPE_CHECKING:
    from flows.validate_delivery import Case


@dataclass(frozen=True, slots=True)
class Landed:
    """The landed file as read: what decides, what is recorded, and one line for people."""

    facts: LandedFacts
    record: LandedRecord
    sha256: str
    version_id: str | None
    summary: str


def landed_of(file: LandedFile, copy: Downloaded) -> Landed:
    faults = tuple(LandedFaultRecord(line=f.line, column=f.column, message=f.message) for f in file.faults)
    first = ""
    if file.faults:
        first = str(file.faults[0]) + (f" (and {file.fault_count - 1} more)" if file.fault_count > 1 else "")
    record = LandedRecord(
        rows=file.rows,
        columns=tuple(file.header),
        fingerprint=str(file.fingerprint) if file.fingerprint else None,
        fault_count=file.fault_count,
        faults=faults,
    )
    facts = LandedFacts(file.rows, file.fingerprint, file.fault_count, first)
    summary = first or f"{file.rows} rows, {copy.size_bytes} bytes"
    return Landed(facts, record, copy.sha256, copy.version_id, summary)


def evidence_of(case: "Case", findings: Findings, judgement: Judgement, caller: Caller) -> Evidence:
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
        ),
        run=_run(case, caller),
        landed=case.landed.record if case.landed else LandedRecord(),
        table=_table(case, findings),
        steps=tuple(case.timeline.steps),
        checks=check_records(judgement),
        queries=tuple(case.queries),
        sample=case.sample,
        parameters=tuple(case.pipeline.parameters),
    )


def _delivery(case: "Case") -> DeliveryRecord:
    delivery, landed = case.delivery, case.landed
    members = tuple(
        Member(
            bucket=member.bucket,
            key=member.key,
            etag=member.etag,
            size=member.size,
            last_modified=member.last_modified,
            version_id=landed.version_id if landed and member == delivery.first else None,
            sha256=landed.sha256 if landed and member == delivery.first else None,
        )
        for member in delivery.members
    )
    return DeliveryRecord(
        id=delivery.id,
        dataset=delivery.dataset,
        business_date=delivery.business_date,
        revision=delivery.revision,
        members=members,
    )


def _run(case: "Case", caller: Caller) -> RunRecord:
    return RunRecord(
        flow_run_id=str(flow_run.id),
        flow_run_name=flow_run.name or "",
        url=flow_run.ui_url,
        event_id=case.event_id,
        aws_account=caller.account,
        aws_caller=caller.arn,
        started=case.started,
        ended=datetime.now(UTC),
        software={
            "aceite": version("aceite"),
            "prefect": version("prefect"),
            "duckdb": version("duckdb"),
            "python": platform.python_version(),
        },
    )


def _table(case: "Case", findings: Findings) -> TableRecord:
    facts = findings.table
    return TableRecord(
        database=case.contract.table.database,
        name=case.contract.table.name,
        partition=case.partition,
        location=findings.catalog.location if findings.catalog else None,
        rows=facts.rows if facts else None,
        fingerprint=str(facts.fingerprint) if facts and facts.fingerprint else None,
    )
