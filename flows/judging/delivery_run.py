"""One delivery in a run: its claim, pipeline, measuring and evidence."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError
from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectException
from prefect.utilities.annotations import quote

from acceptance.announcing.delivery_events import EventDraft
from acceptance.announcing.overdue import run_within
from acceptance.announcing.verdict_events import failure_of, judged, verdict_event_id
from acceptance.contract.contract import Contract, Table
from acceptance.contract.landing_format import Engine
from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.placeholders import partition_values, refuse_invalid_partition_values
from acceptance.errors import (
    ContractError,
    ObjectDeleted,
    ObjectReplaced,
    PointerRefused,
    QueryFailed,
    StepFailed,
    UnroutableKey,
)
from acceptance.evidence.assembled import DeliveryFacts, RunFacts, evidence_of
from acceptance.evidence.evidence import Evidence, JudgedBefore, QueryRecord, Sample
from acceptance.evidence.manifest import PastDelivery
from acceptance.evidence.object_keys import evidence_uri
from acceptance.foreign_words import Redaction
from acceptance.judging.findings import Findings, judge_findings, usable_columns
from acceptance.judging.judge import Judged, Judgement, Verdict
from acceptance.messages.languages import Language
from acceptance.messages.message import Message
from acceptance.proof.partition_rows import files_named
from acceptance.queries.landed_query import BAD_FILES, landed_query, read_landed_answer
from acceptance.queries.sample_query import examples
from aws.athena import QueryAnswer
from aws.waiting import REAL_CLOCK, Clock
from flows.evidence import files as evidence_files
from flows.evidence.chain import Chain
from flows.evidence.verdicts import read_verdict
from flows.installation.clients import load_clients
from flows.installation.installed import language_of
from flows.judging.comparison import Comparison
from flows.judging.measuring import (
    Measured,
    current_snapshot,
    failed_query,
    measure,
    query_record,
    rows_of_broken_rules,
)
from flows.judging.pipeline import Pipeline
from flows.locks.claims import read_claim
from flows.locks.overrides import OTHERS_WITHIN
from flows.prefect_api import events
from flows.steps.evidence_bucket import Claimed, claim, put_evidence
from flows.steps.landed import confirm_delivery, newer_version, read_delivery
from flows.steps.retries import try_as_often_as
from flows.steps.table import ask_athena, look_in_catalog
from flows.steps.table_state import Asking, await_change
from flows.steps.timeline import StepStopped, Timeline
from landed.delivery import Landed, landed_by_athena, landed_without


@dataclass
class DeliveryRun:
    """Call `prepare`, `measure`, `put` in this order. Each stops where a step fails, and the findings say where."""

    contract: Contract
    delivery: Delivery
    event_id: str | None
    chain: Chain
    timeline: Timeline = field(default_factory=Timeline)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    landed: Landed | None = None
    partition: dict[str, str] = field(default_factory=dict)
    queries: list[QueryRecord] = field(default_factory=list)
    sample: Sample = field(default_factory=Sample)
    findings: Findings = field(default_factory=Findings)
    superseded: str = ""
    """Why this delivery gets no verdict: somebody replaced a file of it before it was read."""
    decided: Evidence | None = None
    """The evidence as it stands, once it is put."""
    clock: Clock = REAL_CLOCK
    judged_before: JudgedBefore | None = None
    """The judgement before this one, if the delivery is judged again."""
    without_pipeline: bool = False
    """The table is judged as it is."""

    def __post_init__(self) -> None:
        self.timeline.redaction = Redaction(self.contract.classified)
        self.pipeline = Pipeline(self.contract, self.delivery, self.timeline, clock=self.clock)

    @property
    def usable(self) -> frozenset[str]:
        """The columns that can be measured; none before the catalog was read, or if there is nothing to measure."""
        if self.findings.catalog is None or self.findings.stopped_by or not self.findings.worth_measuring:
            return frozenset()
        return usable_columns(self.contract, self.findings.catalog)

    @property
    def versioned(self) -> bool:
        """The table is one of Iceberg, as the catalog told this delivery."""
        return self.findings.catalog is not None and self.findings.catalog.versioned

    @property
    def files(self) -> tuple[str, ...]:
        """The values that tell this delivery's rows in the partition, if a column does."""
        return files_named(self.contract, self.delivery)

    @property
    def judgement(self) -> Judgement:
        """The verdict. If nobody knows whether the pipeline ended, a rejection is inconclusive: rows may still come.

        Once the evidence is put, the reason is as it stands there.
        """
        judgement = judge_findings(self.contract, self.findings)
        if self.decided is not None:
            return replace(judgement, verdict=self.decided.verdict, reason=self.decided.told_reason)
        if judgement.verdict is Verdict.REJECTED and self.pipeline.unanswered:
            found = {"step": self.pipeline.unanswered, "reason": judgement.reason}
            reason = Message("{step}; what is there now: {reason}", **found)
            return replace(judgement, verdict=Verdict.INCONCLUSIVE, reason=reason)
        return judgement

    @property
    def facts(self) -> DeliveryFacts:
        """The facts so far, for the evidence, with the present moment as the end."""
        return DeliveryFacts(
            contract=self.contract,
            delivery=self.delivery,
            event_id=self.event_id,
            started=self.started,
            ended=datetime.now(UTC),
            partition=dict(self.partition),
            landed=self.landed.record if self.landed else None,
            members=self.landed.member_records if self.landed else (),
            findings=self.findings,
            steps=tuple(self.timeline.steps),
            queries=tuple(self.queries),
            sample=self.sample,
            parameters=tuple(self.pipeline.parameters),
            judged_before=self.judged_before,
            language=self.language,
        )

    @property
    def language(self) -> Language:
        """The language in which people are told of the delivery."""
        return language_of(self.contract)

    @property
    def evidence_uri(self) -> str:
        return evidence_uri(load_clients().evidence_bucket, self.delivery)

    def confirm(self) -> None:
        """Look at S3 before anything is taken, read or changed. It is no step: nothing is begun yet.

        A delivery that was claimed was confirmed then. Since then its pipeline may have moved its files.

        Raises:
            PointerRefused: the delivery is not what S3 lists.
            StepFailed: S3 does not answer.
        """
        try:
            try_as_often_as(confirm_delivery, partial(confirm_delivery.fn, self.delivery, self.contract))
        except PointerRefused:
            clients = load_clients()
            if read_claim(clients.evidence_s3, clients.evidence_bucket, self.delivery) is None:
                raise

    def claim(self, flow_run_id: str) -> bool:
        """Return True if this run may judge the delivery.

        Raises:
            StepStopped: the evidence bucket does not answer.
        """
        within = run_within(self.contract, [self.delivery], 1, OTHERS_WITHIN)
        claimed = self.timeline.perform("claim", claim, self.delivery, flow_run_id, within)
        self.pipeline.begun_before = claimed is Claimed.TAKEN_OVER
        return bool(claimed)

    def standing_verdict(self) -> Judged | None:
        """Return the verdict that the delivery has already."""
        clients = load_clients()
        return read_verdict(clients.evidence_s3, clients.evidence_bucket, self.delivery)

    def prepare(self) -> None:
        """Read what landed, run the pipeline, look up the partition in the catalog."""
        with self._recording_what_stops():
            self.landed = self._partition_problem() or self._read_landed()
            self._found(landed=self.landed.facts)
            if not self.findings.worth_running:
                self.pipeline.skip("the landed file breaks the contract")
                return
            if self.without_pipeline:
                self.pipeline.skip("judged again without the pipeline")
            else:
                self.pipeline.run()
            self._look_in_catalog()

    def measure(self, known: Measured | None = None) -> None:
        """Measure the table and compare it with what landed. `known` is the answer of a query for several.

        If the contract lets the proof be asked again, this ends when it holds, or when the time is over.
        """
        with self._recording_what_stops():
            if self.pipeline.asking is None:
                comparison = self._measure(known)
            else:
                comparison = self._measure_until_accepted(self.pipeline.asking, known)
            if comparison is not None and (usable := self.usable):
                self.findings = comparison.locate(self.findings, usable)
                self._fetch_sample(usable)

    def _look_in_catalog(self) -> None:
        catalog = self.timeline.look_up("look in the catalog", look_in_catalog, self.contract.table, self.partition)
        self._found(catalog=catalog)
        if self.delivery.repetition:
            self._found(judged_again=True)
        elif self.findings.worth_measuring:
            self._found(available_after=datetime.now(UTC) - self.pipeline.landed_at)

    def _measure(self, known: Measured | None) -> Comparison | None:
        """Measure once, a table that has versions at its current one. Return None if there is nothing to measure."""
        if not (usable := self.usable):
            return None
        if self.versioned:
            snapshot = known.snapshot if known else current_snapshot(self.contract, self.ask)
            self.contract = self.contract.as_of(snapshot)
        comparison = Comparison(self.contract, self.delivery, self.partition, self.timeline, self.ask)
        comparison.read_others()
        measured = known or measure(self.contract, self.partition, usable, self.files, self.ask)
        self._found(table=measured.table, measured=measured.checks, query_id=measured.query_id)
        self.findings = comparison.conclude(self.findings)
        return comparison

    def _measure_until_accepted(self, asking: Asking, known: Measured | None) -> Comparison | None:
        """Measure again whenever somebody wrote the table, and a last time when the time is over.

        A query that Athena fails may have met files that the pipeline was replacing, so it is asked again as well.
        """
        began = datetime.now(UTC)
        asking = replace(asking, ended=not asking.left_s(self.clock.now()))
        while True:
            failure: StepStopped | None = None
            comparison = None
            try:
                comparison = self._measure(known)
            except StepStopped as stopped:
                if not isinstance(stopped.__cause__, QueryFailed):
                    raise
                failure = stopped
            accepted = failure is None and self.judgement.verdict is Verdict.ACCEPTED
            if not accepted:
                self.superseded = self.timeline.look_up("look for a newer version", newer_version, self.delivery)
            if accepted or asking.ended or self.superseded:
                break
            known, landed = None, self.landed
            self.findings = Findings(landed=landed.facts if landed else None)  # what was measured is past
            self.contract = self.contract.as_of(None)
            asking = self.timeline.look_up(
                "await a change of the table", await_change, *self._place, asking, self.clock
            )
            self._look_in_catalog()
        times = "once" if asking.asked == 1 else f"{asking.asked} times"
        holds = ", and then it held" if accepted else f" within {asking.within}, and it does not hold"
        self.timeline.note("ask until the table agrees", began, f"asked {times}{holds}", succeeded=accepted)
        if failure is not None:
            raise failure
        return comparison

    @property
    def _place(self) -> tuple[Table, dict[str, str]]:
        return self.contract.table, self.partition

    def put(self, run: RunFacts) -> Evidence | None:
        """Put the evidence, which gives the delivery its verdict. Return None if another run was faster.

        Raises:
            StepStopped: the evidence bucket does not take it.
        """
        evidence = evidence_of(self.facts, self.judgement, run, self._history())
        self.decided = self.timeline.perform(
            "put the evidence", put_evidence, self.delivery, quote(evidence), quote(self.chain)
        )
        return self.decided

    def verdict_event(self, run: RunFacts) -> EventDraft:
        judgement = self.judgement
        failure = failure_of(self.findings.stopped_by, tuple(self.timeline.steps), judgement)
        return judged(self.delivery, judgement, self.evidence_uri, run.url, failure, self.language)

    def record_cancellation(self, run: RunFacts, reason: str) -> bool:
        """Put the evidence of a run that somebody cancelled. Prefect runs no more tasks of it, so there is no task."""
        clients = load_clients()
        self.findings = Findings(landed=self.findings.landed, stopped_by=reason)
        evidence = self.decided or evidence_of(self.facts, self.judgement, run)
        s3, bucket = clients.evidence_s3, clients.evidence_bucket
        self.decided, foreign = evidence_files.put_evidence(s3, bucket, self.delivery, evidence)
        for sentence in foreign:
            get_run_logger().error(sentence)
        return self.decided is not None

    def ask(self, name: str, purpose: Any, sql: str) -> QueryAnswer:
        """Put a query to Athena and record it, also one that fails there.

        Raises:
            StepStopped: no answer came.
        """
        try:
            answer: QueryAnswer = self.timeline.perform(name, ask_athena, self.contract.table, sql)
        except StepStopped as stopped:
            self.queries += failed_query(self.contract, purpose, sql, stopped)
            raise
        self.queries.append(query_record(purpose, answer))
        return answer

    def _partition_problem(self) -> Landed | None:
        """Fill in the partition. Return what landed if its keys, which the sender chose, make no value of it."""
        try:
            self.partition = partition_values(self.contract, self.delivery)
            refuse_invalid_partition_values(self.contract, self.delivery, self.partition)
        except UnroutableKey as error:
            return landed_without(str(error))
        return None

    def _read_landed(self) -> Landed:
        if self.contract.engine is Engine.LOCAL:
            return self._read_local()
        uris = [member.uri for member in sorted(self.delivery.members)]
        try:
            answer = self.ask("read what landed by Athena", "landed", landed_query(self.contract, uris))
        except StepStopped as stopped:
            if BAD_FILES not in str(stopped.__cause__):
                raise
            return landed_without(f"Athena cannot read the landed files as their table says ({BAD_FILES})")
        facts = read_landed_answer(self.contract, answer.rows[0] if answer.rows else (), answer.query_id)
        return landed_by_athena(self.contract, facts)

    def _read_local(self) -> Landed:
        """Read the files. What the sender did to one since it was listed is no failure of a step."""
        try:
            landed: Landed = self.timeline.perform("read what landed", read_delivery, self.delivery, self.contract)
        except StepStopped as stopped:
            cause = stopped.__cause__
            if isinstance(cause, ObjectReplaced):
                self.superseded = str(cause)
            # A pipeline that a dead run began may have moved the file itself.
            if isinstance(cause, ObjectDeleted) and not self.pipeline.begun_before:
                return landed_without(str(cause))
            raise
        return landed

    def _fetch_sample(self, usable: frozenset[str]) -> None:
        """Fetch rows for people. No verdict depends on them, so a failure is only on record."""
        with suppress(StepStopped):
            self.sample = rows_of_broken_rules(
                self.contract, self.partition, usable, self.files, self.judgement, self.ask
            )
            self._found(examples=examples(self.contract, self.sample.columns, self.sample.rows))

    def _history(self) -> tuple[PastDelivery, ...]:
        """Return the earlier deliveries for the trend. No verdict depends on them."""
        try:
            return self.chain.judged_before()
        except (StepFailed, BotoCoreError) as error:
            get_run_logger().warning("the earlier deliveries cannot be read, so the evidence has no trend: %s", error)
            return ()

    def _found(self, **facts: Any) -> None:
        self.findings = replace(self.findings, **facts)

    @contextmanager
    def _recording_what_stops(self) -> Iterator[None]:
        try:
            yield
        except (StepStopped, QueryFailed, ContractError, UnroutableKey) as stopped:
            self._found(stopped_by=str(stopped))
        except (httpx.HTTPError, PrefectException):
            raise  # Prefect's server is the trouble: the run comes to nothing, and the delivery is announced again
        except Exception as error:  # noqa: BLE001
            # Every other run of this delivery would meet a defect of Aceite again.
            told = self.timeline.traceback_of(error)
            get_run_logger().error("%s cannot be judged", self.delivery.title, exc_info=told)
            self._found(stopped_by=f"Aceite failed unexpectedly, {told}")


def post_verdicts(delivery_runs: Iterable[DeliveryRun], run: RunFacts) -> None:
    """Tell Prefect's server the verdicts. They stand, so a server that does not answer is only logged."""
    try:
        drafts = [(verdict_event_id(each.evidence_uri), each.verdict_event(run)) for each in delivery_runs]
        with get_client(sync_client=True) as client:
            events.post(client, drafts)
    except httpx.HTTPError as error:
        get_run_logger().error("the verdict stands, but its event could not be sent: %s", error)
