"""Prefect's server and the watcher as the processes that they are in production, which a test may kill at any time."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from prefect_database import with_tables
from repository import ROOT

from cli.serving.child_process import ChildProcess

READY_WITHIN_S = 180


class PrefectServer:
    """The embedded one, on one port and one database for all its lives. Runs from `with` to the end of it."""

    def __init__(self, home: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.api = f"http://127.0.0.1:{self._port}/api"
        self.environment = dict(os.environ) | {
            "PREFECT_HOME": str(with_tables(home / "prefect")),
            "PREFECT_API_URL": self.api,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PYTHONPATH": str(ROOT),
        }
        self._log = home / "prefect-server.log"

    def __enter__(self) -> "PrefectServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stop()

    def start(self) -> None:
        arguments = ("cli.serving.prefect_server", "--port", str(self._port))
        self._child = ChildProcess("Prefect's server", arguments, self.environment, self._log)
        self._child.await_ready(READY_WITHIN_S)

    def kill(self) -> None:
        """As kill -9 does: what its queues held is gone."""
        psutil.Process(self._child.pid).kill()
        self._child.stop()

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def events(self, **wanted: Any) -> Iterator[dict[str, Any]]:
        """Those that the event store holds, page by page."""
        body = {"filter": {**wanted, "order": "ASC"}, "limit": 50}
        answer = httpx.post(f"{self.api}/events/filter", json=body, timeout=60)
        while True:
            page = answer.raise_for_status().json()
            yield from page["events"]
            if page["next_page"] is None:
                return
            answer = httpx.get(page["next_page"], timeout=60)


@contextmanager
def running(code: str, environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process that ends with the block at the latest."""
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def run(code: str, environment: Mapping[str, str]) -> None:
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
