"""Starts and ends the processes of a command. Each process ends by itself when its standard input closes.

So no process survives the command, even if the command is killed, and on every system.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, Queue
from typing import IO

from acceptance.errors import ListedError
from blocks.private_files import PRIVATE_UMASK

READY = "ready"
_GRACE_S = 60
"""Seconds to wait for a process. Prefect's runner gives a run 30 s to end, so no run outlives its runner."""

_PIECE_S = 0.2

_LARGE_BYTES = 20 * 1024 * 1024


class ChildProcessFailed(ListedError):
    """A process that the command needs ended, or was not ready in time."""


class ChildProcess:
    """A Python module that runs as a process, and ends when this process closes its standard input.

    Only its owner may read the files that it makes. It prints the line `ready <text>` when it is ready. Its standard
    error goes to the file `log`, or to this process's own if `log` is None.
    """

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path | None) -> None:
        self.name = name
        self._log = log
        self._lines: Queue[str | None] = Queue()
        stderr = _open_log(log) if log is not None else None
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**environment, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
                # Ctrl-C in the terminal reaches the command alone, which then ends its child processes in order.
                start_new_session=os.name != "nt",
                creationflags=_NEW_GROUP_ON_WINDOWS,
                umask=PRIVATE_UMASK if os.name != "nt" else -1,
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
        """Wait for the ready line, and return its text.

        Raises:
            ChildProcessFailed: the process ended or was not ready in time; the message has the end of its log.
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
        """Close the process's standard input; terminate it, then kill it, if it does not end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        for end in (None, self._process.terminate, self._process.kill):
            if end is not None:
                end()
            if self._ends_within(_GRACE_S):
                return

    def _ends_within(self, grace_s: float) -> bool:
        """Wait in short pieces, because Windows lets no Ctrl-C interrupt a wait."""
        deadline = time.monotonic() + grace_s
        while time.monotonic() < deadline:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PIECE_S)
                return True
        return False

    def _read_lines(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.decode("utf-8", "replace").rstrip("\r\n"))
        self._lines.put(None)

    def _end_of_log(self) -> str:
        if self._log is None:
            return ""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
        return "".join(f"\n  {line}" for line in lines) + f"\n(full log: {self._log})"


def _open_log(log: Path) -> IO[bytes]:
    """Open the log for appending. Rename a large one to .log.1 first, which replaces an earlier one."""
    with suppress(OSError):  # the log does not exist yet, or Windows refuses to move a file that another process reads
        if log.stat().st_size > _LARGE_BYTES:
            log.replace(log.with_suffix(".log.1"))
    return open(log, "ab", opener=partial(os.open, mode=0o600))


def end_with_standard_input(stop: Callable[[], None], afterwards: Callable[[], None] = lambda: None) -> None:
    """Call `stop`, then `afterwards`, from another thread as soon as standard input closes. For a child process."""

    def wait() -> None:
        # os.read and not sys.stdin, whose lock would be held if the interpreter ends before its parent.
        while os.read(0, 4096):
            pass
        stop()
        afterwards()

    threading.Thread(target=wait, daemon=True).start()


def print_ready(text: str) -> None:
    """Print the line that `await_ready` waits for."""
    sys.stdout.write(f"{READY} {text}\n")
    sys.stdout.flush()


_NEW_GROUP_ON_WINDOWS: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
