"""The record of a delivery's steps. Each is a line in the evidence; in a run of its own most are task runs as well."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial, wraps
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from prefect import Task, get_run_logger
from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectException
from prefect.utilities.annotations import BaseAnnotation

from acceptance.errors import AceiteError, StepFailed
from acceptance.evidence.evidence import StepRecord, StepStatus
from acceptance.foreign_words import ForeignWords, Redaction
from acceptance.untrusted_text import one_line, several_lines
from aws.calls import recorded_request_ids
from flows.steps.retries import try_as_often_as


def _is_news(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("Finished in state Completed(")


# Prefect logs this of each task run that ends well. The line that `TaskRuns` logs says which step, and what it found.
logging.getLogger("prefect.task_runs").addFilter(_is_news)


class StepStopped(AceiteError):
    """A step failed, so the run cannot go on. The message names the step and the cause, and becomes the reason.

    `detail` is all that is known of the cause.
    """

    def __init__(self, message: str = "", detail: str = "") -> None:
        self.detail = detail
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class StepResult:
    """A step's result: its value, the ids that AWS gave it, and one line for people, which the `words` follow."""

    value: Any = None
    ids: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""
    words: ForeignWords | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", several_lines(self.detail))


class TaskRuns:
    """Runs each step as a task run. The next one waits for the state `_last`, which draws the edges of the graph."""

    def __init__(self) -> None:
        self._last: State[Any] | None = None

    def __call__(self, name: str, task: Task[..., StepResult], *arguments: Any, **keywords: Any) -> object:
        after = [self._last] if self._last is not None else None
        named: Any = task.with_options(task_run_name=escape_braces(name))
        named.fn = words_apart(task.fn)
        state: Any = named(*arguments, **keywords, return_state=True, wait_for=after)
        answer = state.result(raise_on_failure=False)
        if isinstance(answer, StepResult):
            self._last = state
            get_run_logger().info("%s: %s %s", name, answer.detail or "done", _text(answer.ids))
        return answer


def words_apart(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with the text of an unexpected error kept apart: Prefect logs and stores what a task raises.

    A library may quote a cell in it. Errors of ours, of boto3 and of Prefect quote none, and decide on a retry.
    """

    @wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        try:
            return function(*arguments, **keywords)
        except (AceiteError, BotoCoreError, ClientError, PrefectException, httpx.HTTPError):
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, its text is not ours
            apart = StepFailed(type(error).__name__, ForeignWords(str(error)))
            raise apart.with_traceback(error.__traceback__) from None

    return call


def without_task_run(_: str, task: Task[..., StepResult], *arguments: Any, **keywords: Any) -> object:
    """Run the task as often as Prefect would, but without a task run. A batch of deliveries would have thousands."""
    values = [argument.unwrap() if isinstance(argument, BaseAnnotation) else argument for argument in arguments]
    try:
        return try_as_often_as(task, partial(task.fn, *values, **keywords))
    except Exception as error:  # noqa: BLE001  # as with a task run, the error is the step's answer
        return error


@dataclass
class Timeline:
    """The steps so far, in order. `run` returns the task's StepResult, or the exception that it raised.

    Whatever was said by what a step ran comes out here alone, through `redaction`.
    """

    run: Callable[..., object] = field(default_factory=TaskRuns)
    redaction: Redaction = field(default_factory=Redaction)
    steps: list[StepRecord] = field(default_factory=list)

    def perform(self, name: str, task: Task[..., StepResult], *arguments: Any, **keywords: Any) -> Any:
        """Run the task under the name and return its value.

        Raises:
            StepStopped: the task failed, for whatever reason; it is on record.
        """
        return self._perform(self.run, name, task, *arguments, **keywords)

    def look_up(self, name: str, task: Task[..., StepResult], *arguments: Any, **keywords: Any) -> Any:
        """Do as `perform`, without a task run: the task only reads something that another step needs.

        Its retries are the same. People who look at the graph of a run care for the other step.
        """
        return self._perform(without_task_run, name, task, *arguments, **keywords)

    def _perform(
        self, run: Callable[..., object], name: str, task: Task[..., StepResult], *arguments: Any, **keywords: Any
    ) -> Any:
        started = datetime.now(UTC)
        with recorded_request_ids() as requests:
            answer = run(name, task, *arguments, **keywords)
        ended = datetime.now(UTC)
        if isinstance(answer, StepResult):
            detail = " ".join(filter(None, (answer.detail, self._shown(answer.words))))
            self.steps.append(_record(name, StepStatus.SUCCEEDED, started, ended, ids_of(answer.ids, requests), detail))
            return answer.value
        detail = self.message(answer)
        self.steps.append(_record(name, StepStatus.FAILED, started, ended, requests, detail))
        cause = answer if isinstance(answer, Exception) else None
        said = _first_line(detail).removeprefix(f"{name}: ")  # many errors say themselves which step they are of
        raise StepStopped(f"{name}: {said}", detail) from cause

    def message(self, error: object) -> str:
        """Return an error's text and its words. If it is not one of Aceite's, even its text is foreign."""
        if not isinstance(error, AceiteError):
            return f"{type(error).__name__}: {self._shown(ForeignWords(str(error)))}"
        words = getattr(error, "words", None)
        return ": ".join(filter(None, (str(error), self._shown(words))))

    def traceback_of(self, error: BaseException) -> StepStopped:
        """Return an error to log instead of an unexpected one: its traceback, without what its text may quote."""
        return StepStopped(self.message(error)).with_traceback(error.__traceback__)

    def _shown(self, words: ForeignWords | None) -> str:
        return self.redaction.shown(words) if words is not None else ""

    def note(self, name: str, started: datetime, detail: str, *, succeeded: bool) -> None:
        """Record what came of several steps together."""
        status = StepStatus.SUCCEEDED if succeeded else StepStatus.FAILED
        self.steps.append(_record(name, status, started, datetime.now(UTC), {}, detail))

    def skip(self, name: str, reason: str) -> None:
        self.steps.append(StepRecord(name=name, status=StepStatus.SKIPPED, detail=reason))


def _record(
    name: str, status: StepStatus, started: datetime, ended: datetime, ids: Mapping[str, str], detail: str
) -> StepRecord:
    return StepRecord(name=name, status=status, started=started, ended=ended, ids=dict(ids), detail=detail)


def ids_of(given: Mapping[str, str], requests: Mapping[str, str]) -> dict[str, str]:
    """Return the ids of the step's own result, and those of the other requests that it made."""
    others = {operation: id_ for operation, id_ in requests.items() if id_ not in given.values()}
    return {**given, **others}


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0]


def escape_braces(name: str) -> str:
    """Escape braces: Prefect formats the name of a task run, and a key may hold braces."""
    return one_line(name).replace("{", "{{").replace("}", "}}")


def _text(ids: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in ids.items())
