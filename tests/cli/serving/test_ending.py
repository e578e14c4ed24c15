"""Whoever ends `aceite up` is told at once what is awaited; who insists, or kills it, leaves no process behind."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from polling import eventually
from repository import ROOT

from cli.serving.ending import kill_trees

SLOW = """
import subprocess, sys
grandchild = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
print("ready", grandchild.pid, flush=True)
sys.stdin.read()
print("its input is closed", file=sys.stderr, flush=True)
grandchild.wait()
"""
"""A process that never ends by itself, and one that it started."""

INSISTS = """
import _thread, os, signal, sys, threading
from pathlib import Path
from cli.serving.child_process import ChildProcess
from cli.serving.ending import end_all
from cli.terminal import Terminal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may start it with Ctrl-C ignored
log = Path(sys.argv[1])
child = ChildProcess("flows", ("slow",), os.environ, log)
print(child.pid, child.await_ready(60), flush=True)

def insist():
    while "closed" not in log.read_text(encoding="utf-8"):
        pass
    _thread.interrupt_main()

threading.Thread(target=insist, daemon=True).start()
end_all([child], Terminal(stderr=True))
"""

KILLED = """
import os, sys
from pathlib import Path
from cli.serving.child_process import ChildProcess
child = ChildProcess("flows", ("orphan",), os.environ, Path(sys.argv[1]))
print(child.pid, child.await_ready(60), flush=True)
child.await_ready(600)
"""
ORPHAN = """
import os, subprocess, sys, threading
import psutil
from cli.serving.child_process import end_with_standard_input
from cli.serving.ending import await_death, end_as_orphan
reads = [sys.executable, "-c", "import sys; sys.stdin.read()"]
waits = [sys.executable, "-c", "import threading; threading.Event().wait()"]
pipe = {"stdin": subprocess.PIPE}
spared, stubborn = subprocess.Popen(reads, **pipe), subprocess.Popen(waits)
parent = psutil.Process().parent()

def afterwards():
    await_death(parent)
    end_as_orphan(lambda _: None, lambda process: process.pid == spared.pid)

end_with_standard_input(lambda: None, afterwards)
print("ready", spared.pid, stubborn.pid, flush=True)
threading.Event().wait()
"""


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[str], tuple["subprocess.Popen[str]", list[psutil.Process]]]]:
    tops = []
    for name, code in (("slow", SLOW), ("orphan", ORPHAN)):
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")

    def start(code: str) -> tuple["subprocess.Popen[str]", list[psutil.Process]]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "log")],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]), "PYTHONUTF8": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        tops.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()
        return process, [psutil.Process(int(pid)) for pid in line.split()]

    yield start
    kill_trees(process.pid for process in tops if process.poll() is None)


def gone(processes: list[psutil.Process]) -> bool:
    return all(map(is_gone, processes))


def is_gone(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    return True


def test_who_insists_is_obeyed_at_once_and_nothing_is_left(started):
    process, below = started(INSISTS)
    _, told = process.communicate(timeout=60)
    lines = [line for line in told.splitlines() if line.startswith(("Ending", "Killed", "KeyboardInterrupt"))]
    assert lines == [
        "Ending: the flows. Another Ctrl-C kills what is left.",
        "Killed. What a run had changed is restored when `aceite up` starts again.",
        "KeyboardInterrupt",
    ]
    assert len(below) == 2
    assert gone(below)


def test_what_a_killed_command_started_ends_within_seconds_though_something_does_not_want_to(started):
    process, below = started(KILLED)
    assert len(below) == 3
    process.kill()
    process.communicate()
    eventually(lambda: gone(below), "the end of what a killed command started", 20)


@pytest.mark.proof
def test_a_killed_aceite_up_leaves_no_process_after_seconds(tmp_path):
    log = tmp_path / "up.log"
    ports = ("--aws-port", "0", "--prefect-port", "0", "--workers", "1")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "up", "--sandbox", "--home", str(tmp_path / "home"), *ports],
            cwd=ROOT,
            stderr=output,
        )
    top = psutil.Process(process.pid)

    def watches() -> list[psutil.Process]:
        """All processes, once the watcher's run, which Prefect's own runner starts, is among them."""
        assert process.poll() is None, log.read_text(encoding="utf-8")
        every = top.children(recursive=True)
        with suppress(psutil.NoSuchProcess):  # one ended between two questions
            return every if any("-m prefect" in " ".join(each.cmdline()) for each in every) else []
        return []

    below = [top]
    try:
        below = eventually(watches, "the watcher", 240)
        process.kill()
        process.wait()
        eventually(lambda: gone(below), "the end of what `aceite up` started", 30)
    finally:
        kill_trees(each.pid for each in [top, *below] if each.is_running())
