"""The pipeline under test: the contract's overrides and steps, for one delivery, once or once for each of its files."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from typing import Any, assert_never

import httpx
from botocore.exceptions import BotoCoreError
from prefect import get_run_logger
from prefect.exceptions import PrefectException

from acceptance.announcing.overdue import OF_ITS_OWN
from acceptance.contract.contract import Contract, Override
from acceptance.contract.steps import AwaitGlueJob, AwaitObject, Invoke, LostAnswer, RunGlueJob, Step
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.passes import Turn, turns
from acceptance.errors import AceiteError, AnswerLost, WaitTimedOut
from acceptance.evidence.provenance import ParameterRecord
from aws.parameters import Overridden
from flows.installation.clients import load_clients
from flows.steps.functions import invoke_function
from flows.steps.glue import await_earlier_job_runs, await_glue_job, list_job_runs, run_glue_job
from flows.steps.objects import await_object, look_at
from flows.steps.parameters import (
    Looks,
    Seen,
    look,
    look_at_parameter,
    override_parameter,
    record_of,
    restore,
    restore_now,
)
from flows.steps.timeline import Stopped, Timeline


@dataclass
class Pipeline:
    """Runs the steps in order. `parameters` are those that were changed, and whether they were restored.

    `begun_before`: by a run that died, whose Glue runs may go on.
    `unanswered`: a function was called and awaited, and its answer was lost. What it did was seen, but not its end.
    """

    contract: Contract
    delivery: Delivery
    timeline: Timeline
    parameters: list[ParameterRecord] = field(default_factory=list)
    begun_before: bool = False
    unanswered: str = ""
    _known_job_runs: frozenset[str] = frozenset()
    _known_objects: dict[str, frozenset[LandingObject]] = field(default_factory=dict)
    _lost: Stopped | None = None

    def run(self) -> None:
        """Raises Stopped at the first step that fails; the parameters are restored then as well."""
        for turn in turns(self.contract, self.delivery):
            if self.begun_before:
                self._await_earlier(turn)
            self._take(turn)

    def skip(self, reason: str) -> None:
        """Every step goes on record as not run."""
        for turn in turns(self.contract, self.delivery):
            for override in self.contract.override:
                self.timeline.skip(turn.task(f"override {override.parameter}"), reason)
            for step in self.contract.steps:
                self.timeline.skip(turn.title_of(step), reason)

    def _await_earlier(self, turn: Turn) -> None:
        """What the run that died started may still write: a second run beside it would be measured between the two."""
        for step in self.contract.steps:
            if job := step.glue_job:
                name = turn.task(f"await earlier runs of {job}")
                self.timeline.perform(name, await_earlier_job_runs, job, turn.mentioned, step.within)

    def _take(self, turn: Turn) -> None:
        with ExitStack() as undo:
            for override in self.contract.override:
                undo.enter_context(self._overridden(turn, override))
            self._look_before(turn)
            for step, following in zip_longest(self.contract.steps, self.contract.steps[1:]):
                self._run_step(turn, step, following)

    def _look_before(self, turn: Turn) -> None:
        """What a turn awaits must come from this turn, so what is there already is noted.

        Only after the first step that starts something: a pipeline that S3 itself fires may be done before this run.
        """
        pipeline = self.contract.steps
        starting = next((n for n, step in enumerate(pipeline) if step.starts), len(pipeline))
        awaited = [turn.fill(step.awaited_object) for step in pipeline[starting:] if step.awaited_object]
        if awaited:
            self._known_objects |= self.timeline.look_up(turn.task("note what is there"), look_at, awaited)

    def _run_step(self, turn: Turn, step: Step, following: Step | None) -> None:
        awaiting = following if following is not None and not following.starts else None
        if awaiting is not None and (job := awaiting.glue_job):
            # What runs now is what the next step must tell apart from the run that this step starts.
            self._known_job_runs = self.timeline.look_up(turn.task(f"list the runs of {job}"), list_job_runs, job)
        lost, self._lost = self._lost, None
        try:
            self.timeline.perform(turn.title_of(step), *self._task_of(turn, step))
        except Stopped as stopped:
            if lost is not None:
                raise Stopped(f"{stopped}; and before that, {lost}") from stopped
            lost_answer = isinstance(stopped.__cause__, AnswerLost | WaitTimedOut)
            if not lost_answer or step.lost_answer is LostAnswer.STOP or awaiting is None:
                raise
            # What the next step awaits comes if this one was begun. It is not begun again to find out.
            self._lost = stopped
            if step.lost_answer is LostAnswer.AWAIT_UNSETTLED:
                self.unanswered = str(stopped)

    def _task_of(self, turn: Turn, step: Step) -> tuple[Any, ...]:
        """Return the task that carries out the step, and its arguments."""
        match step:
            case Invoke(function, payload, within, asynchronous):
                return invoke_function, function, turn.fill(payload), asynchronous, within
            case AwaitObject(template, within):
                uri = turn.fill(template)
                return await_object, uri, self._known_objects.get(uri, frozenset()), within
            case AwaitGlueJob(job, within):
                return await_glue_job, job, self._known_job_runs, turn.mentioned, within
            case RunGlueJob(job, arguments, within):
                return run_glue_job, job, turn.fill(dict(arguments)), within
            case _:
                assert_never(step)

    @contextmanager
    def _overridden(self, turn: Turn, override: Override) -> Iterator[None]:
        """The parameter has the turn's value inside, and what it had before the run outside, whatever happens."""
        parameter, changes = override.parameter, turn.fill(dict(override.set))
        overridden: Overridden = self.timeline.perform(
            turn.task(f"override {parameter}"),
            override_parameter,
            self.delivery,
            parameter,
            override.copy_of,
            changes,
            sum((step.within for step in self.contract.steps), OF_ITS_OWN),
        )
        looks = Looks()
        try:
            with self._put_back(turn, overridden, looks):
                looks.during = self._look(turn, "during the run", overridden)
                yield
        finally:
            record = record_of(override, changes, overridden, looks)
            self.parameters = [*(other for other in self.parameters if other.name != parameter), record]

    @contextmanager
    def _put_back(self, turn: Turn, overridden: Overridden, looks: Looks) -> Iterator[None]:
        name = overridden.name
        put_back = partial(self.timeline.perform, turn.task(f"restore {name}"), restore, overridden)
        try:
            yield
        except Exception:
            _done_after_failure(put_back, overridden)
            looks.after = self._look(turn, "after the run", overridden)
            raise
        except BaseException:
            # Cancelled or told to end: Prefect runs no more tasks of this run, so the calls are made here.
            with _noting_failure():
                restore_now(overridden)
                looks.after = look(load_clients().of("ssm"), overridden)
            raise
        else:
            put_back()
            looks.after = self._look(turn, "after the run", overridden)

    def _look(self, turn: Turn, when: str, overridden: Overridden) -> Seen | None:
        """For the evidence; what cannot be read costs no verdict, and is on record as a failed step."""
        name = turn.task(f"look at {overridden.name} {when}")
        with suppress(Stopped):
            seen: Seen = self.timeline.look_up(name, look_at_parameter, overridden)
            return seen
        return None


def _done_after_failure(put_back: Callable[[], Any], overridden: Overridden) -> None:
    """The step that failed is the reason of the verdict; a failing restore beside it must not hide it."""
    with _noting_failure():
        try:
            put_back()
        except (httpx.HTTPError, PrefectException):  # Prefect's server is the trouble, not AWS
            restore_now(overridden)


@contextmanager
def _noting_failure() -> Iterator[None]:
    """What is not restored now is restored by the watcher, when this run is over."""
    try:
        yield
    except (AceiteError, BotoCoreError) as error:
        get_run_logger().error("%s", error)
