"""Gives Prefect's executor a warm process for each run, in the form that it expects of a process.

Each run has its own folder for temporary files.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.abc
from prefect.client.schemas.objects import FlowRun
from prefect.logging.loggers import flow_run_logger
from prefect.runner._control_channel import ControlChannel
from prefect.runner._process_manager import ProcessHandle

from blocks.temporary_folders import temporary_folder
from flows.workers.pool import WarmPool
from flows.workers.process import WarmProcess


@dataclass(frozen=True)
class Starter:
    """Prefect's process starter, which takes a warm process instead of starting one.

    The run is told to end after `within_s`, and killed `grace_s` later.
    """

    pool: WarmPool
    fingerprint: Awaitable[str]
    control: ControlChannel
    entrypoint: str
    environment: Mapping[str, str | None]
    within_s: float
    grace_s: float

    async def start(
        self, flow_run: FlowRun, task_status: anyio.abc.TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Wait until the run is over. Its process may go on."""
        process = await self.pool.take(await self.fingerprint)
        attempt = Attempt(process)
        try:
            with temporary_folder() as folder:
                process.begin(self._job(flow_run, folder))
                task_status.started(ProcessHandle(attempt, termination_scope=attempt))  # type: ignore[arg-type]
                with anyio.move_on_after(self.within_s):
                    await process.finished()
                if process.is_running:
                    await self._end_late(flow_run, process)
                attempt.conclude()
        finally:
            attempt.conclude()
            self.pool.give_back(process)

    def _job(self, flow_run: FlowRun, folder: str) -> dict[str, Any]:
        port, token = self.control.register(flow_run.id)
        environment = {
            **self.environment,
            "PREFECT__FLOW_RUN_ID": str(flow_run.id),
            "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false",  # Prefect's executor runs them, out here
            "PREFECT__CONTROL_PORT": str(port),
            "PREFECT__CONTROL_TOKEN": token,
        }
        return {
            "entrypoint": self.entrypoint,
            "flow_run": flow_run.model_dump(mode="json"),
            "environment": environment,
            "folder": folder,
        }

    async def _end_late(self, flow_run: FlowRun, process: WarmProcess) -> None:
        flow_run_logger(flow_run).error("not done after %g s, its deadline: the run is ended", self.within_s)
        process.end()
        with anyio.move_on_after(self.grace_s):
            await process.finished()
        if process.is_running:
            process.kill()
            await process.finished()


class Attempt:
    """One run in a process, as Prefect sees processes: over when the run is, and ended without harm to the next run."""

    wait_after_graceful_kill = True

    def __init__(self, process: WarmProcess) -> None:
        self._process = process
        self.pid = process.pid
        self.returncode: int | None = None

    def conclude(self) -> None:
        """Set the exit code: 0 after a run that ended normally, although its process goes on."""
        if self.returncode is None:
            self.returncode = self._process.returncode if self._process.over.is_set() else 0

    def is_alive(self, pid: int) -> bool:
        return self.returncode is None and self._process.is_running

    def graceful_kill(self, pid: int) -> None:
        if self.is_alive(pid):
            self._process.end()

    def hard_kill(self, pid: int) -> None:
        if self.is_alive(pid):
            self._process.kill()

    def close(self) -> None:
        """Do nothing: no resource is held."""
