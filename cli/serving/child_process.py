"""The processes that a command starts, and ends: each stops by itself when its standard input closes.

So whatever happens to the command, also a kill, nothing of it is left running; and it works alike on Windows.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import IO

from acceptance.errors import AceiteError

READY = "ready"
_GRACE_S = 60
"""Longer than Prefect's runner gives a run that is told to end (30 s), so that none outlives its runner."""

_LARGE_BYTES = 20 * 1024 * 1024


class ChildProcessFailed(AceiteError):
    """A process that the command needs ended, or did not become ready."""


class ChildProcess:
    """A Python module run as a process, tied to this one by its standard input.

    It tells that it is ready by a line `ready <text>` on standard output. Its standard error goes to `log`, or to
    this process's own where that is None.
    """

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path | None) -> None:
        self.name = name
        self._log = log
        self._lines: Queue[str | None] = Queue()
        stderr = _opened(log) if log is not None else None
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**environment, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
                # A Ctrl-C in the terminal is for the command, which then ends its children in order.
                start_new_session=os.name != "nt",
                creationflags=_NEW_GROUP_ON_WINDOWS,
            )
        finally:
            if stderr is not None:
                stderr.close()
        threading.Thread(target=self._read_lines, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    def await_ready(self, within_s: float) -> str:
        """The text of the ready line.

        Raises:
            ChildProcessFailed: it ended before, or took too long; with the end of its log.
        """
        deadline = time.monotonic() + within_s
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                raise ChildProcessFailed(
                    f"{self.name} was not ready after {within_s:g} s{self._end_of_log()}"
                ) from None
            if line is None:
                code = self._process.wait()
                raise ChildProcessFailed(f"{self.name} ended with code {code}{self._end_of_log()}")
            if line.split(" ", 1)[0] == READY:
                return line.partition(" ")[2]

    def stop(self) -> None:
        """Asks it to end, and ends it if it does not."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        for end in (None, self._process.terminate, self._process.kill):
            if end is not None:
                end()
            try:
                self._process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                continue
            return

    def _read_lines(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.decode("utf-8", "replace").rstrip("\r\n"))
        self._lines.put(None)

    def _end_of_log(self) -> str:
        if self._log is None:
            return ""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
        return "".join(f"\n  {line}" for line in lines) + f"\n(the whole log: {self._log})"


def _opened(log: Path) -> IO[bytes]:
    """To go on at its end; a large one is put aside first, in the place of the one before."""
    with suppress(OSError):  # there is none yet, or Windows moves no file that another process reads
        if log.stat().st_size > _LARGE_BYTES:
            log.replace(log.with_suffix(".log.1"))
    return log.open("ab")


def end_with_standard_input(stop: Callable[[], None]) -> None:
    """In a child: calls `stop` from another thread as soon as standard input closes."""

    def wait() -> None:
        # Not sys.stdin: its lock would still be held when the interpreter ends before its parent.
        while os.read(0, 4096):
            pass
        stop()

    threading.Thread(target=wait, daemon=True).start()


def interrupt_on_terminate() -> None:
    """In the command: being asked to end is like Ctrl-C, so that everything it started ends in order.

    Ctrl-C itself is set as well: a command that a script starts in the background inherits that it is ignored.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def tell_ready(text: str) -> None:
    sys.stdout.write(f"{READY} {text}\n")
    sys.stdout.flush()


_NEW_GROUP_ON_WINDOWS: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
