"""Keeps Prefect's worker and runner polling while its server is away. Without this they give up after a few minutes."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import httpx
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_logger
from prefect.runner import Runner
from prefect.workers.base import BaseWorker

from blocks.temporary_folders import temporary_folder


def outlasting(
    ask: Callable[..., Coroutine[Any, Any, Any]], what: str
) -> Callable[..., Coroutine[Any, Any, Any | None]]:
    """Return a request that answers None, and logs once, while the server is away, instead of raising."""
    is_away = False

    @wraps(ask)
    async def asked(*arguments: Any) -> Any | None:
        nonlocal is_away
        try:
            answer = await ask(*arguments)
        except (httpx.TransportError, httpx.HTTPStatusError) as error:
            if isinstance(error, httpx.HTTPStatusError) and error.response.status_code < 500:
                raise
            if not is_away:
                get_logger("worker").warning("Prefect's server does not answer; %s waits for it: %r", what, error)
            is_away = True
            return None
        if is_away:
            get_logger("worker").warning("Prefect's server answers again; %s goes on", what)
        is_away = False
        return answer

    return asked


def outlast(worker: BaseWorker[Any, Any, Any]) -> None:
    """Let the worker keep asking for runs and for its work pool during an outage."""
    worker.get_and_submit_flow_runs = outlasting(worker.get_and_submit_flow_runs, "the worker")  # type: ignore[assignment]
    worker._sync_and_initialize = outlasting(worker._sync_and_initialize, "the work pool")  # type: ignore[method-assign]


LOOK_FOR_DEPLOYMENTS_EVERY_S = 10


class LastingRunner(Runner):
    """Prefect's runner, which keeps polling during an outage of its server, and leaves no temporary folder.

    It goes on to serve a deployment that somebody deleted and made again, which has another id; then it calls
    `made_again`.
    """

    def __init__(self, name: str, made_again: Callable[[], object] = lambda: None, **options: Any) -> None:
        super().__init__(name, **options)
        self._made_again, self._names, self._looked_s = made_again, list[str](), time.monotonic()

    async def aadd_deployment(self, deployment: RunnerDeployment) -> UUID:
        self._names.append(f"{deployment.flow_name}/{deployment.name}")
        return await super().aadd_deployment(deployment)

    async def __aenter__(self) -> Self:
        self._folder = temporary_folder()
        self._tmp_dir = Path(self._folder.name)  # Prefect's own is in a folder that it never removes
        await super().__aenter__()
        poller: Any = self._scheduled_run_poller
        observer: Any = self._cancelling_observer
        ask = poller._get_scheduled_flow_runs

        async def ask_of_all() -> Any:
            if time.monotonic() - self._looked_s >= LOOK_FOR_DEPLOYMENTS_EVERY_S:
                self._looked_s = time.monotonic()
                await self._serve_what_was_made_again()
            return await ask()

        poller._get_scheduled_flow_runs = ask_of_all
        poller._get_and_submit_flow_runs = outlasting(poller._get_and_submit_flow_runs, "the runner")
        observer._check_for_cancelled_flow_runs = outlasting(observer._check_for_cancelled_flow_runs, "cancellation")
        self._cancel_run = outlasting(self._cancel_run, "a cancellation")  # type: ignore[method-assign]
        return self

    async def _serve_what_was_made_again(self) -> None:
        for name in self._names:
            try:
                await self._serve_if_made_again(name)
            except ObjectNotFound:
                continue
            except httpx.HTTPStatusError as error:
                if error.response.status_code != httpx.codes.NOT_FOUND:
                    raise

    async def _serve_if_made_again(self, name: str) -> None:
        found = await self._client.read_deployment_by_name(name)
        if found.id not in self._deployment_registry.get_deployment_ids():
            get_logger("runner").warning("the deployment %s was deleted and made again; it is served", name)
            await asyncio.to_thread(self._made_again)  # somebody may have deleted it once more
            self._deployment_registry.register_deployment(found.id, found.name)
