"""A worker that serves the flows of `warm_flows`, on a thread of the test."""

import asyncio
import contextvars
import json
import os
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psutil
import warm_flows
from polling import eventually
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.deployments.runner import RunnerDeployment
from prefect.settings import PREFECT_WORKER_QUERY_SECONDS, temporary_settings
from prefect.types.entrypoint import EntrypointType
from repository import ROOT

from flows.workers.pool import NoWarmProcess, Share
from flows.workers.worker import WarmWorker, environment_of_processes

FLOWS = (warm_flows.report, warm_flows.wait)


@dataclass
class Served:
    """A worker with its processes, and the work pool that it serves."""

    worker: WarmWorker
    client: SyncPrefectClient
    thread: threading.Thread

    def start(self, flow: Flow[..., Any], folder: Path, within_s: float | None = 100, **parameters: Any) -> UUID:
        deployment = cast(
            RunnerDeployment,
            flow.to_deployment(
                f"{self.worker._work_pool_name} {within_s}",
                work_pool_name=self.worker._work_pool_name,
                job_variables={"grace_s": 2} | ({"within_s": within_s} if within_s else {}),
                entrypoint_type=EntrypointType.MODULE_PATH,
            ),
        )
        deployment_id = cast(UUID, deployment.apply())
        parameters = {"folder": str(folder), **parameters}
        return self.client.create_flow_run_from_deployment(deployment_id, parameters=parameters).id

    def run(self, flow: Flow[..., Any], folder: Path, **parameters: Any) -> State:
        return self.end_of(self.start(flow, folder, **parameters))

    def end_of(self, run: UUID) -> State:
        def final() -> State | None:
            assert self.thread.is_alive(), "the worker ended"
            state = self.client.read_flow_run(run).state
            return state if state is not None and state.is_final() else None

        return eventually(final, "the run's end")

    @property
    def pids(self) -> set[int]:
        return {process.pid for process in self.worker.pool.processes}


def run(serving: Coroutine[Any, Any, None]) -> None:
    with suppress(NoWarmProcess):  # who waits for the worker sees that its thread is over
        asyncio.run(serving)


@contextmanager
def serving(
    pool: str, processes: int = 1, share: Share | None = None, more: Sequence[str] = (), poll_s: float = 0.2
) -> Iterator[Served]:
    environment = environment_of_processes(30)
    environment["PYTHONPATH"] = os.pathsep.join((str(ROOT), str(Path(__file__).parent)))
    environment["KEPT"] = "kept"
    preloaded = (*(f"warm_flows.{flow.fn.__name__}" for flow in FLOWS), *more)
    worker = WarmWorker(pool, processes, preloaded, environment, share, lambda _: timedelta(seconds=2))
    loops: list[asyncio.AbstractEventLoop] = []
    stop = asyncio.Event()

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        working = asyncio.create_task(worker.start(printer=lambda _: None))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            await worker.end_runs()
            working.cancel()
        await asyncio.gather(working, return_exceptions=stop.is_set())

    with temporary_settings({PREFECT_WORKER_QUERY_SECONDS: poll_s}):
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(run, serve()))
        thread.start()
    try:
        eventually(lambda: worker.is_setup or not thread.is_alive(), "the worker")
        assert thread.is_alive(), "the worker ended"
        with get_client(sync_client=True) as client:
            yield Served(worker, client, thread)
    finally:
        left = [process.pid for process in worker.pool.processes]
        if thread.is_alive():
            loops[0].call_soon_threadsafe(stop.set)
        thread.join(90)
        assert not [pid for pid in left if psutil.pid_exists(pid)], "processes are left"


def written_by_run(folder: Path, name: str) -> Any:
    path = folder / f"{name}.json"
    return json.loads(eventually(lambda: path.exists() and path.read_text(encoding="utf-8"), name))
