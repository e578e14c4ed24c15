"""Keeps Prefect's worker and runner polling while its server is away. Without this they give up after a few minutes."""

from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any, Self

import httpx
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


class LastingRunner(Runner):
    """Prefect's runner, which keeps polling during an outage of its server, and leaves no temporary folder."""

    async def __aenter__(self) -> Self:
        self._folder = temporary_folder()
        self._tmp_dir = Path(self._folder.name)  # Prefect's own is in a folder that it never removes
        await super().__aenter__()
        poller: Any = self._scheduled_run_poller
        observer: Any = self._cancelling_observer
        poller._get_and_submit_flow_runs = outlasting(poller._get_and_submit_flow_runs, "the runner")
        observer._check_for_cancelled_flow_runs = outlasting(observer._check_for_cancelled_flow_runs, "cancellation")
        self._cancel_run = outlasting(self._cancel_run, "a cancellation")  # type: ignore[method-assign]
        return self
