"""A command, and what it took: CPU and memory of its process and of every process that it started."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_LOOK_EVERY_S = 0.02


@dataclass(frozen=True)
class Taken:
    """`peak_mb`, in units of 2**20 bytes: the most that all its processes held in memory at one moment, as seen by
    looking every 20 ms. `said` is what it wrote.
    """

    exit_code: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    said: str


def run(command: Sequence[str | Path], *, folder: Path, environ: Mapping[str, str], within_s: float) -> Taken:
    """Runs it to its end. Raises TimeoutError, with what it said, if that does not come in time."""
    log = folder / "said.txt"
    began = time.monotonic()
    with log.open("wb") as output:
        process = psutil.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environ),
        )
        tree = _Tree(process)
        before_s = _cpu_s_of_ended_children()
        while process.poll() is None:
            tree.look()
            if time.monotonic() - began > within_s:
                tree.kill()
                process.wait()
                raise TimeoutError(f"{command[0]} took more than {within_s:g} s. It said:\n{_text(log)[-2000:]}")
            time.sleep(_LOOK_EVERY_S)
    wall_s = time.monotonic() - began
    ended_s = _cpu_s_of_ended_children()
    cpu_s = tree.cpu_s if ended_s is None or before_s is None else ended_s - before_s
    return Taken(process.returncode, wall_s, cpu_s, tree.peak_bytes / 2**20, _text(log))


class _Tree:
    """A process and its descendants, as they were each time that somebody looked."""

    def __init__(self, root: psutil.Process) -> None:
        self._root = root
        self._cpu_s: dict[int, float] = {}
        self.peak_bytes = 0

    @property
    def cpu_s(self) -> float:
        return sum(self._cpu_s.values())

    def look(self) -> None:
        resident = 0
        for process in self._processes():
            with suppress(psutil.Error):
                resident += process.memory_info().rss
                times = process.cpu_times()
                self._cpu_s[process.pid] = times.user + times.system
        self.peak_bytes = max(self.peak_bytes, resident)

    def kill(self) -> None:
        for process in self._processes():
            with suppress(psutil.Error):
                process.kill()

    def _processes(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            return [self._root, *self._root.children(recursive=True)]
        return []


def _cpu_s_of_ended_children() -> float | None:
    """Of this process, and of those that they waited for: exact. None where the system does not tell."""
    if os.name == "nt":
        return None
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")
