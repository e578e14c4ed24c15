"""A page of a listing is taken for one only if it is one."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest

from acceptance.errors import StepFailed
from aws.listing import list_page, recognising


class _Proxy(BaseHTTPRequestHandler):
    """Answers with a document of its own, as a proxy does that wants somebody to log in."""

    def do_GET(self) -> None:
        body = b'<?xml version="1.0"?><Welcome/>'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def client() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        session = boto3.Session("test", "test", region_name="us-east-1")
        yield session.client("s3", endpoint_url=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def test_an_answer_that_is_no_listing_does_not_make_everything_look_gone(client):
    with pytest.raises(StepFailed, match="no listing"):
        list_page(recognising(client), "landing", "in/", "", 1000)
