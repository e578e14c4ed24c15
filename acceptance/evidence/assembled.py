"""The evidence, assembled from what a run knows of a delivery and of itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery
from acceptance.evidence.evidence import (
    CheckRecord,
    DeliveryRecord,
    Evidence,
    JudgedBefore,
    LandedRecord,
    Member,
    QueryRecord,
    Sample,
    StepRecord,
    TableRecord,
)
from acceptance.evidence.manifest import PastDelivery
from acceptance.evidence.message_record import MessageRecord
from acceptance.evidence.object_keys import delivery_prefix
from acceptance.evidence.provenance import ContractRecord, ParameterRecord, RunRecord
from acceptance.judging.findings import CatalogFacts, Findings, LandedFacts, TableFacts
from acceptance.judging.judge import CheckResult, Judgement
from acceptance.messages.languages import ENGLISH, Language
from acceptance.proof.comparison_options import comparison_options


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run that judges; the same for every delivery that it takes. `git_commit` is the contract's."""

    id: str
    name: str
    url: str | None
    triggered_by: str | None
    aws_account: str
    aws_caller: str
    git_commit: str | None
    software: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DeliveryFacts:
    """The facts that a run has about one delivery when it judges it. Times are in UTC.

    `landed` and `members` describe the files that were read; None and empty when the run did not get that far.
    `event_id` is the announcement that started the run; None when a person asked for it.
    """

    contract: Contract
    delivery: Delivery
    event_id: str | None
    started: datetime
    ended: datetime
    partition: Mapping[str, str]
    landed: LandedRecord | None
    members: tuple[Member, ...]
    findings: Findings
    steps: tuple[StepRecord, ...]
    queries: tuple[QueryRecord, ...]
    sample: Sample
    parameters: tuple[ParameterRecord, ...]
    judged_before: JudgedBefore | None = None
    language: Language = ENGLISH


def evidence_of(
    facts: DeliveryFacts, judgement: Judgement, run: RunFacts, history: tuple[PastDelivery, ...] = ()
) -> Evidence:
    """Assemble the evidence of a judged delivery. `history` are the deliveries judged before, the oldest first."""
    contract, findings = facts.contract, facts.findings
    return Evidence(
        verdict=judgement.verdict,
        reason=judgement.reason,
        reason_message=MessageRecord.of(judgement.reason),
        language=facts.language,
        delivery=_delivery(facts.delivery, facts.members, facts.judged_before),
        contract=ContractRecord(
            id=contract.dataset,
            name=contract.name,
            version=contract.version,
            path=contract.path,
            sha256=contract.sha256,
            git_commit=run.git_commit,
            time_zone=contract.time_zone,
        ),
        run=_run(facts, run),
        landed=_landed(contract, facts.landed or LandedRecord(), findings.landed),
        table=_table(contract, facts.partition, findings.catalog, findings.table),
        steps=facts.steps,
        checks=tuple(map(_check, judgement.results)),
        queries=facts.queries,
        sample=facts.sample,
        parameters=facts.parameters,
        history=history,
        differences=findings.differences,
    )


def _delivery(delivery: Delivery, read: tuple[Member, ...], before: JudgedBefore | None) -> DeliveryRecord:
    known = {(member.bucket, member.key): member for member in read}
    return DeliveryRecord(
        id=delivery.id,
        dataset=delivery.dataset,
        business_date=delivery.business_date,
        revision=delivery.revision,
        members=tuple(
            known.get((landed.bucket, landed.key)) or Member.of(landed) for landed in sorted(delivery.members)
        ),
        repetition=delivery.repetition,
        judged_before=before,
        judged_again=delivery_prefix(delivery.judged_again()),
    )


def _run(facts: DeliveryFacts, run: RunFacts) -> RunRecord:
    return RunRecord(
        flow_run_id=run.id,
        flow_run_name=run.name,
        url=run.url,
        event_id=facts.event_id,
        triggered_by=run.triggered_by,
        aws_account=run.aws_account,
        aws_caller=run.aws_caller,
        started=facts.started,
        ended=facts.ended,
        software=dict(run.software),
    )


def _check(result: CheckResult) -> CheckRecord:
    check = result.check
    return CheckRecord(
        id=check.id,
        metric=check.metric.value,
        outcome=result.outcome,
        severity=check.severity.value,
        expected=result.expected,
        observed=result.observed,
        columns=check.columns,
        dimension=check.dimension,
        description=check.description,
        query_id=result.query_id,
        expected_message=MessageRecord.of(result.expected),
        observed_message=MessageRecord.of(result.observed),
    )


def _landed(contract: Contract, record: LandedRecord, facts: LandedFacts | None) -> LandedRecord:
    """Return the record with the rows that the partition must hold, to which other deliveries may have added."""
    options = comparison_options(contract)
    if facts is None:
        return record.model_copy(update={"options": options})
    fingerprint = str(facts.fingerprint) if facts.fingerprint else None
    return record.model_copy(update={"options": options, "rows": facts.rows, "fingerprint": fingerprint})


def _table(
    contract: Contract, partition: Mapping[str, str], catalog: CatalogFacts | None, table: TableFacts | None
) -> TableRecord:
    return TableRecord(
        database=contract.table.database,
        name=contract.table.name,
        catalog=contract.table.catalog,
        region=contract.table.region,
        partition=dict(partition),
        location=catalog.location if catalog else None,
        rows=table.rows if table else None,
        fingerprint=str(table.fingerprint) if table and table.fingerprint else None,
        snapshot=str(contract.table.snapshot) if contract.table.snapshot else None,
    )
