"""`aceite up` on an account: Prefect's API asks for a password that nobody had to choose, and all of it works."""

import importlib.util
import json
import os
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import psutil
import pytest
from polling import eventually
from repository import ROOT
from serving_aceite import Served, sandbox, up

pytestmark = pytest.mark.proof

MOVIES = ROOT / "sandbox" / "data" / "movies" / "movies.csv"
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
PICTURES = ROOT / "docs" / "pictures"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The credentials are not those of `--sandbox`, so Aceite takes them for somebody's own."""
    home, contracts = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("contracts")
    (contracts / "movies.odcs.yaml").write_bytes((ROOT / "contracts" / "movies.odcs.yaml").read_bytes())
    with sandbox(tmp_path_factory.mktemp("sandbox"), contracts) as endpoint:
        environment = {
            "ACEITE_AWS_ENDPOINT_URL": endpoint,
            "ACEITE_AWS_REGION": "us-east-1",
            "ACEITE_AWS_ACCESS_KEY_ID": "AKIAOFSOMEBODY",
            "ACEITE_AWS_SECRET_ACCESS_KEY": "OfSomebody",
            "ACEITE_POLL_S": "1",
            "ACEITE_WORKERS": "1",
        }
        with up([], home, contracts, environment) as served:
            yield served


@pytest.fixture(scope="module")
def dropped(served: Served) -> dict[str, object]:
    found = served.aceite(
        "drop", str(MOVIES), "--dataset", "sor-imdb-movies", "--date", "2025-01-02", "--wait", "--json"
    )
    assert found.returncode == 0, found.stderr
    (delivery,) = json.loads(found.stdout)["deliveries"]
    return delivery


def test_a_dropped_file_is_judged_by_a_run_that_the_automation_created(served, dropped):
    assert dropped["verdict"] == "accepted"
    runs = served.prefect("flow_runs/filter", flows={"name": {"any_": ["validate-delivery"]}})
    automations = {item["id"]: item["name"] for item in served.prefect("automations/filter")}
    (run,) = runs
    assert run["created_by"]["type"] == "AUTOMATION"
    assert automations[run["created_by"]["id"]].startswith("Aceite: validate ")
    told = eventually(
        lambda: served.prefect("events/filter", filter={"event": {"name": ["delivery.accepted"]}})["events"],
        "the verdict's event",
    )
    assert len(told) == 1


def test_status_apply_and_doctor_find_the_password_by_themselves(served, dropped):
    status = json.loads(served.aceite("status", "--json").stdout)
    assert [item["verdict"] for item in status["deliveries"]] == ["accepted"]
    applied = served.aceite("apply")
    assert applied.returncode == 0, applied.stderr
    assert all(line.startswith("=") for line in applied.stdout.splitlines()), applied.stdout
    findings = json.loads(served.aceite("doctor", "--within", "60", "--json").stdout)["findings"]
    found = {each["name"]: each["outcome"] for each in findings}
    assert (found["Prefect server"], found["circuit breaker"]) == ("green", "green")
    assert found["password of Prefect's server"] == "green"


@pytest.mark.parametrize("path", ["admin/version", "events/filter", "block_documents/filter", "flow_runs/filter"])
def test_without_the_password_the_api_answers_401(served, path):
    user, password = served.auth
    send = httpx.get if path == "admin/version" else httpx.post
    assert send(f"{served.api}/{path}", timeout=30).status_code == 401
    assert send(f"{served.api}/{path}", timeout=30, auth=(user, "wrong")).status_code == 401
    assert send(f"{served.api}/{path}", timeout=30, auth=(user, password)).status_code in (200, 422)


def test_the_password_is_in_a_file_of_its_owner_alone_and_nowhere_else(served, dropped):
    _, password = served.auth
    assert len(password) >= 40
    file = served.home / "prefect-auth-string"
    if os.name != "nt":
        assert file.stat().st_mode & 0o777 == 0o600
    texts = {path: path.read_bytes() for path in served.home.rglob("*") if path.is_file() and path != file}
    assert {"up.log", "running.json", "prefect-server.log", "flows.log"} <= {path.name for path in texts}
    assert [path for path, text in texts.items() if password.encode() in text] == []
    assert not any(password in " ".join(process.cmdline()) for process in served.processes())
    assert password not in served.aceite("status", "--json").stdout


def test_it_is_said_once_where_the_password_is(served):
    said = " ".join((served.home / "up.log").read_text(encoding="utf-8").split())
    assert said.count("prefect-auth-string") == 1
    assert "paste it where the page asks" in said


def test_prefects_page_is_there_and_asks_for_the_password(served):
    root = served.api.removesuffix("/api")
    page = httpx.get(f"{root}/", timeout=30, follow_redirects=True, headers={"Accept": "text/html"})
    assert "<html" in page.text.lower()
    settings = httpx.get(f"{root}/ui-settings", timeout=30).json()
    assert settings["auth"] == "BASIC"
    assert served.auth[1] not in json.dumps(settings)


def browser() -> Any:
    """The module that drives the browser of the documentation's pictures."""
    spec = importlib.util.spec_from_file_location("browser", PICTURES / "browser.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LOGIN = """
(() => {
  const field = document.querySelector("input[type=password]");
  if (!field) return false;
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
  set.call(field, %s);
  field.dispatchEvent(new Event("input", {bubbles: true}));
  field.dispatchEvent(new Event("change", {bubbles: true}));
  const button = [...document.querySelectorAll("button")].find(b => /log ?in/i.test(b.textContent));
  button.click();
  return true;
})()
"""


@pytest.mark.skipif(browser().find_browser() is None, reason="not installed: a Chromium, Chrome or Edge")
def test_a_person_logs_in_with_the_line_of_the_file(served, dropped):
    line = (served.home / "prefect-auth-string").read_text(encoding="utf-8").strip()
    root = served.api.removesuffix("/api")
    with browser().browser_page(browser().find_browser()) as page:
        page.show(f"{root}/runs", 1280, 860)
        page.wait(LOGIN % json.dumps(line))
        page.wait("document.body.innerText.includes('sor-imdb-movies')")


EVIL = """<title>waiting</title><script>
const api = %s, headers = {"Content-Type": "application/json", "Authorization": %s};
const blocks = fetch(api + "/block_documents/filter", {method: "POST", body: '{"include_secrets": true}', headers});
const health = fetch(api + "/health");
const socket = new Promise((opened, failed) => {
  const socket = new WebSocket(api.replace("http", "ws") + "/events/out", "prefect");
  socket.onopen = opened; socket.onerror = failed;
});
Promise.any([blocks, health, socket])
  .then(found => document.title = "read " + found, () => document.title = "refused");
</script>"""


@pytest.mark.skipif(browser().find_browser() is None, reason="not installed: a Chromium, Chrome or Edge")
def test_a_page_of_another_port_gets_nothing_from_a_real_browser_though_it_knows_the_password(served):
    basic = f"Basic {b64encode(':'.join(served.auth).encode()).decode()}"
    evil = (EVIL % (json.dumps(served.api), json.dumps(basic))).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(evil)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
        Thread(target=site.serve_forever, daemon=True).start()
        with browser().browser_page(browser().find_browser()) as page:
            page.show(f"http://127.0.0.1:{site.server_port}/", 400, 400)
            page.wait("document.title !== 'waiting'")
            title = page.value("document.title")
        site.shutdown()
    assert title == "refused"


def test_everything_listens_on_loopback_only(served):
    listening = [
        (process.pid, connection.laddr.ip)
        for process in served.processes()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 2  # Prefect's server, the sign of life
    assert [found for found in listening if found[1] not in LOOPBACK] == []


def test_a_wrong_password_and_none_are_told_with_what_to_set(served, tmp_path):
    """By a command that does not know the home, as one of another user."""
    elsewhere = Served(served.process, tmp_path, served.contracts, served.environment)
    asked = {"PREFECT_API_URL": served.api}
    right = elsewhere.aceite("apply", "--dry-run", settings={**asked, "PREFECT_API_AUTH_STRING": ":".join(served.auth)})
    assert right.returncode == 0, right.stderr
    wrong = elsewhere.aceite("apply", settings={**asked, "PREFECT_API_AUTH_STRING": "operator:wrong"})
    assert wrong.returncode == 64
    assert "its value here is another one: set it to" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    none = elsewhere.aceite("apply", settings=asked)
    assert none.returncode == 64
    assert "it is not set here: set it to the user:password" in none.stderr


@pytest.mark.parametrize(
    ("settings", "options", "said"),
    [
        (
            {"PREFECT_SERVER_API_AUTH_STRING": "a:b", "PREFECT_API_AUTH_STRING": "other:one"},
            (),
            "PREFECT_API_AUTH_STRING differs from PREFECT_SERVER_API_AUTH",
        ),
        ({"PREFECT_SERVER_API_AUTH_STRING": "other:öne"}, (), "has characters that are not ASCII"),
        ({"PREFECT_SERVER_API_AUTH_STRING": "other:one"}, ("--no-auth",), "--no-auth contradicts"),
    ],
)
def test_what_could_not_work_is_refused_before_the_server_starts(served, tmp_path, settings, options, said):
    other = Served(served.process, tmp_path, served.contracts, served.environment)
    refused = other.aceite("up", "--sandbox", "--aws-port", "0", "--prefect-port", "0", *options, settings=settings)
    assert refused.returncode == 64
    assert said in refused.stderr
    assert not any(secret in refused.stderr for secret in ("other:", "a:b"))
