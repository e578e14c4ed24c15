"""Prefect's page, as its requests: what is on it, and what a person makes on it."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
from polling import eventually
from serving_aceite import Served

Found = Mapping[str, Any]
"""What a button is pressed on: the values of the placeholders in its route and its body."""

ANSWERS_WITHIN_S = 30
"""An answer takes milliseconds. Half of the 60 s for which a server on SQLite waits for itself in vain."""


class PrefectPage:
    """All requests that a person's browser sends. `chance` decides which of several objects it is."""

    def __init__(self, served: Served, chance: random.Random) -> None:
        self.chance = chance
        unpooled = httpx.Limits(max_keepalive_connections=0)  # the server closes one that it keeps, at any moment
        self._client = httpx.Client(base_url=served.api, auth=served.auth, timeout=ANSWERS_WITHIN_S, limits=unpooled)

    def close(self) -> None:
        self._client.close()

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Ask again while Prefect's server says so, because somebody else writes to its SQLite."""

        def answered() -> httpx.Response | None:
            answer = self._client.request(method, path, json=body)
            return None if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else answer

        return eventually(answered, f"an answer to {method} {path}", ANSWERS_WITHIN_S, every_s=0.5)

    def press(self, route: str, body: Any, found: Found) -> httpx.Response:
        method, path = route.split(" ")
        values = {**found, "new": str(uuid4()), "now": datetime.now(UTC).isoformat()}
        return self.ask(method, path.format_map(values), filled(body, values))

    def rows(self, what: str, **wanted: Any) -> list[dict[str, Any]]:
        """The objects of one kind, such as `flow_runs` or `work_pools/aceite-warm/queues`."""
        found: list[dict[str, Any]] = self.ask("post", f"/{what}/filter", wanted).raise_for_status().json()
        return found

    def any_of(self, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
        return self.chance.choice(rows) if rows else None

    def make(self, path: str, body: Any, method: str = "post") -> dict[str, Any]:
        made: dict[str, Any] = self.ask(method, path, body).raise_for_status().json()
        return made

    def some_name(self, kind: str) -> str:
        return f"{kind}{self.chance.randrange(10**9)}"


def filled(value: Any, values: Found) -> Any:
    """The value with `{name}` replaced: by the object itself if that is all of a text."""
    if isinstance(value, dict):
        return {key: filled(each, values) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, values) for each in value]
    if not isinstance(value, str) or "{" not in value:
        return value
    name = value[1:-1]
    return values[name] if value == f"{{{name}}}" and name in values else value.format_map(values)
