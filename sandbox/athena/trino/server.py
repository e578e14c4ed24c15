"""A running Trino on loopback, asked over HTTP by its client protocol."""

import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx

from acceptance.errors import SettingsError
from blocks.temporary_folders import temporary_folder
from sandbox.athena.trino import guarded_process
from sandbox.athena.trino.program import VERSION, TrinoProgram

_READY_WITHIN_S = 300
_ANSWERS_WITHIN_S = 300
_CONFIG = {
    "coordinator": "true",
    "node-scheduler.include-coordinator": "true",
    "query.max-memory-per-node": "700MB",
    "memory.heap-headroom-per-node": "100MB",
    "catalog.management": "dynamic",
}
# A sandbox's queries run once: the first compiler's code, made in a third of the time, is fast enough.
_JVM = ("-Xmx2G", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


class TrinoRefused(Exception):
    """Trino's error: its name, such as TYPE_MISMATCH, a colon and its message."""


class TrinoServer:
    """Runs while the block runs. `catalogs` are name -> properties; the statement CREATE CATALOG adds more.

    Raises:
        SettingsError: Trino ended while it started, or was not ready in time; the message has the end of its log.
    """

    def __init__(self, program: TrinoProgram, catalogs: Mapping[str, Mapping[str, str]]) -> None:
        self._program, self._catalogs, self._undo = program, catalogs, ExitStack()
        self.url = ""

    def __enter__(self) -> "TrinoServer":
        with ExitStack() as undo:
            folder = Path(undo.enter_context(temporary_folder()))
            self.url = f"http://127.0.0.1:{_free_port()}"
            process = self._start(folder)
            undo.callback(_end, process)
            self._await_ready(process, folder / "server.log")
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def pages(
        self, sql: str, catalog: str, schema: str, headers: Mapping[str, str] = MappingProxyType({})
    ) -> Generator[dict[str, Any], None, None]:
        """Yield each page of the answer to one statement. Close the iterator, and Trino ends the statement.

        Raises:
            TrinoRefused: Trino does not answer the statement.
        """
        said = {"User": "athena", "Catalog": catalog, "Schema": schema, "Time-Zone": "UTC", **headers}
        names = {f"X-Trino-{name}": text for name, text in said.items()}
        with httpx.Client(headers=names, timeout=_ANSWERS_WITHIN_S, trust_env=False) as client:
            page = client.post(f"{self.url}/v1/statement", content=sql.encode()).raise_for_status().json()
            try:
                while True:
                    if "error" in page:
                        raise TrinoRefused(f"{page['error']['errorName']}: {page['error']['message']}")
                    yield page
                    if "nextUri" not in page:
                        return
                    page = client.get(page["nextUri"]).raise_for_status().json()
            except GeneratorExit:
                if "nextUri" in page:
                    client.delete(page["nextUri"])
                raise

    def _start(self, folder: Path) -> "subprocess.Popen[bytes]":
        places = {"catalog.config-dir": folder / "catalogs", "node.data-dir": folder / "data"}
        for place in places.values():
            place.mkdir()
        for name, said in self._catalogs.items():
            _write_properties(places["catalog.config-dir"] / f"{name}.properties", said)
        port = self.url.rpartition(":")[2]
        _write_properties(
            folder / "config.properties", {**_CONFIG, "http-server.http.port": port, "discovery.uri": self.url}
        )
        options = {
            "config": folder / "config.properties",
            "plugin.dir": self._program.plugins,
            "node.environment": "aceite",
            "node.internal-address": "127.0.0.1",
            "node.bind-ip": "127.0.0.1",
            **places,
        }
        java = [*_JVM, *(f"-D{name}={value}" for name, value in options.items())]
        started = [str(self._program.java), *java, "-cp", f"{self._program.classes}/*", "io.trino.server.TrinoServer"]
        with (folder / "server.log").open("wb") as log:
            command = [sys.executable, "-I", str(guarded_process.__file__), *started]
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=folder)

    def _await_ready(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        deadline = time.monotonic() + _READY_WITHIN_S
        while not self._is_ready():
            ended = process.poll()
            if ended is None and time.monotonic() < deadline:
                time.sleep(0.2)
                continue
            told = "was not ready in time" if ended is None else f"ended with code {ended} while it started"
            end_of_log = "".join(
                f"\n  {line}" for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
            )
            raise SettingsError(f"Trino {VERSION} {told}; the end of its log:{end_of_log}")

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/v1/info", trust_env=False).json()["starting"] is False
        except httpx.HTTPError:
            return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _write_properties(file: Path, properties: Mapping[str, str]) -> None:
    lines = "".join(f"{name}={value}\n" for name, value in properties.items())
    file.write_text(lines, encoding="utf-8", newline="\n")
