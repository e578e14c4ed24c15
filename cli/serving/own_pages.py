"""Lets no web page reach Prefect's server but the server's own.

A page of any site can send requests to a port of this machine, and one whose name is made to lead to 127.0.0.1 can also
read the answers (DNS rebinding). The browser tells which page asks, by the headers Host, Origin and Sec-Fetch-*.
Programs, such as Prefect's clients, send only the first.
"""

from collections.abc import Iterator

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

API = "/api"
_NAMES = ("127.0.0.1", "localhost")
_OF_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
"""The types that a page may send without asking first. Prefect's API takes JSON only."""

Refusal = tuple[int, str]
"""The HTTP status, and the sentence that says why."""


def own_hosts(port: int) -> Iterator[str]:
    """Yield the values of Host that lead to a server on this port of 127.0.0.1."""
    for name in _NAMES:
        yield f"{name}:{port}"
        if port == 80:  # which browsers and clients leave out
            yield name


def own_origins(port: int) -> list[str]:
    return [f"http://{host}" for host in own_hosts(port)]


class OwnPagesOnly:
    """An ASGI application that passes on the requests of programs and of the server's own pages, and no others."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts, self._origins = frozenset(own_hosts(port)), frozenset(own_origins(port))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: uvicorn answers 403
        else:
            status, reason = refusal
            await PlainTextResponse(f"{reason}\n", status)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return 421, f"Prefect's server of Aceite answers as {' or '.join(sorted(self._hosts))} only: use that name"
        if any(origin.lower() not in self._origins for origin in origins):
            return 403, "this web page is not Prefect's UI: only the UI of this server may use it in a browser"
        if not origins and _is_of_another_page(headers) and not _opens_the_ui(scope, headers):
            return 403, "another web page asks: open the UI by its address instead"
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope["type"] == "http" and media_type in _OF_FORMS:
            return 415, f"Prefect's API takes application/json, not {media_type}"
        return None


def _is_of_another_page(headers: Headers) -> bool:
    """Return True unless a program asks, the server's own page, or a person who typed the address."""
    return headers.get("sec-fetch-site", "none").lower() not in ("none", "same-origin")


def _opens_the_ui(scope: Scope, headers: Headers) -> bool:
    """Return True for a link to a page of the UI, as in a notification. It shows the page, and tells nobody."""
    path = scope["path"]
    return (
        scope["type"] == "http"
        and scope["method"] in ("GET", "HEAD")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
        and path != API
        and not path.startswith(f"{API}/")
    )
