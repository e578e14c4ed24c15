"""What a laptop feels: commands, `aceite up --sandbox` until it serves and while it idles, and `aceite demo --exit`.

CPU is of every process, ended ones included. Memory is what all processes hold at once: for what idles each one's
proportional share (PSS) where the system tells it, so that what processes share counts once; otherwise what is
resident. Prefect's server, as its own command starts it, stands beside.

    python benchmarks/laptop.py [--only commands] [--idle-s 120] [--json]
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil
from commands import Taken, run
from installation import ROOT, installed
from local_postgresql import free_port
from report import show
from soak import kind_of

COMMANDS = (("--help",), ("contracts", "check"), ("status",))
RUNS = 5
_SETTLED_S = 30
"""After the start: what was only needed for it has ended, and the first runs are over."""
_WITHIN_S = 600
_READY_WITHIN_S = 180


def main() -> None:
    measures = {"commands": commands, "up": idle_installation, "prefect": idle_server, "demo": demo}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(measures), help="the one part that is measured")
    parser.add_argument("--idle-s", type=float, default=120, help="seconds for which what idles is looked at")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="aceite-benchmark-", ignore_cleanup_errors=True) as folder:
        chosen = [measure for name, measure in measures.items() if asked.only in (None, name)]
        rows = [row for measure in chosen for row in measure(Path(folder), asked.idle_s)]
    show(rows, ("aceite", "prefect", "moto", "duckdb"), as_json=asked.json)


def commands(folder: Path, _: float) -> Iterator[dict[str, Any]]:
    """The run of each that took the middle CPU."""
    for words in COMMANDS:
        taken = sorted((_aceite(folder, *words) for _ in range(RUNS)), key=lambda each: each.cpu_s)[RUNS // 2]
        yield row(f"aceite {' '.join(words)}", taken.wall_s, taken.cpu_s, taken.peak_mb)


def demo(folder: Path, _: float) -> Iterator[dict[str, Any]]:
    taken = _aceite(folder, "demo", "--exit", "--aws-port", "0", "--prefect-port", "0")
    if taken.exit_code:
        raise RuntimeError(f"the demo ended with code {taken.exit_code}. It said:\n{taken.said[-2000:]}")
    yield row("aceite demo --exit", taken.wall_s, taken.cpu_s, taken.peak_mb)


def idle_installation(_: Path, idle_s: float) -> Iterator[dict[str, Any]]:
    began = time.monotonic()
    with installed("aceite", ROOT / "contracts") as installation:
        yield row("aceite up --sandbox: until it serves", time.monotonic() - began, installation.cpu_s())
        yield from idle("aceite up --sandbox", installation.processes, idle_s)


def idle_server(folder: Path, idle_s: float) -> Iterator[dict[str, Any]]:
    began = time.monotonic()
    with _prefect_server(folder) as server:
        yield row("prefect server start: until it answers", time.monotonic() - began, cpu_s([server]))
        yield from idle("prefect server start", lambda: [server, *server.children(recursive=True)], idle_s)


def idle(what: str, processes: Callable[[], Sequence[psutil.Process]], idle_s: float) -> Iterator[dict[str, Any]]:
    """A row for each process, and one for all. The seconds are those for which CPU was counted."""
    time.sleep(_SETTLED_S)
    before = {process.pid: cpu_s([process]) for process in processes()}
    time.sleep(idle_s)
    parts = []
    for process in processes():
        with suppress(psutil.NoSuchProcess):
            used = (cpu_s([process]) - before.get(process.pid, 0.0)) * 60 / idle_s
            parts.append((kind_of(process.cmdline()), used, held_mb(process)))
    for kind, used, held in sorted(parts):
        yield row(f"{what}: idle, {kind}, CPU a minute", idle_s, used, held)
    yield row(
        f"{what}: idle, all, CPU a minute", idle_s, sum(part[1] for part in parts), sum(part[2] for part in parts)
    )


def cpu_s(processes: Sequence[psutil.Process]) -> float:
    """So far; Linux adds a process that ended to its parent."""
    return sum(sum(process.cpu_times()[:4]) for process in processes)


def held_mb(process: psutil.Process) -> float:
    memory = process.memory_full_info()
    return float(getattr(memory, "pss", 0) or memory.rss) / 2**20


def row(what: str, seconds: float, used_s: float, held: float | None = None) -> dict[str, Any]:
    return {"what": what, "seconds": seconds, "cpu_s": used_s, "mb": held}


def _aceite(folder: Path, *words: str) -> Taken:
    """In the folder with the contracts, on a home of its own."""
    home = str(folder / "home")
    environ = {**os.environ, "ACEITE_HOME": home, "ACEITE_CONTRACTS": str(ROOT / "contracts"), "PYTHONPATH": str(ROOT)}
    return run([sys.executable, "-m", "cli.main", *words], folder=folder, environ=environ, within_s=_WITHIN_S)


@contextmanager
def _prefect_server(folder: Path) -> Iterator[psutil.Process]:
    port, home = free_port(), str(folder / "prefect")
    environ = {**os.environ, "PREFECT_HOME": home, "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    with (folder / "prefect.txt").open("wb") as log:
        server = psutil.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ)
    try:
        deadline = time.monotonic() + _READY_WITHIN_S
        while not _answers(f"http://127.0.0.1:{port}/api/health"):
            if time.monotonic() > deadline or server.poll() is not None:
                raise RuntimeError(f"Prefect's server did not start; see {log.name}")
            time.sleep(0.1)
        yield server
    finally:
        server.terminate()
        server.wait(60)


def _answers(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(url, timeout=5).is_success
    return False


if __name__ == "__main__":
    main()
