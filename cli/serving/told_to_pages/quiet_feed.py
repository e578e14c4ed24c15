"""Leaves heartbeats out of the event feed of Prefect's UI, as long as nobody asks for them.

A watcher sends one every 20 s, so an idle feed would show nothing else. Whoever picks an event or a resource on the
page sees them; so does every program. The list of events to pick from names them.
"""

import json
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acceptance.announcing.delivery_events import HEARTBEAT

HEARTBEATS = [HEARTBEAT, "prefect.flow-run.heartbeat"]
_FEED = ("/api/events/filter", "/api/events/count-by/time")
"""The page's questions for its list and for its curve."""
_PICKED = {"event": ("name", "prefix"), "resource": (), "related": (), "any_resource": ()}
"""By field of Prefect's filter the parts by which a person picks; () stands for all parts."""


class QuietFeed:
    """An ASGI application that answers a browser's question about all events without the heartbeats."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in _FEED or not _by_a_page(scope):
            await self._app(scope, receive, send)
            return
        asked = b""
        while True:
            message = await receive()
            asked += message.get("body", b"")
            if not message.get("more_body", False):
                break
        body = without_heartbeats(asked)
        headers = [each for each in scope["headers"] if each[0].lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        told = False

        async def receive_quiet() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app({**scope, "headers": headers}, receive_quiet, send)


def without_heartbeats(body: bytes) -> bytes:
    """Return the question without heartbeats if nothing is picked in it; else the question as it is."""
    try:
        question: Any = json.loads(body)
        wanted = question.get("filter") or {}
        if any(_is_picked(wanted.get(field), parts) for field, parts in _PICKED.items()):
            return body
        event = wanted.get("event") or {}
        left_out = [*(event.get("exclude_name") or ()), *HEARTBEATS]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return body  # the server says what is wrong with it
    question["filter"] = {**wanted, "event": {**event, "exclude_name": left_out}}
    return json.dumps(question).encode()


def _is_picked(part: Any, names: tuple[str, ...]) -> bool:
    picks = part if not isinstance(part, dict) else [value for key, value in part.items() if not names or key in names]
    return any(picks) if isinstance(picks, list) else bool(picks)


def _by_a_page(scope: Scope) -> bool:
    return "sec-fetch-site" in Headers(scope=scope)
