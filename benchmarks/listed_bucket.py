"""The bucket that detection.py has every system list: an S3 in a process of its own that only answers ListObjectsV2.

Its items are rendered when they are put, so a page takes it a fraction of the time that it takes any client. Run as a
script, it prints its endpoint, and ends when its standard input does. Beside S3's it answers two calls of its own:

    PUT /-/objects?first=2026-01-02T12:00:00Z    a key on each line of the body, each landed a second after the last
    GET /-/requests                              how many requests there were, by operation, as JSON
"""

import hashlib
import json
import subprocess
import sys
import threading
import urllib.request
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote

NAME = "landing"
_ITEM = (
    "<Contents><Key>{key}</Key><LastModified>{last_modified}</LastModified><ETag>&quot;{etag}&quot;</ETag>"
    "<Size>1048576</Size><StorageClass>STANDARD</StorageClass></Contents>"
)
_PAGE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<Name>{name}</Name><Prefix>{prefix}</Prefix><KeyCount>{count}</KeyCount><MaxKeys>{most}</MaxKeys>"
    "<EncodingType>url</EncodingType><IsTruncated>{truncated}</IsTruncated>{token}"
)
_NO_SUCH = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NotImplemented</Code><Message>%s</Message></Error>'


class Bucket:
    """The process, from `with` to the end of it."""

    def __enter__(self) -> "Bucket":
        command = [sys.executable, str(Path(__file__))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.endpoint = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def put(self, keys: Iterable[str], first: str) -> None:
        """The first key lands at that moment, each other one a second after the one before."""
        url = f"{self.endpoint}/-/objects?first={first}"
        self._call(urllib.request.Request(url, "\n".join(keys).encode(), method="PUT"))

    def list_requests(self) -> int:
        """Since the beginning. Raises AssertionError if there was a request that only a real S3 could answer."""
        requests: dict[str, int] = json.loads(self._call(urllib.request.Request(f"{self.endpoint}/-/requests")))
        assert not requests.get("refused"), f"something else than listings was asked for: {requests}"
        return requests.get("ListObjectsV2", 0)

    def _call(self, request: urllib.request.Request) -> bytes:
        with urllib.request.urlopen(request, timeout=600) as answer:
            body: bytes = answer.read()
        return body


class _Objects:
    """The keys in order, and each one's item of a listing."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self._items: dict[str, bytes] = {}
        self._keys: list[str] = []

    def put(self, keys: list[str], first: datetime) -> None:
        for second, key in enumerate(keys):
            last_modified = (first + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            version = hashlib.md5(f"{key} {last_modified}".encode(), usedforsecurity=False).hexdigest()
            item = _ITEM.format(key=quote(key), last_modified=last_modified, etag=version)
            self._items[key] = item.encode()
        self._keys = sorted(self._items)

    def page(self, asked: dict[str, str]) -> bytes:
        prefix, most = asked.get("prefix", ""), min(int(asked.get("max-keys", 1000)), 1000)
        after = asked.get("continuation-token") or asked.get("start-after", "")
        keys = self._keys
        start = max(bisect_left(keys, prefix), bisect_right(keys, after))
        end = bisect_left(keys, prefix + chr(0x10FFFF))
        found = keys[start : min(start + most, end)]
        truncated = start + len(found) < end
        token = f"<NextContinuationToken>{quote(found[-1])}</NextContinuationToken>" if truncated else ""
        head = _PAGE.format(
            name=NAME,
            prefix=quote(prefix),
            count=len(found),
            most=most,
            truncated=str(truncated).lower(),
            token=token,
        )
        return b"".join([head.encode(), *map(self._items.__getitem__, found), b"</ListBucketResult>"])


class _Request(BaseHTTPRequestHandler):
    bucket: _Objects
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        path, asked = self._asked()
        if path == "/-/requests":
            self._answer(200, json.dumps(self.bucket.requests).encode())
        elif path.rstrip("/") == f"/{NAME}" and asked.get("list-type") == "2" and not asked.get("delimiter"):
            self.bucket.requests["ListObjectsV2"] += 1
            self._answer(200, self.bucket.page(asked))
        else:
            self._refuse()

    def do_PUT(self) -> None:
        path, asked = self._asked()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if path != "/-/objects":
            self._refuse()
            return
        self.bucket.put(body.decode().splitlines(), datetime.fromisoformat(asked["first"]))
        self._answer(200, b"")

    def do_HEAD(self) -> None:
        self.bucket.requests["Head"] += 1
        self._answer(404, b"")

    def _asked(self) -> tuple[str, dict[str, str]]:
        path, _, query = self.path.partition("?")
        return unquote(path), dict(parse_qsl(query, keep_blank_values=True))

    def _refuse(self) -> None:
        self.bucket.requests["refused"] += 1
        self._answer(501, _NO_SUCH % f"{self.command} {quote(self.path)}: only listings are answered".encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def main() -> None:
    handler = type("_RequestToBucket", (_Request,), {"bucket": _Objects()})
    with _HttpServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{http.server_port}", flush=True)
        sys.stdin.read()
        http.shutdown()


if __name__ == "__main__":
    main()
