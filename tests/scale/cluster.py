"""Prefect's server as several processes on PostgreSQL and Redis, and what is beside it, each a process to be killed."""

import os
import select
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import httpx
import psutil
from polling import eventually
from repository import ROOT

from benchmarks.local_postgresql import free_port, postgresql, programs
from flows.installation.seal_keys import SealKeys

READY_WITHIN_S = 600


def why_not() -> str:
    """What is missing for a cluster; an empty text if nothing is."""
    missing = [
        f"{what} ({remedy})"
        for what, remedy, found in (
            ("PostgreSQL's server with its extension pg_trgm", "apt-get install postgresql", programs() is not None),
            ("redis-server", "apt-get install redis-server", shutil.which("redis-server") is not None),
            ("prefect_redis", 'pip install "aceite[scale]"', find_spec("prefect_redis") is not None),
        )
        if not found
    ]
    return f"not installed: {', '.join(missing)}" if missing else ""


class Cluster:
    """`environment` is what a process needs to be a part of it, or a client. `api` is the balancer's address."""

    def __init__(self, folder: Path, undo: ExitStack) -> None:
        self.folder = folder
        self._undo = undo
        self._processes: dict[str, psutil.Popen] = {}
        redis = free_port()
        self._start("redis", "redis-server", "--port", str(redis), "--save", "", "--bind", "127.0.0.1")
        self.postgresql = undo.enter_context(postgresql(folder / "postgresql.log", ("prefect", "ledger"))).address
        _until_it_listens(redis, "redis")
        self._backends = [free_port() for _ in range(2)]
        balanced = undo.enter_context(_balancer(self._backends))
        self.api = f"http://127.0.0.1:{balanced}/api"
        seal_key = folder / "seal" / "key.pem"
        SealKeys(folder, seal_key).signing(make=True)
        self.environment = {
            **os.environ,
            "PREFECT_API_URL": self.api,
            "ACEITE_SEAL_KEY_FILE": str(seal_key),  # each host needs the same
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{self.postgresql}/prefect",
            "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",
            "PREFECT_MESSAGING_BROKER": "prefect_redis.messaging",
            "PREFECT_MESSAGING_CACHE": "prefect_redis.messaging",
            "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
            "PREFECT_REDIS_MESSAGING_URL": f"redis://127.0.0.1:{redis}/0",
            "PREFECT_SERVER_DOCKET_URL": f"redis://127.0.0.1:{redis}/1",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "PYTHONUTF8": "1",
        }

    def start_server(self) -> None:
        """Two that answer requests and two that do everything else; those that were killed are there again."""
        if "migration" not in self._processes:
            assert self.start("migration", "prefect", "server", "database", "upgrade", "-y").wait(READY_WITHIN_S) == 0
        for number, port in enumerate(self._backends, 1):
            server = ("prefect", "server")
            if f"services-{number}" not in self.alive():
                self.start(f"services-{number}", *server, "services", "start")
            if f"api-{number}" not in self.alive():
                self.start(f"api-{number}", *server, "start", "--no-services", "--port", str(port))
            # One after the other: each registers block types, and in an empty database two would meet at that.
            eventually(lambda port=port: _is_healthy(f"http://127.0.0.1:{port}/api"), "the API")

    def start(self, name: str, *module: str) -> psutil.Popen:
        """A Python process, with a home of its own as on a host of its own."""
        of_its_own = {"PREFECT_HOME": str(self.folder / name), "ACEITE_HOME": str(self.folder / name)}
        (self.folder / name).mkdir(exist_ok=True)
        command = [sys.executable, "-m", *module]
        return self._start(name, *command, environment={**self.environment, **of_its_own})

    def kill(self, name: str) -> None:
        """As if its host lost its power: nothing that it started goes on."""
        process = self._processes[name]
        for each in [*process.children(recursive=True), process]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait()

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def alive(self) -> set[str]:
        return {name for name, process in self._processes.items() if process.poll() is None}

    def processes_of(self, name: str) -> list[psutil.Process]:
        return list(self._processes[name].children(recursive=True))

    def _start(self, name: str, *command: str, environment: Mapping[str, str] | None = None) -> psutil.Popen:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = psutil.Popen(
                command,
                stdin=subprocess.PIPE,  # what ends with its standard input lives as long as the test
                stdout=log,
                stderr=log,
                env=dict(environment or os.environ),
                cwd=self.folder,
            )
        self._processes[name] = process
        self._undo.callback(self._end, name)
        return process

    def _end(self, name: str) -> None:
        process = self._processes[name]
        if process.poll() is None:
            process.terminate()
            with suppress(psutil.TimeoutExpired):
                process.wait(5)
        if process.poll() is None:
            self.kill(name)


@contextmanager
def _balancer(backends: list[int]) -> Iterator[int]:
    """The port of a TCP balancer as stands before a server of several processes: in turn, and past one that is down."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:

        def serve() -> None:
            turn = 0
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                turn += 1
                order = [backends[(turn + step) % len(backends)] for step in range(len(backends))]
                threading.Thread(target=_carry, args=(client, order), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


def _carry(client: socket.socket, ports: list[int]) -> None:
    with client:
        for port in ports:
            with suppress(OSError):
                backend = socket.create_connection(("127.0.0.1", port))
                break
        else:
            return
        with backend, suppress(OSError):
            other = {client: backend, backend: client}
            while True:
                for ready in select.select([client, backend], [], [])[0]:
                    if not (got := ready.recv(65536)):
                        return
                    other[ready].sendall(got)


def _until_it_listens(port: int, what: str) -> None:
    def listens() -> bool:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        return False

    eventually(listens, what, 60)


def _is_healthy(api: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{api}/health", timeout=5).is_success
    return False
