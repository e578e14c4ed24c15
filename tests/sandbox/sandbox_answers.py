"""What the sandbox is asked, as tests look at it."""

import json
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


def payload(answer: Any) -> Any:
    return json.loads(answer["Payload"].read())
