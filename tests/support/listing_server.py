"""An S3 that can be listed and read over HTTP, with one bucket that only the test changes.

It exists because moto sets LastModified at the end of an upload in parts and S3 at its beginning: on moto, what a
watcher loses in production cannot be lost.
"""

import threading
from collections import Counter, deque
from functools import cache, partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

import boto3
from botocore.config import Config
from listing_answers import Answer, S3Error, answer, error_answer, operation_of
from listing_bucket import ListedBucket

MISHAPS = ("503", "dropped", "cut")
"""S3 is busy; the connection closes without an answer; or in the middle of one."""


class ListingServer(ListedBucket):
    """On a free port of this machine, from `with` to the end of it. `requests` counts the requests by operation."""

    def __init__(self, bucket: str = "landing") -> None:
        super().__init__(bucket)
        self.requests: Counter[str] = Counter()
        self._mishaps: deque[str] = deque()

    def __enter__(self) -> "ListingServer":
        self._http = _HttpServer(self)
        self._thread = threading.Thread(target=partial(self._http.serve_forever, poll_interval=0.02))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        self._http.close_connections()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def client(self, attempts: int = 1) -> Any:
        """A boto3 client that tries each request so often before it gives up."""
        config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            s3={"addressing_style": "path"},
            max_pool_connections=32,
        )
        return _session().client("s3", endpoint_url=self.endpoint, config=config)

    def fail_next(self, count: int, how: str = "503", after: int = 0) -> None:
        """After the next `after` requests, so many fail, as one of MISHAPS."""
        assert how in MISHAPS, f"{how!r} is none of {MISHAPS}"
        with self._changing:
            self._mishaps = deque([""] * after + [how] * count)

    def recover(self) -> None:
        """What has not failed yet will not."""
        with self._changing:
            self._mishaps.clear()

    def count(self, operation: str) -> str:
        """Counts a request, and says what is to happen to it: one of MISHAPS, or nothing."""
        with self._changing:
            self.requests[operation] += 1
            return self._mishaps.popleft() if self._mishaps else ""


@cache
def _session() -> boto3.Session:
    """It reads S3's service model, which takes most of the time that a client's making takes."""
    return boto3.Session("testing", "testing", region_name="us-east-1")


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, bucket: ListingServer) -> None:
        self.bucket = bucket
        self.connections: set[Any] = set()
        super().__init__(("127.0.0.1", 0), _Request)

    def close_connections(self) -> None:
        """A client keeps its connections open as long as it lives; their threads shall not."""
        for connection in tuple(self.connections):
            self.shutdown_request(connection)


class _Request(BaseHTTPRequestHandler):
    server: _HttpServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # the client went away, or the server ends
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """A test's output is the test's."""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        asked = dict(parse_qsl(query, keep_blank_values=True))
        bucket, _, key = unquote(path).removeprefix("/").partition("/")
        operation = operation_of(self.command, key, asked)
        mishap = self.server.bucket.count(operation)
        if mishap == "dropped":
            self.close_connection = True
        elif mishap == "503":
            self._send(error_answer("SlowDown", self.path))
        else:
            try:
                found = answer(self.server.bucket, operation, bucket, key, asked, self.headers["If-Match"])
            except S3Error as error:
                found = error_answer(str(error), self.path)
            self._send(found, cut=mishap == "cut")

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - what is not known is refused in S3's words

    def _send(self, found: Answer, cut: bool = False) -> None:
        status, headers, body = found
        sent = b"" if self.command == "HEAD" else body
        self.close_connection = cut or self.command not in ("GET", "HEAD")  # the body of another was not read
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in {"Content-Type": "application/xml", **headers}.items()]
        whole = "\r\n".join([*lines, "", ""]).encode("latin-1") + sent
        self.wfile.write(whole[: len(whole) - len(sent) // 2 - 1] if cut else whole)
