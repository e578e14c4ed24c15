"""`aceite up --sandbox` where Prefect's API asks for an auth string: all of it works, and nobody else gets in."""

import json
from collections.abc import Iterator

import httpx
import psutil
import pytest
from polling import eventually
from repository import ROOT
from serving_aceite import Served, up

pytestmark = pytest.mark.proof

USER, PASSWORD = "operator", "k3rn-Holz+umlaut/=: x"
MOVIES = ROOT / "sandbox" / "data" / "movies" / "movies.csv"
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home, contracts = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("contracts")
    (contracts / "movies.odcs.yaml").write_bytes((ROOT / "contracts" / "movies.odcs.yaml").read_bytes())
    environment = {"PREFECT_SERVER_API_AUTH_STRING": f"{USER}:{PASSWORD}", "ACEITE_WORKERS": "1"}
    with up(["--sandbox"], home, contracts, environment) as served:
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


def test_status_apply_and_validate_work_with_the_same_variable(served, dropped):
    status = json.loads(served.aceite("status", "--json").stdout)
    assert [item["verdict"] for item in status["deliveries"]] == ["accepted"]
    applied = served.aceite("apply")
    assert applied.returncode == 0, applied.stderr
    assert all(line.startswith("=") for line in applied.stdout.splitlines()), applied.stdout


@pytest.mark.parametrize("path", ["admin/version", "events/filter", "block_documents/filter", "flow_runs/filter"])
def test_without_the_auth_string_the_api_answers_401(served, path):
    send = httpx.get if path == "admin/version" else httpx.post
    assert send(f"{served.api}/{path}", timeout=30).status_code == 401
    assert send(f"{served.api}/{path}", timeout=30, auth=(USER, "wrong")).status_code == 401
    assert send(f"{served.api}/{path}", timeout=30, auth=(USER, PASSWORD)).status_code in (200, 422)


def test_prefects_page_is_there_and_asks_for_the_auth_string(served):
    root = served.api.removesuffix("/api")
    assert "<html" in httpx.get(f"{root}/", timeout=30, follow_redirects=True).text.lower()
    settings = httpx.get(f"{root}/ui-settings", timeout=30).json()
    assert settings["auth"] == "BASIC"
    assert PASSWORD not in json.dumps(settings)


def test_everything_listens_on_loopback_only(served):
    listening = [
        (process.pid, connection.laddr.ip)
        for process in served.processes()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 3  # the sandbox, Prefect's server, the sign of life
    assert [found for found in listening if found[1] not in LOOPBACK] == []


def test_a_wrong_auth_string_and_none_are_told_with_what_to_set(served):
    wrong = served.aceite("apply", settings={"PREFECT_API_AUTH_STRING": "operator:wrong"})
    assert wrong.returncode == 64
    assert "its value here is another one: set it to" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    none = served.aceite("apply", settings={"PREFECT_SERVER_API_AUTH_STRING": ""})
    assert none.returncode == 64
    assert "it is not set here: set it to the user:password" in none.stderr
    assert "wrong" not in wrong.stderr.replace("wrong_auth", "")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"PREFECT_API_AUTH_STRING": "other:one"},
            "PREFECT_API_AUTH_STRING differs from PREFECT_SERVER_API_AUTH",
        ),
        ({"PREFECT_SERVER_API_AUTH_STRING": "other:öne"}, "has characters that are not ASCII"),
    ],
)
def test_what_could_not_work_is_refused_before_the_server_starts(served, tmp_path, settings, said):
    other = Served(served.process, tmp_path, served.contracts, served.environment, served.auth)
    refused = other.aceite("up", "--sandbox", "--aws-port", "0", "--prefect-port", "0", settings=settings)
    assert refused.returncode == 64
    assert said in refused.stderr
    assert not any(secret in refused.stderr for secret in ("other:", PASSWORD))
