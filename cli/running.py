"""What `aceite up` leaves in its home folder, so that other commands find it: addresses, and where the ledger is."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

FILE = "running.json"


@dataclass(frozen=True, slots=True)
class Running:
    """A running `aceite up`. `environment` are the settings that other commands must share with it; no secrets."""

    pid: int
    prefect_api_url: str
    aws_endpoint: str | None
    environment: dict[str, str]

    @property
    def ui_url(self) -> str:
        return self.prefect_api_url.removesuffix("/api")


def find_running(home: Path) -> Running | None:
    """The `aceite up` of this home, if it answers: a killed one leaves its file behind."""
    try:
        running = Running(**json.loads((home / FILE).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return running if _answers(running.prefect_api_url) else None


@contextmanager
def running_in(home: Path, running: Running) -> Iterator[None]:
    """The file is there inside. It is written whole or not at all."""
    path = home / FILE
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(asdict(running), indent=2), encoding="utf-8")
    draft.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 443), timeout=2).close()
    except OSError:
        return False
    return True
