"""Workflows of Glue that run: a trigger starts the first jobs and crawlers, and conditional ones what follows them."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from moto.core.utils import utcnow
from moto.glue.exceptions import ConcurrentRunsExceededException
from moto.glue.models import FakeTrigger, FakeWorkflow, FakeWorkflowRun

LOOK_EVERY_S = 0.05
_OF_CRAWL = {"COMPLETED": "SUCCEEDED", "STOPPED": "CANCELLED"}
"""AWS's words for moto's."""
_COUNTED = {
    "": "RunningActions",
    "SUCCEEDED": "SucceededActions",
    "TIMEOUT": "TimeoutActions",
    "STOPPED": "StoppedActions",
    "ERROR": "ErroredActions",
}


class Action(Protocol):
    """A job or a crawler in a run of a workflow. `state` is the one in which it ended; empty while it is at work."""

    @property
    def state(self) -> str: ...
    @property
    def details(self) -> dict[str, Any]: ...
    def stop(self) -> None: ...


@dataclass(frozen=True)
class JobAction:
    backend: Any
    job: Any
    run: Any

    @property
    def attempts(self) -> list[Any]:
        """The runs of the job, each after the one that it tries again."""
        attempts = [self.run]
        for run in reversed(self.job.job_runs):  # Glue lists the newest first
            if run.previous_run_id == attempts[-1].job_run_id:
                attempts.append(run)
        return attempts

    @property
    def state(self) -> str:
        last = self.attempts[-1]
        tried_again = last.status == "FAILED" and last.attempt < int(self.job.max_retries or 0)
        return "" if tried_again or last.status in ("STARTING", "RUNNING", "STOPPING") else str(last.status)

    @property
    def details(self) -> dict[str, Any]:
        return {"Type": "JOB", "JobDetails": {"JobRuns": [run.as_dict() for run in self.attempts]}}

    def stop(self) -> None:
        if self.attempts[-1].status in ("STARTING", "RUNNING"):
            self.backend.stop_job_run(self.job.name, self.attempts[-1].job_run_id)


@dataclass(frozen=True)
class CrawlAction:
    backend: Any
    crawl: Any

    @property
    def state(self) -> str:
        return str(_OF_CRAWL.get(self.crawl.status, self.crawl.status)) if self.crawl.end_time else ""

    @property
    def details(self) -> dict[str, Any]:
        error = {"ErrorMessage": self.crawl.error} if self.crawl.error else {}
        crawl = {"State": self.state or "RUNNING", "StartedOn": self.crawl.start_time, **error}
        return {"Type": "CRAWLER", "CrawlerDetails": {"Crawls": [crawl]}}

    def stop(self) -> None:
        """Do nothing: a crawl of the sandbox takes no time."""


@dataclass(frozen=True)
class NotBegun:
    """A job or a crawler that Glue could not start, and why."""

    error: str
    state: str = "ERROR"

    @property
    def details(self) -> dict[str, Any]:
        run = {"Id": "none", "JobRunState": self.state, "ErrorMessage": self.error}
        return {"Type": "JOB", "JobDetails": {"JobRuns": [run]}}

    def stop(self) -> None:
        """Do nothing: nothing runs."""


class RunningWorkflowRun(FakeWorkflowRun):
    """A run whose status follows its jobs and crawlers."""

    status: str

    def __init__(self, backend: Any, workflow: str, properties: dict[str, str], previous: str | None) -> None:
        super().__init__(workflow, previous, properties)
        self.backend = backend
        self.actions: dict[str, Action] = {}

    def as_dict(self) -> dict[str, Any]:
        actions = dict(self.actions)
        counts = {"TotalActions": len(actions)}
        for action in actions.values():
            name = _COUNTED.get(action.state, "FailedActions")
            counts[name] = counts.get(name, 0) + 1
        nodes = [{"Name": name, "UniqueId": name, **action.details} for name, action in actions.items()]
        return {**super().as_dict(), "Statistics": counts, "Graph": {"Nodes": nodes, "Edges": []}}

    def follow(self, triggers: Sequence[FakeTrigger]) -> None:
        """Start what the triggers say, until nothing is at work and nothing follows."""
        left = list(triggers)
        while self.status == "RUNNING":
            ended = all(action.state for action in self.actions.values())
            due = [trigger for trigger in left if self._is_due(trigger)]
            if not due and ended:
                break
            for trigger in due:
                left.remove(trigger)
                for action in trigger.actions:
                    self.actions[action.job_name or action.crawler_name] = self._begun(action)
            time.sleep(LOOK_EVERY_S)
        for action in self.actions.values():
            action.stop()
        while not all(action.state for action in self.actions.values()):
            time.sleep(LOOK_EVERY_S)
        self.completed_on = utcnow()
        self.status = "STOPPED" if self.status == "STOPPING" else "COMPLETED"

    def _is_due(self, trigger: FakeTrigger) -> bool:
        if trigger.predicate is None:
            return True
        met = [
            (each.job_name or each.crawler_name) in self.actions
            and self.actions[each.job_name or each.crawler_name].state == (each.state or each.crawl_state).value
            for each in trigger.predicate.conditions
        ]
        return any(met) if trigger.predicate.logical.value == "ANY" else all(met)

    def _begun(self, action: Any) -> Action:
        own = {"--WORKFLOW_NAME": self.workflow_name, "--WORKFLOW_RUN_ID": self.run_id}
        try:
            if action.crawler_name:
                self.backend.start_crawler(action.crawler_name)
                return CrawlAction(self.backend, self.backend.get_crawler(action.crawler_name).crawls[-1])
            id_ = self.backend.start_job_run(action.job_name, {**(action.arguments or {}), **own}, *(None,) * 8)
            job = self.backend.get_job(action.job_name)
            return JobAction(self.backend, job, next(run for run in job.job_runs if run.job_run_id == id_))
        except Exception as error:  # noqa: BLE001 - whatever it is becomes the action's error
            return NotBegun(f"{type(error).__name__}: {error}")


class RunningWorkflow(FakeWorkflow):
    """A workflow whose triggers really start jobs and crawlers. `backend` is the Glue that they are of."""

    backend: Any

    def start_run(self, properties: dict[str, str] | None) -> str:
        at_work = sum(run.status in ("RUNNING", "STOPPING") for run in self.runs.values())
        if self.max_concurrent_runs and at_work >= self.max_concurrent_runs:
            raise ConcurrentRunsExceededException(f"Concurrent runs exceeded for the workflow {self.name}")
        given = {**(self.default_run_properties or {}), **(properties or {})}
        run = RunningWorkflowRun(self.backend, self.name, given, next(reversed(self.runs), None))
        self.runs[run.run_id] = run
        triggers = [each for each in self.backend.triggers.values() if each.workflow_name == self.name]
        threading.Thread(target=run.follow, args=(triggers,), daemon=True).start()
        return str(run.run_id)

    def stop_run(self, run_id: str) -> None:
        self.get_run(run_id).status = "STOPPING"
