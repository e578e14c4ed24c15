"""One warm process, seen from the worker: started before there is a run, given one run after the other.

It is tied to the worker by its standard input (docs/decisions/0004): a line there is a run, and its end is the end of
the process and of the run in it. The process answers on standard output: one line when it is ready, one for each run.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import psutil

READY = "ready"
"""The line by which a process reports that it is ready. Every other line is the answer to a run."""

WARM_MODULE = "flows.workers.child"

GRACE_S = 30
"""Seconds between asking a process to end and killing it. Prefect's runner gives a run as long to clean up."""


class WarmProcess:
    """Made in a running event loop, to which a thread brings what the process says."""

    def __init__(self, preloaded: Sequence[str], environment: Mapping[str, str], fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self.runs = 0
        self.born = self.last_used = time.monotonic()
        self.is_running = False
        self.ready = asyncio.Event()
        self.over = asyncio.Event()
        self._answer = asyncio.Event()
        self._process = subprocess.Popen(
            [sys.executable, "-m", WARM_MODULE, *preloaded],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**environment, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
            start_new_session=os.name != "nt",  # a Ctrl-C in the terminal is for the command
            creationflags=_NEW_GROUP_ON_WINDOWS,
        )
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._listen, args=(loop,), daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    @property
    def memory_bytes(self) -> int:
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.NoSuchProcess:
            return 0

    @property
    def can_run(self) -> bool:
        """True if the process may get a run: it has not ended, and nobody asked it to."""
        assert self._process.stdin is not None
        return not self.over.is_set() and not self._process.stdin.closed

    def begin(self, job: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self.runs += 1
        self.is_running = True
        self._answer.clear()
        try:
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            self._process.kill()  # it is about to be over, which is what `finished` waits for

    async def finished(self) -> None:
        """Wait until the run is done, or until the process is over: then the run ended abnormally."""
        await first_of(self._answer, self.over)
        self.is_running = False
        self.last_used = time.monotonic()

    def end(self) -> None:
        """Ask the process to end: an idle one does so at once, a run gets a TerminationSignal."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except OSError:
            self._process.kill()

    def kill(self) -> None:
        self._process.kill()

    async def ended(self) -> None:
        """End the process and wait until it is gone. It is killed if it does not end in time."""
        self.end()
        try:
            await asyncio.wait_for(self.over.wait(), GRACE_S)
        except TimeoutError:
            self.kill()
            await self.over.wait()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as answers:
            for line in answers:
                _tell(loop, self.ready if line.decode().strip() == READY else self._answer)
        self._process.wait()
        _tell(loop, self.over)


async def first_of(*events: asyncio.Event, within_s: float | None = None) -> None:
    """Wait until one of the events is set, or until the time is up."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


def _tell(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    try:
        loop.call_soon_threadsafe(event.set)
    except RuntimeError:  # the loop is closed: nobody waits any more
        return


_NEW_GROUP_ON_WINDOWS: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
