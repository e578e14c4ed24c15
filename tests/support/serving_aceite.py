"""`aceite up` as people start it, in a home of its own, with a password on Prefect's API."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from polling import eventually
from prefect_database import with_tables
from repository import ROOT

from cli.serving.child_process import ChildProcess

_UP_WITHIN_S = 300
_ENDED_WITHIN_S = 120


@dataclass
class Served:
    """A running one, seen from outside. `environment` is what it was started with."""

    process: subprocess.Popen[bytes]
    home: Path
    contracts: Path
    environment: Mapping[str, str]
    api: str = ""
    endpoint: str = ""

    @property
    def auth(self) -> tuple[str, str]:
        """User and password: those of the environment, else those that `aceite up` made."""
        own = self.environment.get("PREFECT_SERVER_API_AUTH_STRING")
        made = self.home / "prefect-auth-string"
        user, _, password = (own or made.read_text(encoding="utf-8").strip()).partition(":")
        return user, password

    def prefect(self, path: str, **body: Any) -> Any:
        answer = httpx.post(f"{self.api}/{path}", json=body, timeout=60, auth=self.auth)
        return answer.raise_for_status().json()

    def aceite(self, *arguments: str, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments, home=self.home, contracts=self.contracts),
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=self.home,
            check=False,
            env={**self.environment, **(settings or {})},
        )

    def processes(self) -> list[psutil.Process]:
        of_up = psutil.Process(self.process.pid)
        return [of_up, *of_up.children(recursive=True)]


def command(*arguments: str, home: Path, contracts: Path) -> list[str]:
    return [sys.executable, "-m", "cli.main", *arguments, "--home", str(home), "--contracts", str(contracts)]


@contextmanager
def sandbox(folder: Path, contracts: Path) -> Iterator[str]:
    """The local AWS alone, as if it were the account."""
    arguments = ("sandbox", "--port", "0", "--contracts", str(contracts), "--until-stdin-closes")
    child = ChildProcess("sandbox", arguments, {**os.environ, "PYTHONPATH": str(ROOT)}, folder / "sandbox.log")
    try:
        yield child.await_ready(180)
    finally:
        child.stop()


@contextmanager
def up(arguments: Sequence[str], home: Path, contracts: Path, environment: Mapping[str, str]) -> Iterator[Served]:
    """Runs inside. What is on its standard output and error is in up.log of its home."""
    with_tables(home / "prefect")
    log = home / "up.log"
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **environment}
    variables.pop("PREFECT_API_URL", None)
    with log.open("wb") as output:
        started = command("up", "--aws-port", "0", "--prefect-port", "0", *arguments, home=home, contracts=contracts)
        process = subprocess.Popen(started, stdout=output, stderr=output, cwd=home, env=variables)
    served = Served(process, home, contracts, variables)

    def running() -> dict[str, Any] | None:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        path = home / "running.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    try:
        found = eventually(running, "aceite up", _UP_WITHIN_S)
        served.api, served.endpoint = found["prefect_api_url"], found["aws_endpoint"]
        yield served
    finally:
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGINT)
        process.wait(_ENDED_WITHIN_S)
        for left in psutil.wait_procs(children, timeout=5)[1]:
            left.kill()
