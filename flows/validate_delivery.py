"""Takes one delivery through its pipeline, judges the table, and leaves evidence. One delivery, one verdict."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.concurrency.sync import concurrency
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from acceptance.contract import AwaitGlueJob, AwaitObject, Contract, Invoke, Override, RunGlueJob
from acceptance.contract import Step as PipelineStep
from acceptance.delivery import Delivery
from acceptance.events import DeliveryPointer, judged
from acceptance.evidence import ParameterRecord, QueryRecord, Sample
from acceptance.findings import Findings, judge_findings, usable_columns
from acceptance.judge import Judgement, Verdict
from acceptance.placeholders import fill, partition_values
from acceptance.query import compile_checks, read_answer, sample_query
from aws.ssm import Overridden, restore_parameter
from flows import events, steps
from flows.artifacts import publish
from flows.clients import load_clients
from flows.evidence_store import evidence_uri
from flows.installation import contract_of
from flows.records import Landed, evidence_of
from flows.timeline import Stopped, Timeline

QUERY_WITHIN = timedelta(minutes=10)
ONE_AT_A_TIME_LEASE_S = 60
"""Seconds after which the slot of a run that died is free again; Prefect allows no less."""


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
    findings = case.examine()
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
    queries: list[QueryRecord] = field(default_factory=list)
    sample: Sample = field(default_factory=Sample)
    parameters: list[ParameterRecord] = field(default_factory=list)
    known_job_runs: frozenset[str] = frozenset()

    @property
    def partition(self) -> dict[str, str]:
        return dict(partition_values(self.contract, self.delivery))

    def examine(self) -> Findings:
        """Reads what landed, runs the pipeline, measures the table. Stops where a step fails, and says where."""
        findings = Findings()
        try:
            self.landed = self.timeline.perform("read what landed", steps.read_delivery, self.delivery, self.contract)
            findings = replace(findings, landed=self.landed.facts)
            if not findings.worth_running:
                self._skip_pipeline("the landed file breaks the contract")
                return findings
            self._run_pipeline()
            catalog = self.timeline.perform(
                "look in the catalog", steps.look_in_catalog, self.contract.table, self.partition
            )
            findings = replace(findings, catalog=catalog)
            return self._measure(findings) if findings.worth_measuring else findings
        except Stopped as stopped:
            return replace(findings, stopped_by=str(stopped))

    def _measure(self, findings: Findings) -> Findings:
        assert findings.catalog is not None
        usable = usable_columns(self.contract, findings.catalog)
        if not usable:
            return findings
        query = compile_checks(self.contract, self.partition, usable)
        answer = self._ask("measure the checks in one query", "checks", query.sql)
        facts, measured = read_answer(query, answer.rows[0] if answer.rows else (), answer.query_id)
        findings = replace(findings, table=facts, measured=measured, query_id=answer.query_id)
        sample = self._ask("fetch sample rows", "sample", sample_query(self.contract, self.partition, usable))
        rows = tuple(tuple(None if value is None else str(value) for value in row) for row in sample.rows)
        self.sample = Sample(columns=tuple(sample.columns), rows=rows)
        return findings

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

    def _run_pipeline(self) -> None:
        with ExitStack() as undo:
            if self.contract.override:
                # The parameter under test is one for the whole dataset: two deliveries must not change it together.
                undo.enter_context(
                    concurrency(one_at_a_time(self.contract.dataset), lease_duration=ONE_AT_A_TIME_LEASE_S)
                )
            for override in self.contract.override:
                undo.enter_context(self._overridden(override))
            pipeline = self.contract.steps
            for step, following in zip(pipeline, (*pipeline[1:], None), strict=True):
                self._run_step(step, following)

    def _run_step(self, step: PipelineStep, following: PipelineStep | None) -> None:
        name, task = self._task_of(step)
        if isinstance(following, AwaitGlueJob):
            # What runs now is what the next step must tell apart from the run that this step starts.
            self.known_job_runs = self.timeline.perform(
                f"list the runs of {following.job}", steps.list_job_runs, following.job
            )
        self.timeline.perform(name, *task)

    def _task_of(self, step: PipelineStep) -> tuple[str, tuple[Any, ...]]:
        key = self.delivery.first.key
        match step:
            case Invoke():
                payload = fill(step.payload, self.delivery)
                return f"invoke {step.function}", (
                    steps.invoke_function,
                    step.function,
                    payload,
                    step.asynchronous,
                    step.within,
                )
            case AwaitObject():
                uri = fill(step.uri, self.delivery)
                return f"await {uri}", (steps.await_object, uri, step.within)
            case AwaitGlueJob():
                return f"await Glue job {step.job}", (
                    steps.await_glue_job,
                    step.job,
                    self.known_job_runs,
                    key,
                    step.within,
                )
            case RunGlueJob():
                arguments = fill(dict(step.arguments), self.delivery)
                return f"run Glue job {step.job}", (steps.run_glue_job, step.job, arguments, step.within)

    def _skip_pipeline(self, reason: str) -> None:
        for override in self.contract.override:
            self.timeline.skip(f"override {override.parameter}", reason)
        for step in self.contract.steps:
            self.timeline.skip(self._task_of(step)[0], reason)

    @contextmanager
    def _overridden(self, override: Override) -> Iterator[None]:
        """The parameter has the delivery's value inside, and what it had before outside, whatever happens."""
        parameter = fill(override.parameter, self.delivery)
        changes = fill(dict(override.set), self.delivery)
        overridden: Overridden = self.timeline.perform(
            f"override {parameter}", steps.override_parameter, parameter, override.copy_of, changes
        )
        restore = partial(self.timeline.perform, f"restore {parameter}", steps.restore, overridden)
        restored = False
        try:
            yield
        except Exception:
            restored = self._restored_after_failure(restore)
            raise
        except BaseException:
            # Cancelled or told to end: Prefect runs no more tasks of this run, so the call is made here.
            restore_parameter(load_clients().of("ssm"), overridden)
            raise
        else:
            restore()
            restored = True
        finally:
            self.parameters.append(
                ParameterRecord(
                    name=parameter,
                    copy_of=override.copy_of,
                    keys_set=tuple(changes),
                    existed_before=overridden.earlier is not None,
                    restored=restored,
                )
            )

    def _restored_after_failure(self, restore: Any) -> bool:
        """The step that failed is the reason of the verdict; a failing restore beside it must not hide it."""
        try:
            restore()
        except Stopped as stopped:
            get_run_logger().error("%s", stopped)
            return False
        return True

    def conclude(self, findings: Findings, judgement: Judgement) -> State:
        """Puts the evidence, shows it, tells, and answers the verdict as a state."""
        clients = load_clients()
        evidence = evidence_of(self, findings, judgement, clients.caller)
        uri = evidence_uri(clients.evidence_bucket, self.delivery)
        if not self.timeline.perform("put the evidence", steps.put_evidence, self.delivery, evidence):
            return Completed(name="Duplicate", message=f"another run was faster; its evidence is at {uri}")
        publish(evidence, uri, clients)
        events.post_one(judged(self.delivery, judgement.verdict, judgement.reason, uri, flow_run.ui_url))
        return state_of(judgement)


def state_of(judgement: Judgement) -> State:
    name = judgement.verdict.value.capitalize()
    if judgement.verdict is Verdict.ACCEPTED:
        return Completed(name=name, message=judgement.reason)
    return Failed(name=name, message=judgement.reason)


def one_at_a_time(dataset: str) -> str:
    """The name of the global concurrency limit of a dataset whose contract has an `override`."""
    return f"aceite {dataset}"
