"""A Prefect worker whose runs go to processes that are up already.

Everything around a run is Prefect's, with the parts that its own process worker is made of: states, cancellation, what
happens to a run whose process dies, hooks. Ours is only the starter, which takes a process instead of starting one.
"""

import asyncio
import os
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

import anyio
import anyio.abc
from prefect.client.schemas.objects import FlowRun
from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventAnyResourceFilter, EventFilter, EventNameFilter
from prefect.flows import load_flow_from_flow_run
from prefect.runner._flow_run_executor import FlowRunExecutionResult, FlowRunExecutorContext
from prefect.runner._process_manager import ProcessHandle
from prefect.settings import get_current_settings
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult
from pydantic import Field, PrivateAttr

from blocks.temporary_folders import remove_what_was_left
from flows.prefect_api.outages import outlast
from flows.prefect_api.runs import SHUTTING_DOWN
from flows.workers.cancellation import Cancelling
from flows.workers.fingerprint import look
from flows.workers.pool import Share, WarmPool
from flows.workers.process import GRACE_S
from flows.workers.starter import Starter

WITHIN_S = 6 * 60 * 60
"""The default deadline of a run, after which it is considered hung. The worker or its work pool may set another."""

_LISTEN_AGAIN_S = 5
_SLOT_IS_FREE_S = 0.05


class WarmJobConfiguration(BaseJobConfiguration):
    within_s: float = Field(default=WITHIN_S)
    grace_s: float = Field(default=GRACE_S)
    _entrypoint: str = PrivateAttr(default="")

    def prepare_for_flow_run(self, flow_run: FlowRun, deployment: Any = None, *others: Any, **more: Any) -> None:
        super().prepare_for_flow_run(flow_run, deployment, *others, **more)
        self._entrypoint = deployment.entrypoint if deployment is not None else ""


class WarmVariables(BaseVariables):
    within_s: float = Field(default=WITHIN_S, title="Deadline", description="Seconds after which a run is told to end.")
    grace_s: float = Field(
        default=GRACE_S, title="Grace", description="Seconds after the deadline after which it is killed."
    )


class WarmResult(BaseWorkerResult):
    """The result of a run whose process goes on."""


class WarmWorker(BaseWorker[WarmJobConfiguration, WarmVariables, WarmResult]):
    """A worker that gives each run a warm process, up to `processes` runs at once."""

    type = "aceite-warm"
    job_configuration = WarmJobConfiguration
    job_configuration_variables = WarmVariables
    _display_name = "Aceite: warm processes"
    _description = "Runs flows in processes that are up already, with the flows imported. Served by `aceite up`."

    def __init__(
        self,
        work_pool_name: str,
        processes: int,
        preloaded: Sequence[str],
        environment: Mapping[str, str],
        share: Share | None = None,
        deadline_of: Callable[[FlowRun], timedelta | None] = lambda _: None,
    ) -> None:
        super().__init__(work_pool_name, limit=processes)
        self._deadline_of = deadline_of
        self._preloaded, self._environment, self._share = preloaded, environment, share
        self._parts = AsyncExitStack()
        self._wake = asyncio.Event()
        self._looks: dict[UUID, asyncio.Task[str]] = {}
        self._is_ending = False

    @property
    def pool(self) -> WarmPool:
        return self._pool

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(remove_what_was_left)
        try:
            self._execution = await self._parts.enter_async_context(FlowRunExecutorContext())
            fingerprint = await look(self._execution.client)
            self._pool = WarmPool(self._preloaded, self._environment, fingerprint, self._share)
            await self._parts.enter_async_context(self._pool)
            await super().__aenter__()
            cancelling = Cancelling(self._execution)
            await self._parts.enter_async_context(_beside(self._listen(), self._poll_when_woken(), cancelling.look()))
            outlast(self)
        except BaseException:
            await self._parts.aclose()
            raise
        return self

    async def __aexit__(self, *error: Any) -> None:
        try:
            await super().__aexit__(*error)
        finally:
            await self._parts.aclose()

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Return runs as the base class does, but none once the worker ends: queued runs wait for the next worker."""
        return [] if self._is_ending else await super().get_and_submit_flow_runs()

    async def _submit_run(self, flow_run: FlowRun) -> None:
        """Submit the run as the base class does. An unexpected error costs this attempt and not the worker.

        Meanwhile the fingerprint is computed, which the process that takes the run must have.
        """
        looking = self._looks[flow_run.id] = asyncio.create_task(look(self._execution.client))
        try:
            await super()._submit_run(flow_run)
        except Exception:
            self._logger.exception("run %s could not be submitted; it is tried again while it is due", flow_run.name)
            self._submitting_flow_run_ids.discard(flow_run.id)
            self._release_limit_slot(flow_run.id)
        finally:
            del self._looks[flow_run.id]
            looking.cancel()

    async def _propose_submitting_state(self, flow_run: FlowRun) -> None:
        """Skip the state Submitting: the run begins at once, and setting the state would only delay it."""

    async def _give_worker_labels_to_flow_run(self, flow_run_id: UUID) -> None:
        """Skip a request before each first step. The run's log also says which worker has it."""

    async def end_runs(self) -> None:
        """End all runs at the same time, as Prefect's runner does one by one when it is told to stop."""
        self._is_ending = True
        runs = self._execution.process_manager.flow_run_ids()
        for failure in await asyncio.gather(*map(self._end_run, runs), return_exceptions=True):
            if failure is not None:
                self._logger.error("a run could not be ended: %s", failure)

    async def _end_run(self, run: UUID) -> None:
        flow_run = await self._execution.client.read_flow_run(run)
        if flow_run.state is None or not flow_run.state.is_final():  # a verdict that is told already stays
            await self._execution._cancellation_manager.cancel(flow_run, SHUTTING_DOWN)

    async def _listen(self) -> None:
        """Wake the polling when a run is created. Without it a run waits for the next poll."""
        scheduled = EventFilter(
            event=EventNameFilter(name=["prefect.flow-run.Scheduled"]),
            any_resource=EventAnyResourceFilter(id=[f"prefect.work-pool.{self.work_pool.id}"]),
        )
        while True:
            try:
                async with get_events_subscriber(scheduled) as events:
                    async for _ in events:
                        self._wake.set()
            except Exception as error:  # noqa: BLE001  # whatever it is: the worker goes on asking by itself
                self._logger.warning("no news of created runs, will be tried again: %s", error)
            await asyncio.sleep(_LISTEN_AGAIN_S)

    async def _poll_when_woken(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self.limiter.available_tokens > 0:
                try:
                    await self.get_and_submit_flow_runs()
                except Exception as error:  # noqa: BLE001  # whatever it is: the worker goes on asking by itself
                    self._logger.warning("asking for runs failed, will be tried again: %s", error)

    async def run(
        self,
        flow_run: FlowRun,
        configuration: WarmJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> WarmResult:
        within_s = configuration.within_s
        if within_s == WITHIN_S and (deadline := self._deadline_of(flow_run)) is not None:
            within_s = deadline.total_seconds()
        starter = Starter(
            self._pool,
            self._looks[flow_run.id],
            self._execution.control_channel,
            configuration._entrypoint,
            configuration.env,
            within_s,
            configuration.grace_s,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            executor = self._execution.create_executor(
                flow_run, starter, resolve_flow=load_flow_from_flow_run, propose_submitting=False
            )
        execution: FlowRunExecutionResult | None = None

        async def submit(*, task_status: anyio.abc.TaskStatus[ProcessHandle]) -> None:
            nonlocal execution
            execution = await executor.submit(task_status=task_status)

        async with anyio.create_task_group() as group:
            handle: ProcessHandle = await group.start(submit)
            if task_status is not None and handle.pid is not None:
                task_status.started(handle.pid)
        # The slot is free when this has returned: another run may be waiting for it.
        asyncio.get_running_loop().call_later(_SLOT_IS_FREE_S, self._wake.set)
        if execution is None or execution.status_code is None:
            raise RuntimeError("the run was not started")
        return WarmResult(status_code=execution.status_code, identifier=str(handle.pid))


@asynccontextmanager
async def _beside(*working: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(work) for work in working]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def environment_of_processes(heartbeat_s: int) -> dict[str, str]:
    """Return this process's environment, with Prefect's settings wherever they come from."""
    settings = get_current_settings().to_environment_variables(exclude_unset=True)
    return {**os.environ, **settings, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(heartbeat_s)}
