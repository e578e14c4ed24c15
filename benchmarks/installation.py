"""`aceite up --sandbox` on a home of its own, as a benchmark starts it, looks at it and ends it.

It runs the validations in one of three ways: warm processes, which is Aceite's own; Prefect's process worker, which is
`--runner process`; Prefect's runner, as its `serve` does. The flows are the same.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import boto3
import httpx
import psutil

from acceptance.deliveries.delivery import MOST_TOGETHER
from blocks.temporary_folders import interrupt_on

ROOT = Path(__file__).parent.parent
RUNNERS = {"aceite": "warm", "prefect-serve": "process", "prefect-process": "process"}
"""Systems, and how `aceite up` runs the validations for them; those of Prefect's `serve` are taken away from it.

The stock ways have a run for each file, as who writes such flows by hand.
"""

STARTED_WITHIN_S = 300
_ENDED_WITHIN_S = 180
_PROCESS_POOL = "aceite-process"
T = TypeVar("T")


class InstallationDied(Exception):
    """A process that should serve has ended."""


class Installation:
    """One that is started by `start` and ended by `end`. `running` is what it then says of itself to other commands."""

    running: Mapping[str, Any]
    api: httpx.Client

    def __init__(self, home: Path) -> None:
        self.home = home
        self._roots: dict[str, subprocess.Popen[bytes]] = {}
        self._cpu_s: dict[psutil.Process, float] = {}
        self._why_kept = ""

    def start(self, runner: str, contracts: Path, together: int) -> None:
        arguments = ["up", "--sandbox", "--aws-port", "0", "--prefect-port", "0", "--runner", runner]
        arguments += ["--home", str(self.home), "--contracts", str(contracts)]
        environment = {**os.environ, "ACEITE_TOGETHER": str(together)}
        self._start("aceite up", ["cli.main", *arguments], environment, self.home / "up.log")
        path = self.home / "running.json"
        self.eventually(path.exists, "aceite up", STARTED_WITHIN_S)
        self.running = json.loads(path.read_text(encoding="utf-8"))
        self.api = httpx.Client(base_url=self.running["prefect_api_url"] + "/", timeout=60)

    def aws(self, service: str) -> Any:
        session = boto3.Session("any", "thing", region_name="us-east-1")
        return session.client(service, endpoint_url=self.running["aws_endpoint"])

    def ask(self, path: str, **body: Any) -> Any:
        """Prefect's server. It says "try again" while somebody else writes to its database."""

        def answered() -> httpx.Response | None:
            answer = self.api.post(path, json=body)
            return None if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else answer.raise_for_status()

        return self.eventually(answered, f"an answer of Prefect's server to {path}").json()

    def events(self, names: Sequence[str], about: str) -> Iterator[dict[str, Any]]:
        """Those that Prefect's server holds of the resources whose ids begin so, page by page."""
        wanted = {"event": {"name": list(names)}, "resource": {"id_prefix": [about]}, "order": "ASC"}
        page = self.ask("events/filter", filter=wanted, limit=50)
        while True:
            yield from page["events"]
            if page["next_page"] is None:
                return
            page = self.api.get(page["next_page"]).raise_for_status().json()

    def unfinished(self) -> list[dict[str, Any]]:
        """Runs of anything but the watcher that are scheduled, on their way or running."""
        watcher = self.api.get("flows/name/watch-landing").raise_for_status().json()["id"]
        state = {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING", "CANCELLING"]}}
        runs = self.ask("flow_runs/filter", flow_runs={"state": state})
        return [run for run in runs if run["flow_id"] != watcher]

    def processes(self) -> list[psutil.Process]:
        found = []
        for process in self._roots.values():
            with suppress(psutil.NoSuchProcess):
                root = psutil.Process(process.pid)
                found += [root, *root.children(recursive=True)]
        return found

    def cpu_s(self) -> float:
        """CPU seconds so far of every process, ended ones included.

        Linux adds an ended process to its parent. Elsewhere they count as they were seen last, so this is to be asked
        often.
        """
        living = self.processes()
        for process in living:
            with suppress(psutil.NoSuchProcess):
                self._cpu_s[process] = sum(process.cpu_times()[:4])
        counted = living if sys.platform == "linux" else list(self._cpu_s)
        return sum(self._cpu_s.get(process, 0.0) for process in counted)

    def eventually(self, ask: Callable[[], T | None], what: str, within_s: float = 240, pause_s: float = 0.05) -> T:
        """The first answer that is not None or False.

        Raises:
            InstallationDied: a process has ended, so there will be none.
            TimeoutError: there is none in time.
        """
        deadline = time.monotonic() + within_s
        while not (answer := ask()):
            self.refuse_dead()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {within_s:g} s")
            time.sleep(pause_s)
        return answer

    def refuse_dead(self) -> None:
        for name, process in self._roots.items():
            if process.poll() is not None:
                logs = (self.home / "up.log", *sorted((self.home / "logs").glob("*.log")))
                said = "".join(f"\n--- {log.name}\n{_end_of(log)}" for log in logs)
                raise InstallationDied(f"{name} ended with code {process.returncode}. The ends of the logs:{said}")

    def keep(self, why: str) -> None:
        """The home with its logs stays where it is when all has ended."""
        self._why_kept = self._why_kept or why

    def clear(self) -> None:
        if self._why_kept:
            sys.stderr.write(f"{self._why_kept}\nThe logs are in {self.home}\n")
        else:
            shutil.rmtree(self.home, ignore_errors=True)

    def run_by_serve(self) -> None:
        """The validations of now on go to Prefect's runner, which asks for runs as often as its process worker does."""
        for deployment in self.ask("deployments/filter", work_pools={"name": {"any_": [_PROCESS_POOL]}}):
            moved = self.api.patch(f"deployments/{deployment['id']}", json={"work_pool_name": None})
            moved.raise_for_status()
        environment = {
            **os.environ,
            **self.running["environment"],
            "PREFECT_API_URL": self.running["prefect_api_url"],
            "PREFECT_HOME": str(self.home / "prefect"),
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",
            "PYTHONPATH": str(ROOT),
        }
        module = ["benchmarks.serve_validations"]
        self._start("Prefect's serve", module, environment, self.home / "logs" / "serve.log")

    def end(self) -> None:
        """Each process by its id: those that were started here are asked to, and what is left of them is killed."""
        started = self.processes()
        for process in reversed(self._roots.values()):
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_ENDED_WITHIN_S)
        _, left = psutil.wait_procs(started, timeout=10)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def _start(self, name: str, module: list[str], environment: Mapping[str, str], log: Path) -> None:
        command = [sys.executable, "-m", *module]
        with log.open("wb") as output:
            self._roots[name] = subprocess.Popen(command, stdout=output, stderr=output, env=environment, cwd=ROOT)


@contextmanager
def installed(system: str, contracts: Path) -> Iterator[Installation]:
    """One of RUNNERS. Its home is a temporary folder, which stays when something goes wrong: the logs are in it."""
    interrupt_on("SIGINT", "SIGTERM")
    installation = Installation(Path(tempfile.mkdtemp(prefix="aceite-benchmark-")))
    try:
        installation.start(RUNNERS[system], contracts, MOST_TOGETHER if system == "aceite" else 1)
        if system == "prefect-serve":
            installation.run_by_serve()
        yield installation
    except Exception as error:
        installation.keep(f"{system}: {type(error).__name__}")
        raise
    finally:
        installation.end()
        installation.clear()


def _end_of(log: Path) -> str:
    return "".join(log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)[-10:])
