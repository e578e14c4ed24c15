"""An AWS behind a layer that misbehaves as networks do, and a clock that a test sets."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aws_clients import Aws
from werkzeug.serving import make_server

from aws.waiting import Clock
from sandbox.server import wsgi_app

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass
class Mishaps:
    """What happens to the next requests: each takes one mishap, and none when there is none left."""

    answers: deque[str] = field(default_factory=deque)
    requests: int = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.requests += 1
        mishap = self.answers.popleft() if self.answers else ""
        if mishap == "conflict":
            start_response("409 Conflict", [("Content-Type", "application/xml")])
            return [b"<Error><Code>ConditionalRequestConflict</Code><Message>Conflict</Message></Error>"]
        if mishap.endswith("Exception"):  # as Lambda says it: the status and the error's name
            status, code = mishap.split()
            start_response(f"{status} Refused", [("Content-Type", "application/json"), ("x-amzn-ErrorType", code)])
            return [b'{"__type": "%s", "Message": "not now"}' % code.encode()]  # the type as Glue says it
        answer = self.inner(environ, start_response if not mishap else lambda *_: None)
        if mishap == "answer lost":
            b"".join(answer)
            start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [b""]
        return answer

    inner: Wsgi = field(default_factory=wsgi_app)


@pytest.fixture
def mishaps(local_aws: Aws) -> Iterator[tuple[Aws, Mishaps]]:
    """The same AWS behind a layer of mishaps."""
    layer = Mishaps()
    server = make_server("127.0.0.1", 0, layer, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Aws(f"http://127.0.0.1:{server.server_address[1]}"), layer
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class SteppedClock:
    """Time that passes only when somebody sleeps. `then` is called after each sleep, with the time."""

    time_s: float = 0.0
    slept_s: list[float] = field(default_factory=list)
    then: Callable[[float], object] = lambda _: None

    def sleep(self, pause_s: float) -> None:
        self.slept_s.append(pause_s)
        self.time_s += pause_s
        self.then(self.time_s)

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.time_s, sleep=self.sleep)


@pytest.fixture
def stepped() -> SteppedClock:
    return SteppedClock()
