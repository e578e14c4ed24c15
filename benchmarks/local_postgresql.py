"""A PostgreSQL server of this machine's own programs, in a temporary folder on a free port.

Not that of the wheel which the tests of the ledger use: it lacks pg_trgm, which Prefect's server needs.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_READY_WITHIN_S = 60


@dataclass(frozen=True)
class PostgreSQL:
    """`address` is USER@HOST:PORT, `pid` that of the process whose children do the work."""

    address: str
    pid: int


def programs() -> Path | None:
    """The folder of its programs; Debian's is not on the path."""
    on_path = shutil.which("postgres")
    found = [Path(on_path).resolve().parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "initdb").exists() and _has_trigrams(folder)), None)


def _has_trigrams(folder: Path) -> bool:
    said = subprocess.run([folder / "pg_config", "--sharedir"], capture_output=True, text=True, check=False)
    return (Path(said.stdout.strip()) / "extension" / "pg_trgm.control").exists()


@contextmanager
def postgresql(log: Path, databases: Sequence[str], *, durable: bool = False) -> Iterator[PostgreSQL]:
    """With these databases. One that is not durable may lose what it holds if the machine dies."""
    found, port = programs(), free_port()
    assert found is not None, "PostgreSQL is not installed: apt-get install postgresql"
    as_user: dict[str, Any] = {"user": "postgres"} if os.geteuid() == 0 else {}  # as root it refuses to run
    # Not in the caller's folder, into which that user may not look.
    with tempfile.TemporaryDirectory(prefix="aceite-pg-") as folder, log.open("wb") as output:
        if as_user:
            shutil.chown(folder, as_user["user"])
        make = [found / "initdb", "-D", f"{folder}/data", "-U", "aceite", "--auth=trust", "--encoding=UTF8"]
        subprocess.run([*make, "--no-sync"], check=True, stdout=output, stderr=output, cwd=folder, **as_user)
        command = [found / "postgres", "-D", f"{folder}/data", "-p", str(port), "-k", folder]
        command += ["-c", f"fsync={'on' if durable else 'off'}", "-c", "max_connections=300"]
        server = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, **as_user)
        try:
            where = ["-h", "127.0.0.1", "-p", str(port), "-U", "aceite"]
            deadline = time.monotonic() + _READY_WITHIN_S
            # It listens before it is ready.
            while subprocess.run([found / "pg_isready", *where], stdout=output, stderr=output, check=False).returncode:
                assert time.monotonic() < deadline, f"PostgreSQL was not ready within {_READY_WITHIN_S} s"
                time.sleep(0.1)
            for name in databases:
                subprocess.run([found / "createdb", *where, name], check=True, stdout=output, stderr=output)
            yield PostgreSQL(f"aceite@127.0.0.1:{port}", server.pid)
        finally:
            server.send_signal(signal.SIGINT)  # its fast shutdown
            server.wait(60)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
