"""The record of a delivery's steps. Each is a line in the evidence; in a run of its own most are task runs as well."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from prefect import Task, get_run_logger
from prefect.client.schemas.objects import State
from prefect.utilities.annotations import BaseAnnotation

from acceptance.errors import AceiteError
from acceptance.evidence.evidence import StepRecord, StepStatus
from aws.request_ids import recorded_request_ids
from flows.steps.retries import try_as_often_as


def _is_news(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("Finished in state Completed(")


# Prefect logs this of each task run that ends well. The line that `TaskRuns` logs says which step, and what it found.
logging.getLogger("prefect.task_runs").addFilter(_is_news)


class Stopped(AceiteError):
    """A step failed, so the run cannot go on. The message says which and why: it becomes the verdict's reason."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a step answers: its value, AWS's ids of it, and one line for people."""

    value: Any = None
    ids: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""


class TaskRuns:
    """Each step is a task run. `_last` is the state that the next step waits for, which draws the graph's edges."""

    def __init__(self) -> None:
        self._last: State[Any] | None = None

    def __call__(self, name: str, task: Task[..., Done], *arguments: Any, **keywords: Any) -> object:
        after = [self._last] if self._last is not None else None
        state: Any = task.with_options(task_run_name=literally(name))(
            *arguments, **keywords, return_state=True, wait_for=after
        )
        answer = state.result(raise_on_failure=False)
        if isinstance(answer, Done):
            self._last = state
            get_run_logger().info("%s: %s %s", name, answer.detail or "done", _text(answer.ids))
        return answer


def called(_: str, task: Task[..., Done], *arguments: Any, **keywords: Any) -> object:
    """The task is tried as often as Prefect would, without a task run: of many deliveries these would be thousands."""
    values = [argument.unwrap() if isinstance(argument, BaseAnnotation) else argument for argument in arguments]
    try:
        return try_as_often_as(task, partial(task.fn, *values, **keywords))
    except Exception as error:  # noqa: BLE001  # as with a task run, the error is the step's answer
        return error


@dataclass
class Timeline:
    """The steps so far, in order. `run` answers what the task does: Done, or the exception that it raised."""

    run: Callable[..., object] = field(default_factory=TaskRuns)
    steps: list[StepRecord] = field(default_factory=list)

    def perform(self, name: str, task: Task[..., Done], *arguments: Any, **keywords: Any) -> Any:
        """Run the task under the name and return its value.

        Raises:
            Stopped: the task failed, for whatever reason; it is on record.
        """
        return self._perform(self.run, name, task, *arguments, **keywords)

    def look_up(self, name: str, task: Task[..., Done], *arguments: Any, **keywords: Any) -> Any:
        """Do as `perform`, without a task run: the task only reads something that another step needs.

        Its retries are the same. People who look at the graph of a run care for the other step.
        """
        return self._perform(called, name, task, *arguments, **keywords)

    def _perform(
        self, run: Callable[..., object], name: str, task: Task[..., Done], *arguments: Any, **keywords: Any
    ) -> Any:
        started = datetime.now(UTC)
        with recorded_request_ids() as requests:
            answer = run(name, task, *arguments, **keywords)
        ended = datetime.now(UTC)
        if isinstance(answer, Done):
            self.steps.append(
                _record(name, StepStatus.SUCCEEDED, started, ended, ids_of(answer.ids, requests), answer.detail)
            )
            return answer.value
        detail = _told(answer)
        self.steps.append(_record(name, StepStatus.FAILED, started, ended, requests, detail))
        raise Stopped(f"{name}: {_first_line(detail)}") from (answer if isinstance(answer, Exception) else None)

    def skip(self, name: str, reason: str) -> None:
        self.steps.append(StepRecord(name=name, status=StepStatus.SKIPPED, detail=reason))


def _record(
    name: str, status: StepStatus, started: datetime, ended: datetime, ids: Mapping[str, str], detail: str
) -> StepRecord:
    return StepRecord(name=name, status=status, started=started, ended=ended, ids=dict(ids), detail=detail)


def ids_of(told: Mapping[str, str], requests: Mapping[str, str]) -> dict[str, str]:
    """What the step tells, and the requests that it made beside those that it tells of."""
    others = {operation: id_ for operation, id_ in requests.items() if id_ not in told.values()}
    return {**told, **others}


def _told(answer: object) -> str:
    """What an error says; of one that is not ours the type is part of it."""
    return str(answer) if isinstance(answer, AceiteError) else f"{type(answer).__name__}: {answer}"


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0]


def literally(name: str) -> str:
    """Prefect formats a task run's name; braces in a key are just braces."""
    return name.replace("{", "{{").replace("}", "}}")


def _text(ids: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in ids.items())
