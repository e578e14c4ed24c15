"""Writes and reads the file in the home by which other commands find a running `aceite up`."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from blocks.private_files import make_private, private_folder, write_private

FILE = "running.json"
MARKS = ("logs", "ledger.db", "prefect", "seal")
"""One of these is in each home in which something was installed; a ledger may also be elsewhere."""
_PRIVATE = (FILE, "ledger.db*", "sandbox-ledger.db*", "logs", "logs/*", "prefect", "prefect/**/*")


@dataclass(frozen=True, slots=True)
class Running:
    """A running `aceite up`. `environment` has the settings that other commands share with it, without secrets.

    It listens on `alive_port` as long as it runs; the file alone proves nothing, because a killed one leaves it behind.
    `auth_file` has the password of its Prefect server, if `aceite up` made one.
    """

    pid: int
    prefect_api_url: str
    aws_endpoint: str | None
    environment: dict[str, str]
    alive_port: int = 0
    auth_file: str = ""

    @property
    def ui_url(self) -> str:
        return self.prefect_api_url.removesuffix("/api")


def take_home(home: Path) -> Path:
    """Make the home, and take from everybody but its owner what an earlier version left readable in it."""
    private_folder(home)
    private_folder(home / "logs")
    for path in (path for pattern in _PRIVATE for path in home.glob(pattern)):
        with suppress(FileNotFoundError):  # SQLite removes files of its own
            make_private(path)
    return home


def find_running(home: Path) -> Running | None:
    """Return the `aceite up` of this home; None if none is running."""
    try:
        running = Running(**json.loads((home / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # OSError: on Windows also a file that is being replaced
        return None
    return running if _answers(running.alive_port) else None


@contextmanager
def running_in(home: Path, running: Running) -> Iterator[None]:
    """Keep the file while the block runs. It is written atomically."""
    path = home / FILE
    with socket.create_server(("127.0.0.1", 0)) as alive:
        threading.Thread(target=_answer_all, args=(alive,), daemon=True).start()
        record = replace(running, alive_port=alive.getsockname()[1])
        write_private(path, json.dumps(asdict(record), indent=2).encode())
        try:
            yield
        finally:
            # Windows cannot remove a file that another command reads. One left behind is harmless: its port is closed.
            with suppress(OSError):
                path.unlink()


def _answer_all(alive: socket.socket) -> None:
    while True:
        try:
            connection, _ = alive.accept()
        except OSError:  # the socket was closed, because the command ends
            return
        connection.close()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True
