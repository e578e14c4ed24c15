"""What the sandbox is asked, as tests look at it."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What Athena answered. `rows` are without the header."""

    id: str
    state: str
    reason: str
    types: list[str]
    rows: list[tuple[str | None, ...]]
    statistics: dict[str, Any]
    output: str


def until(holds: Callable[[], Any], within_s: float = 60, every_s: float = 0.1) -> Any:
    deadline = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(every_s)
    return found


def payload(answer: Any) -> Any:
    return json.loads(answer["Payload"].read())
