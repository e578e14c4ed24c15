"""A worker's warm processes: one that waits for work, and more while runs wait, up to as many as it runs at once.

Each is replaced when it dies or has done its share. A process that imports Prefect takes 190 MB and two seconds of CPU.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from prefect.logging import get_logger

from acceptance.errors import AceiteError
from flows.workers.process import WarmProcess, first_of

_TEND_EVERY_S = 5
_AFTER_FAILURE_S = 60
"""The pause after processes ended before they were ready. Each new attempt costs seconds of CPU."""
_READY_WITHIN_S = 120
_AT_MOST_TRIES = 3


class NoWarmProcess(AceiteError):
    """Warm processes end before they are ready."""


@dataclass(frozen=True, slots=True)
class Share:
    """How much one process does before another replaces it, so that what accumulates in it never matters."""

    runs: int = 100
    memory_bytes: int = 512 * 1024 * 1024
    age_s: float = 900
    unused_s: float = 300
    """After so long without a run, a process ends if there is another one that waits."""

    def is_done(self, process: WarmProcess) -> bool:
        return (
            process.runs >= self.runs
            or (process.runs > 0 and process.memory_bytes > self.memory_bytes)  # what it starts with, the next has too
            or time.monotonic() - process.born > self.age_s
        )


class WarmPool:
    """Keeps processes up inside its context. They have the last known fingerprint (see `fingerprint`).

    There are as many as runs at once, and one that waits if no run goes on.
    """

    def __init__(
        self, preloaded: Sequence[str], environment: Mapping[str, str], fingerprint: str, share: Share | None = None
    ) -> None:
        self._preloaded, self._environment, self._fingerprint = preloaded, environment, fingerprint
        self._share = share or Share()
        self._given_back = asyncio.Event()
        self._idle: list[WarmProcess] = []
        self._taken: set[WarmProcess] = set()
        self._endings: set[asyncio.Task[None]] = set()

    @property
    def processes(self) -> tuple[WarmProcess, ...]:
        return (*self._idle, *self._taken)

    async def __aenter__(self) -> Self:
        self._fill()
        try:
            await asyncio.gather(*map(self._await_ready, self._idle))
        except BaseException:
            await self._end_all()
            raise
        self._tending = asyncio.create_task(self._tend())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tending.cancel()
        await self._end_all()

    async def take(self, fingerprint: str) -> WarmProcess:
        """Return a ready process with this fingerprint: one that waits, one that is given back, or else a new one.

        The caller must give it back.

        Raises:
            NoWarmProcess: no process becomes ready.
        """
        self._fingerprint = fingerprint
        failures = 0
        while failures < _AT_MOST_TRIES:
            process = self._claim()
            try:
                await self._await_ready(process, self._given_back)
            except NoWarmProcess as error:
                get_logger("worker").error("%s", error)
                self._taken.discard(process)
                self._end(process)
                failures += 1
            except BaseException:
                self.give_back(process)
                raise
            else:
                if process.ready.is_set():
                    return process
                self._taken.discard(process)  # another one was given back, and is claimed instead
                self._idle.insert(0, process)
        raise NoWarmProcess(f"{_AT_MOST_TRIES} processes ended before they were ready; the log of the flows says why")

    def _claim(self) -> WarmProcess:
        """Take out of those that wait: a ready one rather than one that starts, the last used of the ready ones."""
        self._retire(self._is_of_no_use)
        self._fill(at_least=1)
        process = max(self._idle, key=lambda process: (process.ready.is_set(), process.last_used))
        self._idle.remove(process)
        self._taken.add(process)
        return process

    def give_back(self, process: WarmProcess) -> None:
        self._taken.discard(process)
        if process.can_run and not process.is_running and not self._share.is_done(process):
            self._idle.append(process)
            self._given_back.set()
            self._given_back = asyncio.Event()  # for those who wait from now on
        else:
            self._end(process)
        self._fill()

    async def _tend(self) -> None:
        """Replace processes that died or grew old while idle, so that no run waits for it; end those too many."""
        while True:
            failing = any(process.over.is_set() and not process.ready.is_set() for process in self._idle)
            await asyncio.sleep(_AFTER_FAILURE_S if failing else _TEND_EVERY_S)
            try:
                self._retire(lambda process: not process.can_run or self._share.is_done(process))
                self._retire(self._is_too_many)
                self._fill()
            except Exception:  # noqa: BLE001  # what the machine lacks now, it may have at the next attempt
                get_logger("worker").exception("warm processes could not be replaced, will be tried again")

    def _is_of_no_use(self, process: WarmProcess) -> bool:
        return not process.can_run or process.fingerprint != self._fingerprint or self._share.is_done(process)

    def _is_too_many(self, process: WarmProcess) -> bool:
        return len(self._idle) > 1 and time.monotonic() - process.last_used > self._share.unused_s

    def _retire(self, is_done: Callable[[WarmProcess], bool]) -> None:
        for process in list(self._idle):
            if is_done(process):
                self._idle.remove(process)
                self._end(process)

    def _end(self, process: WarmProcess) -> None:
        ending = asyncio.create_task(process.ended())
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    def _fill(self, at_least: int = 0) -> None:
        missing = max(1 - len(self.processes), at_least - len(self._idle))
        self._idle += [WarmProcess(self._preloaded, self._environment, self._fingerprint) for _ in range(missing)]

    async def _await_ready(self, process: WarmProcess, or_else: asyncio.Event | None = None) -> None:
        """Wait until the process is ready, or the other event comes. Raises NoWarmProcess if neither does."""
        within_s = max(0.0, process.born + _READY_WITHIN_S - time.monotonic())
        others = (or_else,) if or_else is not None else ()
        await first_of(process.ready, process.over, *others, within_s=within_s)
        if process.over.is_set():
            raise NoWarmProcess(f"process {process.pid} ended with code {process.returncode} before it was ready")
        if not process.ready.is_set() and not any(event.is_set() for event in others):
            raise NoWarmProcess(f"process {process.pid} was not ready after {_READY_WITHIN_S} s")

    async def _end_all(self) -> None:
        for process in self.processes:
            self._end(process)
        await asyncio.gather(*self._endings)
