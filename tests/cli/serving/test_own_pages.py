"""The embedded Prefect server and web pages: what a browser asks for them is refused, on every path."""

import http.client
import json
import socket
from base64 import b64encode
from urllib.parse import urlsplit

import httpx
import pytest
from auth_strings import AUTH_STRING
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

SECRETS = {"include_secrets": True}


@pytest.fixture(scope="module")
def port(prefect_server: str) -> int:
    return int(urlsplit(prefect_server).port or 0)


def ask(port: int, method: str, path: str, body: object = None, **headers: str | None) -> http.client.HTTPResponse:
    """The answer to a request with these headers alone; `None` leaves one out."""
    content = json.dumps(body) if body is not None else None
    given = {"Host": f"127.0.0.1:{port}", "Content_Type": "application/json" if content else None, **headers}
    given["Authorization"] = f"Basic {b64encode(AUTH_STRING.encode()).decode()}"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in given.items():
        if value is not None:
            connection.putheader(name.replace("_", "-"), value)
    connection.putheader("Content-Length", str(len(content or "")))
    connection.endheaders(content.encode() if content else None)
    answer = connection.getresponse()
    answer.read()
    return answer


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "http://127.0.0.1:1",
        "http://localhost",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1:{port}.evil.example",
        "http://evil.example:{port}",
        "http://[::1]:{port}",
        "file://",
    ],
)
def test_a_page_of_another_origin_is_refused_whatever_it_asks_for(port: int, origin: str) -> None:
    given = origin.format(port=port)
    for method, path in (
        ("POST", "/api/block_documents/filter"),
        ("GET", "/api/health"),
        ("DELETE", "/api/flow_runs/1"),
        ("GET", "/"),
        ("GET", "/ui-settings"),
    ):
        answer = ask(port, method, path, SECRETS if method == "POST" else None, Origin=given)
        assert (path, answer.status, answer.getheader("Access-Control-Allow-Origin")) == (path, 403, None)
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type"}
    preflight = ask(port, "OPTIONS", "/api/block_documents/filter", Origin=given, **asked)
    assert (preflight.status, preflight.getheader("Access-Control-Allow-Origin")) == (403, None)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1.evil.example:{port}",
        "localhost.:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.1:{port}",
        "0.0.0.0:{port}",
        "[::ffff:127.0.0.1]:{port}",
        "user@127.0.0.1:{port}",
        "127.0.0.1:{port}, evil.example",
    ],
)
def test_a_name_that_is_made_to_lead_here_is_refused(port: int, host: str | None) -> None:
    given = host.format(port=port) if host is not None else None
    for path in ("/api/health", "/", "/ui-settings"):
        assert ask(port, "GET", path, Host=given).status in (400, 421)  # 400: no HTTP that a server reads


def test_two_hosts_are_refused(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        hosts = f"Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n"
        connection.sendall(f"GET /api/health HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n".encode())
        assert connection.recv(12) in (b"HTTP/1.1 400", b"HTTP/1.1 421")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LocalHost"])
def test_the_ui_of_this_server_may_ask_under_both_of_its_names(port: int, name: str) -> None:
    origin = f"http://{name.lower()}:{port}"
    answer = ask(port, "POST", "/api/block_documents/filter", SECRETS, Host=f"{name}:{port}", Origin=origin)
    assert (answer.status, answer.getheader("Access-Control-Allow-Origin")) == (200, origin)
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization,content-type"}
    preflight = ask(port, "OPTIONS", "/api/block_documents/filter", Origin=origin, **asked)
    assert (preflight.status, preflight.getheader("Access-Control-Allow-Origin")) == (200, origin)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_page_sends_without_an_origin_is_refused_but_for_links_to_the_ui(port: int, site: str) -> None:
    image = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"}
    link = {"Accept": "text/html", "Sec_Fetch_Site": site, "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert ask(port, "GET", "/api/health", **image).status == 403
    assert ask(port, "GET", "/", **image).status == 403
    assert ask(port, "GET", "/api/health", **link).status == 403
    assert ask(port, "POST", "/api/block_documents/filter", SECRETS, **link).status == 403
    assert ask(port, "GET", "/", **{**link, "Sec_Fetch_Dest": "iframe"}).status == 403
    assert ask(port, "GET", "/runs", **link).status == 200
    typed = {**link, "Sec_Fetch_Site": "none"}
    assert ask(port, "GET", "/runs", **typed).status == 200


@pytest.mark.parametrize("kind", ["text/plain", "Text/Plain; charset=utf-8", "application/x-www-form-urlencoded"])
def test_a_form_of_an_old_browser_that_names_no_origin_is_refused(port: int, kind: str) -> None:
    assert ask(port, "POST", "/api/block_documents/filter", SECRETS, Content_Type=kind).status == 415


def test_a_websocket_of_another_page_is_refused_at_its_handshake(port: int) -> None:
    url = f"ws://127.0.0.1:{port}/api/events/in"
    with pytest.raises(InvalidStatus, match="403"):
        connect(url, origin="https://evil.example", subprotocols=["prefect"])  # type: ignore[arg-type,list-item]
    own = f"http://127.0.0.1:{port}"
    with (
        connect(url, origin=own, subprotocols=["prefect"]),  # type: ignore[arg-type,list-item]
        connect(url, subprotocols=["prefect"]),  # type: ignore[list-item]
    ):
        pass


def test_the_refusal_says_what_to_do(port: int) -> None:
    told = httpx.get(f"http://127.0.0.1:{port}/api/health", headers={"Host": "prefect.example"})
    assert f"127.0.0.1:{port} or localhost:{port} only: use that name" in told.text
