"""A warm process: it imports the modules it is given, reports that it is ready, then runs what standard input brings.

Each line is one run for Prefect's own flow engine, which Prefect's runners start by `python -m prefect.engine`. A run
that ends abnormally ends the process too, with the engine's exit codes, so that nothing of it stays behind.

    python -m flows.workers.child package.module.flow package.module.function
"""

import _thread
import asyncio
import contextvars
import inspect
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pkgutil import resolve_name
from queue import Queue
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import FlowRun
from prefect.engine import handle_engine_signals
from prefect.flow_engine import run_flow
from prefect.flows import load_flow_from_entrypoint
from prefect.logging.loggers import flow_run_logger, get_logger

from blocks.loaded_objects import exempt_from_collection
from flows.workers.isolation import nothing_left_behind
from flows.workers.process import GRACE_S, READY

TERMINATED = 143
"""The exit code by which Prefect recognises an end by SIGTERM, on each system."""


class Served:
    """Runs the jobs of this process in its main thread, where a termination can reach them."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._jobs: Queue[dict[str, Any] | None] = Queue()
        self._flows: dict[str, Flow[..., Any]] = {}
        self._running = False
        self._is_over = False
        self._beginning = threading.Lock()

    def preload(self, name: str) -> None:
        """Import a flow, or call any other function once. If the call fails, the first run that needs it says why."""
        loaded = resolve_name(name)
        if isinstance(loaded, Flow):
            self._flows[name] = loaded
            return
        try:
            loaded()
        except Exception:  # noqa: BLE001  # a run that needs it fails again, and reports the reason
            get_logger("worker").exception("%s failed; runs will load by themselves what they need", name)

    def serve(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        self._tell(READY)
        while (job := self._jobs.get()) is not None:
            with self._beginning:
                if self._is_over:  # told to end between this run and its begin
                    sys.exit(TERMINATED)
                self._running = True
            with nothing_left_behind(job["environment"], job["folder"]):
                contextvars.copy_context().run(self._run, job["entrypoint"], FlowRun.model_validate(job["flow_run"]))
            self._running = False
            self._tell("done")

    def _run(self, entrypoint: str, flow_run: FlowRun) -> None:
        """Run the flow. Exits the process where `prefect.engine` does."""
        with handle_engine_signals(flow_run.id):
            flow = self._flows.get(entrypoint)
            if flow is None:
                flow = self._flows[entrypoint] = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
            logger: Any = flow_run_logger(flow_run=flow_run, flow=flow)
            state: Any = run_flow(flow, flow_run=_alone(flow_run), error_logger=logger, return_type="state")
            if inspect.iscoroutine(state):
                asyncio.run(state)

    def _listen(self) -> None:
        rest = b""
        while got := os.read(0, 65536):  # not sys.stdin: its lock would be held when the interpreter ends
            *lines, rest = (rest + got).split(b"\n")
            for line in lines:
                self._jobs.put(json.loads(line))
        with self._beginning:
            self._is_over = True
        self._jobs.put(None)
        if self._running:
            _terminate_main_thread()
        time.sleep(GRACE_S)
        os._exit(1)


def _alone(flow_run: FlowRun) -> FlowRun:
    """Return a copy without `deployment_id`, so that the engine opens no web socket for suspensions.

    This saves 0.1 s before the first step and up to 0.2 s after the last. A run of seconds is cancelled, not suspended.
    """
    return flow_run.model_copy(update={"deployment_id": None})


def _terminate_main_thread() -> None:
    """Let the engine raise TerminationSignal in the run, as a runner's SIGTERM does. Windows cannot send one."""
    if sys.platform == "win32":
        _thread.interrupt_main(signal.SIGTERM)
    else:
        ident = threading.main_thread().ident
        assert ident is not None
        signal.pthread_kill(ident, signal.SIGTERM)


def _answers() -> Callable[[str], None]:
    """Reserve standard output for answers, and redirect what a flow prints to where its log goes."""
    kept = os.dup(1)
    os.dup2(2, 1)

    def tell(line: str) -> None:
        os.write(kept, line.encode() + b"\n")

    return tell


def main() -> None:
    served = Served(_answers())
    for name in sys.argv[1:]:
        served.preload(name)
    exempt_from_collection()
    served.serve()


if __name__ == "__main__":
    main()
