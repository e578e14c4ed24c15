"""The sandbox's AWS behind a layer that answers for it, where a test wants another answer, in AWS's own words."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs

from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.policies.policy_gate import PolicyGate
from sandbox.server import LocalAws, wsgi_app


@dataclass(frozen=True)
class Request:
    """`operation` is the action of a query, or the target of a JSON call; of S3, method and path.

    `encryption` is what a write to S3 asks for.
    """

    operation: str
    body: bytes
    encryption: str = ""


Answer = tuple[str, str, bytes]
"""Status line, content type, body."""
Rule = Callable[[Request], Answer | None]


@dataclass
class RefusingAws:
    """Each rule may answer; what none answers the sandbox does. `ahead` is added to the time in every answer."""

    endpoint: str = ""
    rules: list[Rule] = field(default_factory=list)
    ahead: timedelta = timedelta(0)
    hangs: threading.Event = field(default_factory=threading.Event)
    app: Any = field(default_factory=lambda: wsgi_app(PolicyGate))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        request = Request(_operation(environ, body), body, environ.get("HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION", ""))
        for rule in self.rules:
            if (answer := rule(request)) is not None:
                status, kind, content = answer
                start_response(status, [("Content-Type", kind), ("Content-Length", str(len(content)))])
                return [content]
        return self.app(environ, start_response)

    @contextmanager
    def answering(self, *rules: Rule) -> Iterator[None]:
        self.rules[:] = rules
        try:
            yield
        finally:
            self.rules.clear()


class _Handler(WSGIRequestHandler):
    """Its clock goes as the layer says."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        layer: RefusingAws = self.server.app  # type: ignore[attr-defined]
        return format_datetime(datetime.now(UTC) + layer.ahead, usegmt=True)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@contextmanager
def refusing_aws() -> Iterator[RefusingAws]:
    with LocalAws() as sandbox:
        layer = RefusingAws()
        server = make_server("127.0.0.1", 0, layer, threaded=True, request_handler=_Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        layer.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        assert sandbox.endpoint != layer.endpoint
        try:
            yield layer
        finally:
            layer.hangs.set()
            server.shutdown()
            thread.join()
            server.server_close()


def refuses(operation: str, code: str, status: str = "403 Forbidden") -> Rule:
    """Operations that begin so are refused with this code, in the words of the operation's protocol."""

    def rule(request: Request) -> Answer | None:
        if not request.operation.startswith(operation):
            return None
        if request.operation.startswith("HEAD "):
            return status, "application/xml", b""
        if request.operation.startswith(("GET ", "PUT ")):
            return status, "application/xml", f"<Error><Code>{code}</Code><Message>No</Message></Error>".encode()
        if "." in request.operation or request.operation.startswith("POST "):
            return status, "application/x-amz-json-1.1", json.dumps({"__type": code, "message": "No"}).encode()
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>No</Message></Error>"
        return status, "text/xml", f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>".encode()

    return rule


def answers(action: str, result: Callable[[dict[str, list[str]]], str]) -> Rule:
    """The query action is answered with this XML inside of its result."""

    def rule(request: Request) -> Answer | None:
        if request.operation != action:
            return None
        inside = result(parse_qs(request.body.decode()))
        text = f"<{action}Response><{action}Result>{inside}</{action}Result></{action}Response>"
        return "200 OK", "text/xml", text.encode()

    return rule


def hangs(operation: str, until: threading.Event) -> Rule:
    """Operations that begin so get no answer before the event."""

    def rule(request: Request) -> Answer | None:
        if request.operation.startswith(operation):
            until.wait(60)
        return None

    return rule


def _operation(environ: dict[str, Any], body: bytes) -> str:
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target)
    if environ["REQUEST_METHOD"] == "POST" and body.startswith(b"Action="):
        return parse_qs(body.decode())["Action"][0]
    query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
    return f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}{query}"
