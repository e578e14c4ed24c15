"""Ends the processes of an installation: in order, at once if somebody insists, by themselves if their parent died."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import psutil

from cli.serving.child_process import ChildProcess
from cli.terminal import Terminal

_LOOK_EVERY_S = 0.5
_ORPHAN_S = 5
"""How long the processes of a command that was killed may take to end. What a run changed is restored by then, or later
by whoever starts an installation."""


def end_all(children: Sequence[ChildProcess], console: Terminal) -> None:
    """End the processes, the last one first, and say so: it takes seconds. Kill them if Ctrl-C comes meanwhile."""
    running = [child for child in reversed(children) if child.returncode is None]
    if running:
        names = ", then the ".join(child.name for child in running)
        console.print(f"Ending: the {names}. Another Ctrl-C kills what is left.")
    try:
        for child in running:
            child.stop()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a third one would leave some of them behind
        kill_trees([child.pid for child in running if child.returncode is None])
        console.print("Killed. What a run had changed is restored when `aceite up` starts again.")
        raise


def kill_trees(pids: Iterable[int]) -> None:
    """Kill the processes and all that they started, and wait until they are gone."""
    doomed: list[psutil.Process] = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            top = psutil.Process(pid)
            doomed += [top, *top.children(recursive=True)]
    for process in doomed:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(doomed, timeout=_ORPHAN_S)


def await_death(parent: psutil.Process) -> None:
    """Return as soon as the process is gone. Its standard streams tell of an end in order too; this does not."""
    with suppress(psutil.NoSuchProcess):
        while parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE:
            time.sleep(_LOOK_EVERY_S)


def end_as_orphan(terminate: Callable[[psutil.Process], None], spares: Callable[[psutil.Process], bool]) -> None:
    """End the processes that this one started, and then this one. Those that `spares` is true of end by themselves."""
    started: list[psutil.Process] = []
    for process in psutil.Process().children():
        with suppress(psutil.Error):
            if not spares(process):
                terminate(process)
                started.append(process)
    _, left = psutil.wait_procs(started, timeout=_ORPHAN_S)
    kill_trees(process.pid for process in left)
    os._exit(1)
