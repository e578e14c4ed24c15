"""Serves the flows: applies what the server must hold, then runs what it schedules. A child of `aceite up`."""

import asyncio
import signal
import sys

from prefect.client.orchestration import get_client
from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner

from acceptance.errors import AceiteError
from automations.apply import apply, deployed, deployments
from blocks.build import aws_credentials, identify
from blocks.settings import read_settings
from cli.children import end_with_standard_input, tell_ready
from flows.clients import load_clients
from flows.installation import installed_contracts

POLL_S = 1
"""Seconds between two questions for scheduled runs; Prefect's default is 10."""

HEARTBEAT_S = 30
"""Seconds between Prefect's own heartbeats of a run, the least that it allows."""


async def _serve(watcher: RunnerDeployment, validation: RunnerDeployment, parallel: int) -> None:
    """Two runners, so that a queue of validations never keeps the watcher from starting. Returns when told to stop."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def told_to_stop(*_: object) -> None:
        loop.call_soon_threadsafe(stop.set)

    end_with_standard_input(told_to_stop)
    runners = [_runner(watcher, 2), _runner(validation, parallel)]
    async with asyncio.TaskGroup() as group:
        for runner, deployment in zip(runners, (watcher, validation), strict=True):
            await runner.aadd_deployment(deployment)
            group.create_task(runner.start())
        while not all(runner.started for runner in runners):
            await asyncio.sleep(0.05)
        for number in (signal.SIGINT, signal.SIGTERM):  # each runner took them for itself; they are for both
            signal.signal(number, told_to_stop)
        await asyncio.to_thread(_start_watching)
        tell_ready("serving")
        await stop.wait()
        for runner in runners:
            await runner.astop()  # cancels what runs: parameters are restored, and deliveries are announced again


def _runner(deployment: RunnerDeployment, limit: int) -> Runner:
    return Runner(
        f"aceite {deployment.flow_name}",
        query_seconds=POLL_S,
        heartbeat_seconds=HEARTBEAT_S,
        limit=limit,
        pause_on_shutdown=False,
    )


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
    asyncio.run(_serve(*deployments(settings), settings.parallel))
    return 0


if __name__ == "__main__":
    sys.exit(main())
