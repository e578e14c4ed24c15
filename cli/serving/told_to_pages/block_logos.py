"""Leaves the logos of block types out of what Prefect's UI is told.

Each is a picture on a host of the Internet. Where a browser does not reach that host the UI shows a broken picture;
where it does, that host learns who looks. Without a logo the UI shows a sign of its own. Programs are told the logos,
as Prefect's clients compare them with theirs.
"""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OF_BLOCKS = re.compile(r"/api/block_(types|documents|schemas)/")
_LOGO = re.compile(rb'"logo_url":\s*"(?:[^"\\]|\\.)*"')
_NONE = b'"logo_url":null'


class WithoutLogos:
    """An ASGI application that answers a browser's questions about blocks without the addresses of logos."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _OF_BLOCKS.match(scope["path"]) or not _asked_by_a_page(scope):
            await self._app(scope, receive, send)
            return
        start: Message = {}
        body = b""

        async def send_whole(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if not message.get("more_body", False):
                shown = _LOGO.sub(_NONE, body)
                if "content-length" in (headers := MutableHeaders(scope=start)):
                    headers["content-length"] = str(len(shown))
                await send(start)
                await send({"type": "http.response.body", "body": shown})

        await self._app(_unpacked(scope), receive, send_whole)


def _asked_by_a_page(scope: Scope) -> bool:
    return "sec-fetch-site" in Headers(scope=scope)


def _unpacked(scope: Scope) -> Scope:
    """Return the request without the encodings that a browser takes: the answer must be readable here."""
    return {**scope, "headers": [each for each in scope["headers"] if each[0].lower() != b"accept-encoding"]}
