"""The gate before AWS that makes faults. They are set from outside, on the sandbox's own port.

GET /_aceite/faults       returns the faults, each with its counters
POST                      adds a fault or a list of faults
PUT                       replaces all faults by a fault or a list of faults
DELETE                    removes all faults
"""

import json
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from sandbox.aws_requests import AwsError, Wsgi, answer, answer_error, read_body, read_request
from sandbox.fault_injection.aws_faults import ANY, AwsFault, AwsFaultKind, BadFault, read_faults

FAULTS_PATH = "/_aceite/faults"
"""A path that no request to S3 can have, because no bucket can have this name."""

_ERRORS: dict[AwsFaultKind, dict[str, tuple[int, str]]] = {
    AwsFaultKind.THROTTLED: {
        ANY: (400, "ThrottlingException"),
        "s3": (503, "SlowDown"),
        "lambda": (429, "TooManyRequestsException"),
        "athena": (400, "TooManyRequestsException"),
        "sts": (400, "Throttling"),
        "iam": (400, "Throttling"),
    },
    AwsFaultKind.ERROR: {
        ANY: (500, "InternalFailure"),
        "s3": (500, "InternalError"),
        "lambda": (500, "ServiceException"),
        "glue": (500, "InternalServiceException"),
        "athena": (500, "InternalServerException"),
        "ssm": (500, "InternalServerError"),
    },
    AwsFaultKind.DENIED: {
        ANY: (400, "AccessDeniedException"),
        "s3": (403, "AccessDenied"),
        "lambda": (403, "AccessDeniedException"),
        "sts": (403, "AccessDenied"),
        "iam": (403, "AccessDenied"),
    },
}


class FaultInjection:
    """Holds the faults, makes them in a gate before AWS, and answers at FAULTS_PATH."""

    def __init__(self) -> None:
        self._faults: list[AwsFault] = []
        self._lock = threading.Lock()

    @property
    def faults(self) -> tuple[AwsFault, ...]:
        return tuple(self._faults)

    def set(self, faults: Sequence[AwsFault]) -> None:
        with self._lock:
            self._faults = list(faults)

    def gate(self, app: Wsgi) -> Wsgi:
        def pass_or_fail(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if environ["PATH_INFO"].rstrip("/") == FAULTS_PATH:
                return self._control(environ, start_response)
            with self._lock:
                request = read_request(environ) if self._faults else None
                fault = next((fault for fault in self._faults if request and fault.happens_to(request)), None)
            if request is None or fault is None:
                return app(environ, start_response)
            return _make(fault, request.service, app, environ, start_response)

        return pass_or_fail

    def _control(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, body = HTTPStatus.OK, {}
        try:
            self._change(environ["REQUEST_METHOD"], read_body(environ))
        except BadFault as error:
            status, body = HTTPStatus.BAD_REQUEST, {"error": str(error)}
        except KeyError:
            status, body = HTTPStatus.METHOD_NOT_ALLOWED, {"error": "allowed: GET, POST, PUT, DELETE"}
        content = json.dumps(body or {"faults": [asdict(fault) for fault in self.faults]}, indent=1).encode() + b"\n"
        return answer(status, "application/json", content, start_response)

    def _change(self, method: str, body: bytes) -> None:
        if method in ("PUT", "POST"):
            faults = read_faults(body)
            with self._lock:
                self._faults = [*(self._faults if method == "POST" else ()), *faults]
        elif method == "DELETE":
            self.set(())
        elif method != "GET":
            raise KeyError(method)


def _make(
    fault: AwsFault, service: str, app: Wsgi, environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    started: list[Any] = []
    if fault.after or fault.kind is AwsFaultKind.SLOW:
        if not fault.after:
            time.sleep(fault.seconds)
        content = _read_all(app(environ, lambda *given: started.append(given)))
    else:
        read_body(environ)
    if fault.kind is AwsFaultKind.SLOW:
        if fault.after:
            time.sleep(fault.seconds)
        start_response(*started[0])
        return [content]
    if fault.kind is AwsFaultKind.TIMEOUT:
        _hang(environ["werkzeug.socket"], fault.seconds)
    if fault.kind in (AwsFaultKind.TIMEOUT, AwsFaultKind.RESET):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError("an injected fault")
    codes = _ERRORS[fault.kind]
    error = AwsError(*codes.get(service, codes[ANY]), f"a fault that was set at {FAULTS_PATH}")
    return answer_error(service, error, environ, start_response)


def _read_all(response: Iterable[bytes]) -> bytes:
    try:
        return b"".join(response)
    finally:
        if close := getattr(response, "close", None):
            close()


def _hang(connection: socket.socket, seconds: float) -> None:
    """Wait until the client closes the connection, at most `seconds`."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(connection, selectors.EVENT_READ)
        waiting.select(seconds)
