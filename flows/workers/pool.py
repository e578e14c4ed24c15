"""A worker's warm processes: as many as it runs at once, each replaced when it dies or has done its share."""

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

    def is_done(self, process: WarmProcess) -> bool:
        return (
            process.runs >= self.runs
            or (process.runs > 0 and process.memory_bytes > self.memory_bytes)  # what it starts with, the next has too
            or time.monotonic() - process.born > self.age_s
        )


class WarmPool:
    """Keeps the processes up inside its context. They have the last known fingerprint (see `fingerprint`)."""

    def __init__(
        self,
        size: int,
        preloaded: Sequence[str],
        environment: Mapping[str, str],
        fingerprint: str,
        share: Share | None = None,
    ) -> None:
        self._size, self._preloaded, self._environment, self._fingerprint = size, preloaded, environment, fingerprint
        self._share = share or Share()
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
        """Return a ready process with this fingerprint. The caller must give it back.

        Raises:
            NoWarmProcess: no process becomes ready.
        """
        self._fingerprint = fingerprint
        for _ in range(_AT_MOST_TRIES):
            self._retire(self._is_of_no_use)
            self._fill(at_least=1)
            process = min(self._idle, key=lambda process: not process.ready.is_set())
            self._idle.remove(process)
            self._taken.add(process)
            try:
                await self._await_ready(process)
            except NoWarmProcess as error:
                get_logger("worker").error("%s", error)
                self._taken.discard(process)
                self._end(process)
            except BaseException:
                self.give_back(process)
                raise
            else:
                return process
        raise NoWarmProcess(f"{_AT_MOST_TRIES} processes ended before they were ready; the log of the flows says why")

    def give_back(self, process: WarmProcess) -> None:
        self._taken.discard(process)
        if process.can_run and not process.is_running and not self._share.is_done(process):
            self._idle.append(process)
        else:
            self._end(process)
        self._fill()

    async def _tend(self) -> None:
        """Replace processes that died or grew old while idle, so that no run waits for it."""
        while True:
            failing = any(process.over.is_set() and not process.ready.is_set() for process in self._idle)
            await asyncio.sleep(_AFTER_FAILURE_S if failing else _TEND_EVERY_S)
            try:
                self._retire(lambda process: not process.can_run or self._share.is_done(process))
                self._fill()
            except Exception:  # noqa: BLE001  # what the machine lacks now, it may have at the next attempt
                get_logger("worker").exception("warm processes could not be replaced, will be tried again")

    def _is_of_no_use(self, process: WarmProcess) -> bool:
        return not process.can_run or process.fingerprint != self._fingerprint or self._share.is_done(process)

    def _retire(self, is_done: Callable[[WarmProcess], bool]) -> None:
        for process in [process for process in self._idle if is_done(process)]:
            self._idle.remove(process)
            self._end(process)

    def _end(self, process: WarmProcess) -> None:
        ending = asyncio.create_task(process.ended())
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    def _fill(self, at_least: int = 0) -> None:
        missing = max(self._size - len(self.processes), at_least - len(self._idle))
        self._idle += [WarmProcess(self._preloaded, self._environment, self._fingerprint) for _ in range(missing)]

    async def _await_ready(self, process: WarmProcess) -> None:
        await first_of(process.ready, process.over, within_s=_READY_WITHIN_S)
        if process.over.is_set():
            raise NoWarmProcess(f"process {process.pid} ended with code {process.returncode} before it was ready")
        if not process.ready.is_set():
            raise NoWarmProcess(f"process {process.pid} was not ready after {_READY_WITHIN_S} s")

    async def _end_all(self) -> None:
        for process in self.processes:
            self._end(process)
        await asyncio.gather(*self._endings)
