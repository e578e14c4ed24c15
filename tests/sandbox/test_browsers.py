"""The sandbox and browsers: it runs code for whoever reaches it, so it answers no web page."""

import http.client
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from sandbox.server import LocalAws

SIGNED = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=00"
FUNCTIONS = "/2015-03-31/functions"
EVIDENCE = "/evidence/deliveries/books/2026-01-01/evidence.html"
PATHS = ("/", "/landing/a.csv", FUNCTIONS, "/moto-api/reset", "/moto-api/data.json", "/_aceite/faults", EVIDENCE)
REPORTS = ("/evidence/reports/index.html", "/evidence/reports/dataset-shop-orders.html")
LINK = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD")


@pytest.fixture(scope="module")
def port(aws: LocalAws, s3: Any) -> int:
    """The port of a sandbox that has an evidence page."""
    s3.create_bucket(Bucket="evidence")
    for page in REPORTS:
        s3.put_object(Bucket="evidence", Key=page.removeprefix("/evidence/"), Body=b"<p>", ACL="public-read")
    s3.put_object(Bucket="evidence", Key=EVIDENCE.removeprefix("/evidence/"), Body=b"<p>", ACL="public-read")
    return int(urlsplit(aws.endpoint).port or 0)


def ask(port: int, method: str, path: str, headers: dict[str, str | None]) -> tuple[int, str | None]:
    """Return the status of the answer, and which page may read it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": f"127.0.0.1:{port}", **headers}.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.getheader("Access-Control-Allow-Origin")


@pytest.mark.parametrize(
    "page",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:4200"},
        {"Origin": "http://127.0.0.1:{port}"},  # of an object that somebody put there
        {"Referer": "https://evil.example/"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "cross-site", **LINK},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    ],
)
def test_whatever_a_web_page_sends_is_refused_on_every_path_by_every_method(port: int, page: dict[str, str]) -> None:
    given = {name: value.format(port=port) for name, value in page.items()}
    for method in METHODS:
        for path in PATHS:
            found = ask(port, method, path, {**given, "Authorization": SIGNED, "Access-Control-Request-Method": "POST"})
            assert (method, path, found) == (method, path, (403, None))


@pytest.mark.parametrize("host", [None, "", "evil.example", "evil.example:{port}", "localhost", "127.0.0.1:1",
                                  "127.0.0.1.evil.example:{port}", "localhost.evil.example:{port}",
                                  "s3.amazonaws.com", "localhost.:{port}", "moto_api"])  # fmt: skip
def test_a_name_that_is_made_to_lead_here_is_refused(port: int, host: str | None) -> None:
    given = host.format(port=port) if host is not None else None
    for path in PATHS:
        assert (path, ask(port, "GET", path, {"Host": given})[0]) == (path, 421)


@pytest.mark.parametrize("site", ["none", "same-site"])
def test_a_person_may_open_evidence_and_nothing_else(port: int, site: str) -> None:
    link: dict[str, str | None] = {**LINK, "Sec-Fetch-Site": site}
    assert ask(port, "GET", EVIDENCE, link)[0] == 200
    assert [ask(port, "GET", path, link)[0] for path in PATHS if path != EVIDENCE] == [403] * (len(PATHS) - 1)
    assert ask(port, "GET", f"{EVIDENCE}?Action=CreateUser", link)[0] == 403
    assert ask(port, "POST", EVIDENCE, link)[0] == 403


@pytest.mark.parametrize("path", REPORTS)
def test_a_person_may_open_the_pages_over_all_datasets_and_go_from_one_to_another(port: int, path: str) -> None:
    for site in ("none", "same-site", "same-origin"):
        assert ask(port, "GET", path, {**LINK, "Sec-Fetch-Site": site})[0] == 200
    assert ask(port, "GET", path, {**LINK, "Sec-Fetch-Site": "cross-site"})[0] == 403
    for other in (
        path.replace("html", "json"),
        path.replace("reports", "reports/x"),
        path.replace("reports", "Reports"),
    ):
        assert ask(port, "GET", other, {**LINK, "Sec-Fetch-Site": "none"})[0] == 403


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}", "http://localhost:{port}", "http://LOCALHOST:{port}"])
def test_clients_of_aws_are_answered_under_both_names(port: int, session: boto3.Session, address: str) -> None:
    s3: Any = session.client("s3", endpoint_url=address.format(port=port))
    assert "evidence" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def test_a_bucket_before_the_name_is_answered(port: int) -> None:
    for host in (f"evidence.localhost:{port}", f"evidence.s3.localhost:{port}", f"evidence.127.0.0.1:{port}"):
        assert ask(port, "GET", EVIDENCE.removeprefix("/evidence"), {"Host": host})[0] == 200
