"""What `aceite up` leaves in its home folder, so that other commands find it: addresses, and where the ledger is."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

FILE = "running.json"


@dataclass(frozen=True, slots=True)
class Running:
    """A running `aceite up`. `environment` are the settings that other commands must share with it; no secrets.

    It listens on `alive_port` as long as it lives, and on no account longer: a killed one leaves its file behind.
    """

    pid: int
    prefect_api_url: str
    aws_endpoint: str | None
    environment: dict[str, str]
    alive_port: int = 0

    @property
    def ui_url(self) -> str:
        return self.prefect_api_url.removesuffix("/api")


def find_running(home: Path) -> Running | None:
    """The `aceite up` of this home, if it is alive."""
    try:
        running = Running(**json.loads((home / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # also what is being replaced just now, on Windows
        return None
    return running if _answers(running.alive_port) else None


@contextmanager
def running_in(home: Path, running: Running) -> Iterator[None]:
    """The file is there inside. It is written whole or not at all."""
    path = home / FILE
    draft = path.with_suffix(".tmp")
    with socket.create_server(("127.0.0.1", 0)) as alive:
        threading.Thread(target=_answer_all, args=(alive,), daemon=True).start()
        told = replace(running, alive_port=alive.getsockname()[1])
        draft.write_text(json.dumps(asdict(told), indent=2), encoding="utf-8")
        draft.replace(path)
        try:
            yield
        finally:
            # Windows removes no file that another command reads. Left behind it misleads nobody: its port is closed.
            with suppress(OSError):
                path.unlink()


def _answer_all(alive: socket.socket) -> None:
    while True:
        try:
            connection, _ = alive.accept()
        except OSError:  # closed: the command ends
            return
        connection.close()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True
