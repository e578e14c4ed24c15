"""Takes one delivery through its pipeline, judges the table, and leaves evidence. One delivery, one verdict."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError
from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.exceptions import TerminationSignal
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from prefect.utilities.annotations import quote

from acceptance.contract import Contract
from acceptance.delivery import Delivery
from acceptance.errors import ContractError, QueryFailed, StepFailed, UnroutableKey
from acceptance.events import DeliveryPointer, judged
from acceptance.evidence import QueryRecord, Sample
from acceptance.findings import Findings, judge_findings, usable_columns
from acceptance.history import PastDelivery
from acceptance.judge import Judgement, Verdict
from acceptance.keys.placeholders import partition_values
from acceptance.landed_query import landed_query, read_landed_answer
from acceptance.landing import Engine
from flows import events, steps
from flows.artifacts import publish
from flows.chain import judged_before
from flows.clients import Clients, load_clients
from flows.comparison import Comparison
from flows.evidence_files import put_evidence
from flows.evidence_store import evidence_uri
from flows.installation import contract_of
from flows.measuring import measure, rows_of_broken_rules
from flows.pipeline import Pipeline
from flows.records import Landed, evidence_of, landed_by_athena
from flows.runs import is_being_cancelled
from flows.timeline import Stopped, Timeline

QUERY_WITHIN = timedelta(minutes=10)


def _run_name() -> str:
    return DeliveryPointer.model_validate(flow_run.parameters["delivery"]).delivery().title


@flow(name="validate-delivery", flow_run_name=_run_name)
def validate_delivery(delivery: DeliveryPointer, event_id: str | None = None) -> State:
    """Judges a delivery. The state's name is the verdict and its message the reason.

    Args:
        delivery: What to judge, as the event `delivery.arrived` carries it.
        event_id: That event; none when a person asked.
    """
    case = Case(contract_of(delivery.dataset), delivery.delivery(), event_id)
    claimed = case.timeline.perform("claim", steps.claim, case.delivery, str(flow_run.id))
    if not claimed:
        return Completed(name="Duplicate", message="this delivery has a verdict, or another run is working on it")
    try:
        findings = case.examine()
    except TerminationSignal:
        # A person's word is final. A run that its runner ends leaves no verdict, and its delivery is announced again.
        if is_being_cancelled(str(flow_run.id)):
            case.record_cancellation()
        raise
    judgement = judge_findings(case.contract, findings)
    return case.conclude(findings, judgement)


@dataclass
class Case:
    """One delivery in this run: what is done, and what is remembered of it for the evidence."""

    contract: Contract
    delivery: Delivery
    event_id: str | None
    timeline: Timeline = field(default_factory=Timeline)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    landed: Landed | None = None
    partition: dict[str, str] = field(default_factory=dict)
    queries: list[QueryRecord] = field(default_factory=list)
    sample: Sample = field(default_factory=Sample)

    def __post_init__(self) -> None:
        self.pipeline = Pipeline(self.contract, self.delivery, self.timeline)

    def examine(self) -> Findings:
        """Reads what landed, runs the pipeline, measures the table. Stops where a step fails, and says where."""
        findings = Findings()
        try:
            self.partition = partition_values(self.contract, self.delivery)
            self.landed = self._read_landed()
            findings = replace(findings, landed=self.landed.facts)
            if not findings.worth_running:
                self.pipeline.skip("the landed file breaks the contract")
                return findings
            self.pipeline.run()
            catalog = self.timeline.perform(
                "look in the catalog", steps.look_in_catalog, self.contract.table, self.partition
            )
            findings = replace(findings, catalog=catalog)
            if findings.worth_measuring:
                landed_at = max(member.last_modified for member in self.delivery.members)
                findings = replace(findings, available_after=datetime.now(UTC) - landed_at)
            usable = usable_columns(self.contract, catalog)
            if findings.worth_measuring and usable:
                comparison = Comparison(self.contract, self.delivery, self.partition, self.timeline, self._ask)
                comparison.read_others()
                findings = self._measure(findings, usable, comparison.files)
                findings = comparison.conclude(findings, usable)
                self._fetch_sample(findings, usable, comparison.files)
        except (Stopped, QueryFailed, ContractError, UnroutableKey) as stopped:
            return replace(findings, stopped_by=str(stopped))
        return findings

    def _read_landed(self) -> Landed:
        if self.contract.engine is Engine.LOCAL:
            landed: Landed = self.timeline.perform(
                "read what landed", steps.read_delivery, self.delivery, self.contract
            )
            return landed
        uris = [member.uri for member in sorted(self.delivery.members)]
        answer = self._ask("read what landed by Athena", "landed", landed_query(self.contract, uris))
        facts = read_landed_answer(self.contract, answer.rows[0] if answer.rows else (), answer.query_id)
        return landed_by_athena(self.contract, facts)

    def _measure(self, findings: Findings, usable: frozenset[str], files: Sequence[str]) -> Findings:
        measured = measure(self.contract, self.partition, usable, files, self._ask)
        return replace(findings, table=measured.table, measured=measured.checks, query_id=measured.query_id)

    def _fetch_sample(self, findings: Findings, usable: frozenset[str], files: Sequence[str]) -> None:
        """For people: no verdict depends on these rows, so a failure is only on record."""
        judgement = judge_findings(self.contract, findings)
        with suppress(Stopped):
            self.sample = rows_of_broken_rules(self.contract, self.partition, usable, files, judgement, self._ask)

    def _ask(self, name: str, purpose: Any, sql: str) -> Any:
        answer = self.timeline.perform(name, steps.ask_athena, self.contract.table, sql, QUERY_WITHIN)
        self.queries.append(
            QueryRecord(
                purpose=purpose,
                query_id=answer.query_id,
                sql=answer.sql,
                workgroup=answer.workgroup,
                bytes_scanned=answer.bytes_scanned,
                total_ms=answer.total_ms,
                engine_version=answer.engine_version,
                output_location=answer.output_location,
            )
        )
        return answer

    def record_cancellation(self) -> None:
        """Evidence of a run that a person cancelled. Prefect runs no more tasks of it, so the calls are made here."""
        clients = load_clients()
        findings = Findings(landed=self.landed.facts if self.landed else None, stopped_by="cancelled by a person")
        judgement = judge_findings(self.contract, findings)
        evidence = evidence_of(self, findings, judgement, clients.caller)
        if put_evidence(clients.evidence_s3, clients.evidence_bucket, self.delivery, evidence):
            self._tell(judgement, evidence_uri(clients.evidence_bucket, self.delivery))

    def conclude(self, findings: Findings, judgement: Judgement) -> State:
        """Puts the evidence, shows it, tells, and answers the verdict as a state."""
        clients = load_clients()
        evidence = evidence_of(self, findings, judgement, clients.caller, self._history(clients))
        uri = evidence_uri(clients.evidence_bucket, self.delivery)
        if not self.timeline.perform("put the evidence", steps.put_evidence, self.delivery, quote(evidence)):
            return Completed(name="Duplicate", message=f"another run was faster; its evidence is at {uri}")
        publish(evidence, uri, clients)
        self._tell(judgement, uri)
        return state_of(judgement)

    def _history(self, clients: Clients) -> tuple[PastDelivery, ...]:
        """For the trend; no verdict depends on it."""
        try:
            return judged_before(clients.evidence_s3, clients.evidence_bucket, self.contract.dataset)
        except (StepFailed, BotoCoreError) as error:
            get_run_logger().warning("the earlier deliveries cannot be read, so the evidence has no trend: %s", error)
            return ()

    def _tell(self, judgement: Judgement, evidence: str) -> None:
        try:
            events.post_one(judged(self.delivery, judgement.verdict, judgement.reason, evidence, flow_run.ui_url))
        except httpx.HTTPError as error:
            get_run_logger().error("the verdict stands, but its event could not be sent: %s", error)


def state_of(judgement: Judgement) -> State:
    name = judgement.verdict.value.capitalize()
    if judgement.verdict is Verdict.ACCEPTED:
        return Completed(name=name, message=judgement.reason)
    return Failed(name=name, message=judgement.reason)
