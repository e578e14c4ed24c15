"""The pipeline under test: the contract's overrides and steps, for one delivery, once or once for each of its files."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import zip_longest
from typing import Any, assert_never

import httpx
from botocore.exceptions import BotoCoreError
from prefect import get_run_logger
from prefect.exceptions import PrefectException

from acceptance.announcing.overdue import OF_ITS_OWN, job_turns
from acceptance.contract.contract import Contract, Override
from acceptance.contract.steps import (
    AwaitExecution,
    AwaitGlueJob,
    AwaitObject,
    AwaitTable,
    Invoke,
    LostAnswer,
    PutEvent,
    RunCrawler,
    RunGlueJob,
    RunWorkflow,
    StartExecution,
    Step,
    Until,
    fired_machines,
)
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.passes import PipelinePass, passes
from acceptance.deliveries.placeholders import partition_values
from acceptance.errors import AceiteError, AnswerLost, NoFreeRun, WaitTimedOut
from acceptance.evidence.provenance import ParameterRecord
from aws.parameters.overrides import Overridden
from aws.waiting import REAL_CLOCK, Clock, pauses
from flows.installation.clients import load_clients
from flows.locks.overrides import OTHERS_WITHIN
from flows.steps.contract_steps import (
    await_earlier_job_runs,
    await_execution,
    await_fired_execution,
    await_fired_glue_job,
    await_glue_job,
    await_object,
    await_turn,
    invoke_function,
    list_executions,
    list_job_runs,
    look_at,
    put_event,
    run_crawler,
    run_glue_job,
    run_workflow,
    start_execution,
)
from flows.steps.glue_turns import TURNS
from flows.steps.parameters import (
    ParameterLook,
    ParameterLooks,
    look,
    look_at_parameter,
    override_parameter,
    record_of,
    restore,
    restore_now,
)
from flows.steps.table_state import Asking, await_table, note_table
from flows.steps.timeline import StepStopped, Timeline


@dataclass
class Pipeline:
    """Runs the steps in order. `parameters` records which were changed, and whether they were restored.

    `begun_before`: a run that died began the pipeline, and its Glue runs may go on.
    `unanswered`: the answer of a function was lost. Its effect was seen, but not its end.
    """

    contract: Contract
    delivery: Delivery
    timeline: Timeline
    parameters: list[ParameterRecord] = field(default_factory=list)
    begun_before: bool = False
    unanswered: str = ""
    _known_job_runs: frozenset[str] = frozenset()
    _known_objects: dict[str, frozenset[LandingObject]] = field(default_factory=dict)
    _lost: StepStopped | None = None
    clock: Clock = REAL_CLOCK
    asking: Asking | None = None
    """When the proof is asked again, if the contract says so."""
    _begun: bool = False
    """A step of this pass has started something."""
    _executions: dict[str, str] = field(default_factory=dict)
    """The name of the execution that this pass has started last, by state machine."""
    _known_executions: dict[str, frozenset[str]] = field(default_factory=dict)
    """The executions that were there before this pass started something, by state machine that it does not start."""
    _table_before: str | None = None
    """The mark of the table before this pipeline started something; None if it starts nothing."""

    def run(self) -> None:
        """Run every pass. Raises StepStopped at the first step that fails; the parameters are restored then as well."""
        for this_pass in passes(self.contract, self.delivery):
            if self.begun_before:
                self._await_earlier(this_pass)
            self._run_pass(this_pass)

    def skip(self, reason: str) -> None:
        """Record every step as not run."""
        for this_pass in passes(self.contract, self.delivery):
            for override in self.contract.override:
                self.timeline.skip(this_pass.task(f"override {override.parameter}"), reason)
            for step in self.contract.steps:
                self.timeline.skip(this_pass.title_of(step), reason)

    def _await_earlier(self, this_pass: PipelinePass) -> None:
        """Wait for job runs that the dead run started: two that write at once would be measured halfway."""
        for step in self.contract.steps:
            if job := step.glue_job:
                name = this_pass.task(f"await earlier runs of {job}")
                self.timeline.perform(name, await_earlier_job_runs, job, this_pass.mentioned, step.within)

    def _run_pass(self, this_pass: PipelinePass) -> None:
        self._begun = False
        self._executions.clear()
        with ExitStack() as undo:
            for job in {step.glue_job for step in self.contract.steps if step.glue_job}:
                undo.callback(TURNS.end, job, this_pass.mentioned)
            for override in self.contract.override:
                undo.enter_context(self._overridden(this_pass, override))
            self._look_before(this_pass)
            for step, following in zip_longest(self.contract.steps, self.contract.steps[1:]):
                self._run_step(this_pass, step, following)

    def _look_before(self, this_pass: PipelinePass) -> None:
        """Note the objects that are there already: an object that this pass awaits must come from this pass.

        Only awaited after the first step that starts something: a pipeline that S3 fires may be done before this run.
        """
        pipeline = self.contract.steps
        starting = next((n for n, step in enumerate(pipeline) if step.starts), len(pipeline))
        awaited = [this_pass.fill(step.awaited_object) for step in pipeline[starting:] if step.awaited_object]
        if awaited:
            self._known_objects |= self.timeline.look_up(this_pass.task("note what is there"), look_at, awaited)
        for machine in fired_machines(pipeline[starting:]):
            task = this_pass.task(f"list the executions of {machine}"), list_executions, machine
            self._known_executions[machine] = self.timeline.look_up(*task, self.landed_at, this_pass.mentioned)
        if any(step.awaited_table for step in pipeline[starting:]) and self._table_before is None:
            where = self.contract.table, partition_values(self.contract, self.delivery)
            self._table_before = self.timeline.look_up("note the table's state", note_table, *where)

    def _run_step(self, this_pass: PipelinePass, step: Step, following: Step | None) -> None:
        awaiting = following if following is not None and not following.starts else None
        job = awaiting.glue_job if awaiting is not None and (self._begun or step.starts) else ""
        lost, self._lost = self._lost, None
        began = self.clock.now()
        try:
            if job and step.starts:
                self._run_in_turn(this_pass, step, job)
            else:
                if job:
                    # The next step tells the job run that this step starts from those that there are now.
                    known = self.timeline.look_up(this_pass.task(f"list the runs of {job}"), list_job_runs, job)
                    self._known_job_runs = known
                found = self.timeline.perform(this_pass.title_of(step), *self._task_of(this_pass, step))
                if step.awaited_table is Until.AGREES:
                    self.asking = Asking(began, step.within, found.mark, self.landed_at, self._table_before)
        except StepStopped as stopped:
            if lost is not None:
                raise StepStopped(f"{stopped}; and before that, {lost}") from stopped
            lost_answer = isinstance(stopped.__cause__, AnswerLost | WaitTimedOut)
            if not lost_answer or step.lost_answer is LostAnswer.STOP or awaiting is None:
                raise
            # The next step sees whether this one was begun. It is not begun again to find out.
            self._lost = stopped
            if step.lost_answer is LostAnswer.AWAIT_UNSETTLED:
                self.unanswered = str(stopped)
        self._begun = self._begun or step.starts

    def _run_in_turn(self, this_pass: PipelinePass, step: Step, job: str) -> None:
        """Run a step that starts a run of the job, when the job may have one more.

        Another process may be faster. Glue then refuses to start the run, so the step waits for its turn once more.
        """
        until = REAL_CLOCK.now() + OTHERS_WITHIN.total_seconds()
        for pause_s in pauses(0.5, 30.0):
            left = timedelta(seconds=max(until - REAL_CLOCK.now(), 0))
            turn = this_pass.task(f"list the runs of {job}"), await_turn, job, this_pass.mentioned, left
            self._known_job_runs = self.timeline.look_up(*turn)
            try:
                self.timeline.perform(this_pass.title_of(step), *self._task_of(this_pass, step))
            except StepStopped as stopped:
                if not isinstance(stopped.__cause__, NoFreeRun) or REAL_CLOCK.now() >= until:
                    raise
                TURNS.end(job, this_pass.mentioned)
                REAL_CLOCK.sleep(pause_s)
            else:
                return

    def _task_of(self, this_pass: PipelinePass, step: Step) -> tuple[Any, ...]:
        """Return the task that carries out the step, and its arguments."""
        match step:
            case Invoke(function, payload, within, asynchronous):
                return invoke_function, function, this_pass.fill(payload), asynchronous, within
            case AwaitObject(template, within):
                uri = this_pass.fill(template)
                return await_object, uri, self._known_objects.get(uri, frozenset()), within
            case AwaitGlueJob(job, within) if not self._begun:
                return await_fired_glue_job, job, self.landed_at, this_pass.mentioned, within
            case AwaitGlueJob(job, within):
                return await_glue_job, job, self._known_job_runs, this_pass.mentioned, within
            case RunGlueJob(job, arguments, within):
                return run_glue_job, job, this_pass.fill(dict(arguments)), within
            case RunCrawler(crawler, within):
                return run_crawler, crawler, within
            case RunWorkflow(workflow, properties, within):
                own = this_pass.name_of_request(self._place_of(step))
                return run_workflow, workflow, this_pass.fill(dict(properties)), own, within
            case PutEvent(bus, source, detail_type, detail, within):
                event = bus, source, detail_type, this_pass.fill(dict(detail))
                return put_event, *event, within
            case StartExecution(machine, input_, within):
                name = self._executions[machine] = this_pass.name_of_request(self._place_of(step))
                return start_execution, machine, name, this_pass.fill(input_), within
            case AwaitExecution(machine, within) if machine not in self._executions:
                known = self._known_executions.get(machine, frozenset())
                return await_fired_execution, machine, self.landed_at, known, this_pass.mentioned, within
            case AwaitExecution(machine, within):
                return await_execution, machine, self._executions[machine], within
            case AwaitTable(until, within):
                partition = partition_values(self.contract, self.delivery)
                since = self.landed_at, self._table_before, until is Until.WRITTEN
                return await_table, self.contract.table, partition, *since, within, self.clock
            case _:
                assert_never(step)

    def _place_of(self, step: Step) -> int:
        return next(n for n, each in enumerate(self.contract.steps) if each is step)

    @property
    def landed_at(self) -> datetime:
        return max(member.last_modified for member in self.delivery.members)

    @contextmanager
    def _overridden(self, this_pass: PipelinePass, override: Override) -> Iterator[None]:
        """Give the parameter the value of this pass inside, and its earlier value after it, whatever happens."""
        parameter, changes = override.parameter, this_pass.fill(dict(override.set))
        overridden: Overridden = self.timeline.perform(
            this_pass.task(f"override {parameter}"),
            override_parameter,
            self.delivery,
            parameter,
            override.copy_of,
            changes,
            sum((step.within for step in self.contract.steps), OF_ITS_OWN) + job_turns(self.contract, OTHERS_WITHIN),
        )
        looks = ParameterLooks()
        try:
            with self._put_back(this_pass, overridden, looks):
                looks.during = self._look(this_pass, "during the run", overridden)
                yield
        finally:
            record = record_of(override, changes, overridden, looks)
            self.parameters = [*(other for other in self.parameters if other.name != parameter), record]

    @contextmanager
    def _put_back(self, this_pass: PipelinePass, overridden: Overridden, looks: ParameterLooks) -> Iterator[None]:
        name = overridden.name
        put_back = partial(self.timeline.perform, this_pass.task(f"restore {name}"), restore, overridden)
        try:
            yield
        except Exception:
            _done_after_failure(put_back, overridden)
            looks.after = self._look(this_pass, "after the run", overridden)
            raise
        except BaseException:
            # Cancelled or told to end: Prefect runs no more tasks of this run, so the calls are made here.
            with _logging_failure():
                restore_now(overridden)
                looks.after = look(load_clients().of("ssm"), overridden)
            raise
        else:
            put_back()
            looks.after = self._look(this_pass, "after the run", overridden)

    def _look(self, this_pass: PipelinePass, when: str, overridden: Overridden) -> ParameterLook | None:
        """Read the parameter for the evidence. A failure costs no verdict, and is on record as a failed step."""
        name = this_pass.task(f"look at {overridden.name} {when}")
        with suppress(StepStopped):
            seen: ParameterLook = self.timeline.look_up(name, look_at_parameter, overridden)
            return seen
        return None


def _done_after_failure(put_back: Callable[[], Any], overridden: Overridden) -> None:
    """Restore after a failed step. That step is the verdict's reason, so a failing restore must not hide it."""
    with _logging_failure():
        try:
            put_back()
        except (httpx.HTTPError, PrefectException):  # Prefect's server is the trouble, not AWS
            restore_now(overridden)


@contextmanager
def _logging_failure() -> Iterator[None]:
    """Log a failure inside. The watcher restores the parameter when this run is over."""
    try:
        yield
    except (AceiteError, BotoCoreError) as error:
        get_run_logger().error("%s", error)
