"""Serves the flows: applies what the server must hold, then runs what it schedules. A child of `aceite up`."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from prefect.client.orchestration import get_client
from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner
from prefect.settings import PREFECT_WORKER_QUERY_SECONDS, temporary_settings

from acceptance.errors import AceiteError
from automations.apply import WARM_POOL, apply, deployed, deployments
from blocks.build import aws_credentials, identify
from blocks.settings import Settings, read_settings
from cli.children import end_with_standard_input, tell_ready
from flows.clients import load_clients
from flows.installation import installed_contracts
from flows.warm.worker import WarmWorker, environment_of_processes

POLL_S = 1
"""Seconds between two questions of Prefect's runner for scheduled runs: its least, as it takes no fractions."""

WARM_POLL_S = 2
"""The same for the worker of the warm processes, which hears of most runs by an event before."""

HEARTBEAT_S = 30
"""Seconds between Prefect's own heartbeats of a run, the least that it allows."""


async def _serve(settings: Settings, watcher: RunnerDeployment, *validations: RunnerDeployment) -> None:
    """Watcher and validations apart, so that a queue of validations never keeps the watcher from starting.

    Returns when told to stop. What runs is cancelled then: parameters are restored, and deliveries are announced again.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def told_to_stop(*_: object) -> None:
        loop.call_soon_threadsafe(stop.set)

    end_with_standard_input(told_to_stop)
    async with AsyncExitStack() as serving:
        await serving.enter_async_context(_runner(2, watcher))
        if settings.runner == "warm":
            await serving.enter_async_context(_worker(settings.workers, *validations))
        else:
            await serving.enter_async_context(_runner(settings.workers, *validations))
        for number in (signal.SIGINT, signal.SIGTERM):  # each runner took them for itself; they are for all
            signal.signal(number, told_to_stop)
        await asyncio.to_thread(_start_watching)
        tell_ready("serving")
        await stop.wait()


@asynccontextmanager
async def _runner(limit: int, *deployments: RunnerDeployment) -> AsyncIterator[None]:
    runner = Runner(
        f"aceite {deployments[0].flow_name}",
        query_seconds=POLL_S,
        heartbeat_seconds=HEARTBEAT_S,
        limit=limit,
        pause_on_shutdown=False,
    )
    for deployment in deployments:
        await runner.aadd_deployment(deployment)
    async with asyncio.TaskGroup() as group:
        group.create_task(runner.start())
        await _until(lambda: runner.started)
        yield
        await runner.astop()


@asynccontextmanager
async def _worker(processes: int, *validations: RunnerDeployment) -> AsyncIterator[None]:
    entrypoints = [validation.entrypoint for validation in validations if validation.entrypoint]
    preloaded = (*entrypoints, "flows.installation.warm_up")
    worker = WarmWorker(WARM_POOL, processes, preloaded, environment_of_processes(HEARTBEAT_S))
    async with asyncio.TaskGroup() as group:
        with temporary_settings({PREFECT_WORKER_QUERY_SECONDS: WARM_POLL_S}):
            serving = group.create_task(worker.start(printer=lambda _: None))
        await _until(lambda: worker.is_setup)
        try:
            yield
        finally:
            await worker.end_runs()
            serving.cancel()


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.05)


def _start_watching() -> None:
    """One watcher run now; if another watches already, it ends by itself."""
    with get_client(sync_client=True) as client:
        ids = deployed(client)
        assert ids is not None
        client.create_flow_run_from_deployment(ids.watch_landing, name="watch the landing locations")


def main() -> int:
    settings = read_settings()
    try:
        identify(aws_credentials(settings), settings.aws_account_id)
        apply(settings, ())
        load_clients()
        apply(settings, installed_contracts())
    except AceiteError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    asyncio.run(_serve(settings, *deployments(settings)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
