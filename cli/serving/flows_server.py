"""Serves the flows as a child process of `aceite up`: registers them, then runs what the server schedules."""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from functools import lru_cache, partial

import httpx
import psutil
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments.runner import RunnerDeployment
from prefect.settings import PREFECT_WORKER_QUERY_SECONDS, temporary_settings
from prefect.workers.process import ProcessWorker

from acceptance.announcing.overdue import run_within
from acceptance.contract.contract import Contract
from acceptance.errors import AceiteError
from automations.apply import apply
from automations.deployments import (
    PROCESS_POOL,
    VALIDATIONS_PART,
    WARM_POOL,
    WATCHER_PART,
    Places,
    deployments,
    full_name,
    served_here,
)
from blocks.build import aws_credentials, identify
from blocks.loaded_objects import exempt_from_collection
from blocks.settings import HEARTBEAT_S, WATCHER_HEARTBEAT_S, Settings, environment_of, read_settings
from cli.serving.child_process import end_with_standard_input, print_ready
from cli.serving.ending import await_death, end_as_orphan
from cli.terminal import Terminal
from flows.installation.clients import load_clients
from flows.installation.current_contracts import Settled, current_contracts
from flows.installation.installed import installed_contracts
from flows.judging.batch import SIDE_BY_SIDE, at_once
from flows.locks.overrides import OTHERS_WITHIN, restore_what_was_left
from flows.prefect_api.outages import LastingRunner, outlast
from flows.prefect_api.runs import pointers_of
from flows.workers.fingerprint import files
from flows.workers.process import GRACE_S, WARM_MODULE
from flows.workers.worker import WarmWorker, environment_of_processes

POLL_S = 1
"""Seconds between the polls of Prefect's own worker for scheduled runs."""

WATCHER_POLL_S = 2
"""Seconds between the polls of Prefect's runner, which starts the watcher. It must be a whole number."""

WARM_POLL_S = 5
"""Seconds between the polls of the warm worker, which learns of nearly all runs earlier, from an event."""

FOLLOW_CONTRACTS_EVERY_S = 1

_HANG_UP = tuple(getattr(signal, name) for name in ("SIGHUP",) if hasattr(signal, name))  # Windows has none


async def _serve(settings: Settings, parts: Places, watcher: RunnerDeployment, *validations: RunnerDeployment) -> None:
    """Serve watcher and validations separately, so that a queue of validations never delays the watcher.

    Return when told to stop. Runs are cancelled then: they restore parameters, and deliveries are announced again.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def request_stop(*_: object) -> None:
        loop.call_soon_threadsafe(stop.set)

    end_with_standard_input(request_stop, partial(_end_if_orphan, psutil.Process().parent()))
    async with AsyncExitStack() as serving:
        if VALIDATIONS_PART in parts:
            await serving.enter_async_context(_worker(settings, *validations))
        if WATCHER_PART in parts:  # starts last and ends first: see _end_runs
            await serving.enter_async_context(_runner(2, watcher, made_again=partial(start_watching, watcher)))
        for number in (signal.SIGINT, signal.SIGTERM, *_HANG_UP):  # each runner has set its own; this one stops all
            signal.signal(number, request_stop)
        if WATCHER_PART in parts:
            await asyncio.to_thread(start_watching, watcher)
        await serving.enter_async_context(following_contracts(settings, parts))
        print_ready("serving")
        await stop.wait()


@asynccontextmanager
async def _runner(
    limit: int, *deployments: RunnerDeployment, made_again: Callable[[], object] = lambda: None
) -> AsyncIterator[None]:
    runner = LastingRunner(
        f"aceite {deployments[0].flow_name}",
        made_again,
        query_seconds=WATCHER_POLL_S,
        heartbeat_seconds=WATCHER_HEARTBEAT_S,
        limit=limit,
        pause_on_shutdown=False,
    )
    for deployment in deployments:
        await runner.aadd_deployment(deployment)
    async with asyncio.TaskGroup() as group:
        group.create_task(runner.start())
        await _wait_until(lambda: runner.started)
        yield
        await runner.astop()


@asynccontextmanager
async def _worker(settings: Settings, *validations: RunnerDeployment) -> AsyncIterator[None]:
    worker: WarmWorker | ProcessWorker
    if settings.runner == "warm":
        entrypoints = [validation.entrypoint for validation in validations if validation.entrypoint]
        preloaded = (*entrypoints, "flows.installation.installed.warm_up")
        environment = environment_of_processes(HEARTBEAT_S)
        worker = WarmWorker(WARM_POOL, settings.workers, preloaded, environment, deadline_of=deadline_of)
    else:
        # Its processes inherit this environment, but run in folders without the file .env.
        os.environ.update(environment_of(settings))
        worker = ProcessWorker(PROCESS_POOL, limit=settings.workers)
        outlast(worker)
    poll_s = WARM_POLL_S if settings.runner == "warm" else POLL_S
    async with asyncio.TaskGroup() as group:
        with temporary_settings({PREFECT_WORKER_QUERY_SECONDS: poll_s}):
            serving = group.create_task(worker.start(printer=lambda _: None))
        await _wait_until(lambda: worker.is_setup)
        try:
            yield
        finally:
            await (worker.end_runs() if isinstance(worker, WarmWorker) else _end_runs(worker))
            serving.cancel()


async def _end_runs(worker: ProcessWorker) -> None:
    """Terminate the runs, so that they restore what they changed; Prefect's worker would kill them when it ends.

    At this point this process has no other child processes.
    """
    for process in psutil.Process().children():
        with suppress(psutil.Error):
            _terminate(process)
    deadline = time.monotonic() + GRACE_S
    while (running := worker.limiter.borrowed_tokens) and time.monotonic() < deadline:
        worker.limiter.total_tokens = running  # so that the worker starts no other runs
        await asyncio.sleep(0.05)


def _terminate(process: psutil.Process) -> None:
    """Terminate a run's process. On Windows the signal reaches the launcher and the run."""
    if sys.platform == "win32":
        process.send_signal(signal.CTRL_BREAK_EVENT)
    else:
        process.terminate()


def _end_if_orphan(parent: psutil.Process | None) -> None:
    """End at once if `aceite up` was killed: Prefect's server ends too, and an end in order would wait for it.

    Runs in warm processes get a TerminationSignal when this process is gone, and restore what they changed.
    """
    if parent is not None:
        await_death(parent)
    end_as_orphan(_terminate, spares=lambda process: WARM_MODULE in process.cmdline())


@asynccontextmanager
async def following_contracts(settings: Settings, parts: Places) -> AsyncIterator[None]:
    """Apply the contracts again whenever their files change: a new one needs its automation."""
    following = asyncio.create_task(_follow_contracts(settings, parts, Settled(settings.contracts)))
    try:
        yield
    finally:
        following.cancel()


async def _follow_contracts(settings: Settings, parts: Places, files: Settled) -> None:
    trouble = ""
    while True:
        await asyncio.sleep(FOLLOW_CONTRACTS_EVERY_S)
        changed = files.changed()
        if changed is None:
            continue
        try:
            await asyncio.to_thread(apply_contracts, settings, parts)
        except (AceiteError, httpx.HTTPError) as error:  # it is tried again; the log has each trouble once
            if trouble != str(error):
                Terminal(stderr=True).print_lines(f"the contracts cannot be applied, will be tried again: {error}")
            trouble = str(error)
        else:
            files.taken(changed)
            trouble = ""


def apply_contracts(settings: Settings, parts: Places) -> None:
    """Give each contract that can be used its automation, and switch off those of contracts that are gone."""
    found = current_contracts(settings)
    console = Terminal(stderr=True)
    for broken in found.broken:
        console.print_lines(f"a contract is held back until it is corrected: {broken}")
    for change in apply(settings, found.usable, datasets=found.datasets, places=parts):
        if change.change != "unchanged":
            console.print(f"{change.kind} {change.name}: {change.change}")


async def _wait_until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.05)


def start_watching(watcher: RunnerDeployment) -> None:
    """Create one watcher run. If another watcher holds the lease, the run waits for it.

    Raises ObjectNotFound if somebody deleted the watcher's deployment. The others may be missing.
    """
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(full_name(watcher))
        client.create_flow_run_from_deployment(found.id, name="watch the landing locations")


def deadline_of(run: FlowRun) -> timedelta | None:
    """Return a validation's deadline by its contract; None without a usable one, as the run then fails by itself."""
    deliveries = [pointer.delivery() for pointer in pointers_of(run)]
    try:
        contract = _contracts(files()).get(deliveries[0].dataset) if deliveries else None
    except AceiteError:
        return None
    if contract is None:
        return None
    side_by_side = at_once(contract, int(run.parameters.get("side_by_side", SIDE_BY_SIDE)))
    return run_within(contract, deliveries, side_by_side, OTHERS_WITHIN)


@lru_cache(maxsize=1)
def _contracts(fingerprint: tuple[tuple[str, int, int], ...]) -> Mapping[str, Contract]:
    """Return the contracts by dataset. They are read again when a file has changed, as the run's process does too."""
    return {contract.dataset: contract for contract in current_contracts(read_settings()).usable}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=(WATCHER_PART, VALIDATIONS_PART))
    only: str | None = parser.parse_args().only
    settings = read_settings()
    parts = served_here(settings, only)
    try:
        identify(aws_credentials(settings), settings.aws_account_id)
        apply(settings, (), places=parts)
        restore_what_was_left(load_clients(), installed_contracts())
        apply_contracts(settings, parts)
    except AceiteError as error:
        Terminal(stderr=True).print_lines(str(error))
        return 1
    exempt_from_collection()
    asyncio.run(_serve(settings, parts, *deployments(settings)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
