"""`aceite doctor` finds what is wrong with Prefect's server and what it holds; and the whole command, green and red."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from builders import a_delivery
from prefect.automations import AutomationCore
from prefect.client.orchestration import get_client
from prefect.context import _temporary_global_settings_context, get_settings_context
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Running, Scheduled
from prefect_aws import S3Bucket
from prefect_database import with_tables
from repository import CONTRACTS, ROOT
from served_flows import become_served, eventually_green, give_sign_of_life

from acceptance.evidence.object_keys import parameter_locks_prefix
from automations.apply import apply
from blocks import names
from blocks.settings import SANDBOX_ACCESS_KEY, Settings, read_settings
from cli.doctor.clients import DoctorClients
from cli.doctor.looks import prefect as prefect
from cli.doctor.looks.findings import Look, LookOutcome, PolledDeployment, served
from cli.doctor.plan import of_installation
from cli.serving.child_process import ChildProcess
from flows.installation.clients import clients_of
from flows.installation.contracts import contracts_of
from flows.locks.holder import this_holder
from flows.locks.overrides import Overrides
from flows.prefect_api.switches import switch_name
from sandbox.pipeline.provision import provision
from sandbox.server import LocalAws

TOGETHER = "validate-deliveries/aceite-validation-together"
PARAMETER = "/stage/nycflights13/flights/_test"
SWITCH = switch_name("nyc-flights")
"""The automation that runs the validations of one of the shipped contracts."""


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prefect server on which nothing was applied yet; this process uses it as its own."""
    home = with_tables(tmp_path_factory.mktemp("prefect"))
    environment = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    environment.pop("PREFECT_API_URL", None)
    child = ChildProcess(
        "Prefect's server", ("cli.serving.prefect_server", "--port", "0"), environment, home / "server.log"
    )
    try:
        api = child.await_ready(180)
        with temporary_settings({PREFECT_API_URL: api}), _temporary_global_settings_context(get_settings_context()):
            yield api
    finally:
        child.stop()


@pytest.fixture(scope="module")
def environment(aws: LocalAws, server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the command is told."""
    return {
        "ACEITE_HOME": str(tmp_path_factory.mktemp("home")),
        "ACEITE_CONTRACTS": str(CONTRACTS),
        "ACEITE_AWS_ENDPOINT_URL": aws.endpoint,
        "ACEITE_AWS_ACCESS_KEY_ID": SANDBOX_ACCESS_KEY,
        "ACEITE_AWS_SECRET_ACCESS_KEY": "very-secret",
        "ACEITE_AWS_REGION": "us-east-1",
        "PREFECT_API_URL": server,
    }


@pytest.fixture(scope="module")
def settings(environment: dict[str, str]) -> Settings:
    ours = environment.items()
    return read_settings(**{name.removeprefix("ACEITE_").lower(): value for name, value in ours if "ACEITE" in name})


@pytest.fixture(scope="module")
def applied(aws: LocalAws, settings: Settings) -> Settings:
    """Everything is there that the contracts name, in AWS and on Prefect's server."""
    provision(boto3.Session("testing", "testing", region_name="us-east-1"), aws.endpoint, contracts_of(settings))
    apply(settings, contracts_of(settings))
    return settings


Looks = Callable[[str], Look]


def looks(settings: Settings) -> Looks:
    """Looks at the precondition of this name. What `aceite apply` would change is found out once for all of them."""
    every = {each.name: each for each in of_installation(settings, contracts_of(settings), DoctorClients(settings))}
    return lambda name: every[name].look()


@pytest.fixture(scope="module")
def look(applied: Settings) -> Looks:
    return looks(applied)


@pytest.fixture(scope="module")
def look_after_tampering(look: Looks, applied: Settings) -> Looks:
    """What is seen after somebody changed a block and an automation by hand, and deleted a deployment.

    Nothing is put back, so the tests that take this are the last ones.
    """
    for name in ("blocks", "automations", "deployments"):
        green(look(name))
    block = S3Bucket.load(names.EVIDENCE)
    block.bucket_name = "another"
    block.save(names.EVIDENCE, overwrite=True)
    with get_client(sync_client=True) as client:
        (automation,) = client.read_automations_by_name(SWITCH)
        said = {field: getattr(automation, field) for field in AutomationCore.model_fields if field != "owner_resource"}
        client.update_automation(automation.id, AutomationCore(**{**said, "description": "changed by hand"}))
        client.delete_deployment(client.read_deployment_by_name(TOGETHER).id)
    after = looks(applied)
    return {name: after(name) for name in ("blocks", "automations", "deployments")}.__getitem__


def red(seen: Look, found: str, *remedy: str) -> None:
    assert seen.outcome is LookOutcome.RED, seen
    assert found in seen.found
    for part in remedy:
        assert part in seen.remedy


def green(seen: Look, found: str = "") -> None:
    assert seen.outcome is LookOutcome.GREEN, seen
    assert found in seen.found


@contextmanager
def answering(status: int, body: Any) -> Iterator[str]:
    """A server that has one answer, and its API's address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815  # the name that http.server asks for

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{other.server_address[1]}/api"
        other.shutdown()


def run_doctor(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli.main", "doctor", "--within", "60", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT), "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_what_was_never_applied_is_missing_and_each_thing_is_named(server, settings):
    seen = looks(settings)
    red(seen("blocks"), "block aceite-aws is missing; block aceite-landing is missing", "`aceite apply`")
    red(seen("deployments"), "deployment watch-landing/aceite-watcher is missing", "`aceite apply`")
    red(seen("automations"), f"automation {SWITCH} is missing", "`aceite apply`")


def test_an_automation_that_somebody_switched_off_is_named_with_what_switches_it_on(look):
    green(look("automations are on"))
    with get_client(sync_client=True) as client:
        (automation,) = client.read_automations_by_name(SWITCH)
        client.pause_automation(automation.id)
        seen = look("automations are on")
        client.resume_automation(automation.id)
    red(seen, SWITCH, f'`prefect automation resume "{SWITCH}"`')


def test_a_notification_block_that_is_not_there_is_told_with_its_type_and_name(look, applied):
    seen = look("notification block")
    assert (seen.outcome, "nobody is notified" in seen.found) == (LookOutcome.YELLOW, True)
    assert "ACEITE_NOTIFICATION_BLOCK=slack-webhook/alerts" in seen.remedy
    wanted = applied.model_copy(update={"notification_block": "slack-webhook/squad-sor"})
    seen = looks(wanted)("notification block")
    red(seen, "slack-webhook/squad-sor", "the type slack-webhook", "squad-sor", "Blocks")


def test_flows_that_nobody_serves_are_named_with_how_to_serve_them(look):
    red(look("flows are served"), "watch-landing/aceite-watcher (never polled)", "`aceite up`")
    become_served()
    green(eventually_green(lambda: look("flows are served")), "all 3")


def press(*requests: tuple[str, str, Any]) -> None:
    with get_client(sync_client=True) as client:
        for method, path, body in requests:
            client.request(method, path, json=body).raise_for_status()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "pressed", "undone", "found"),
    [
        ("/work_pools/{pool}", {"is_paused": True}, {"is_paused": False}, "the work pool {pool} is paused"),
        (
            "/work_pools/{pool}",
            {"concurrency_limit": 0},
            {"concurrency_limit": None},
            "the work pool {pool} has a concurrency limit of 0",
        ),
        ("/work_pools/{pool}/queues/default", {"is_paused": True}, {"is_paused": False}, "the work queue default of"),
        ("/deployments/{id}", {"paused": True}, {"paused": False}, "the deployment aceite-validation is paused"),
        (
            "/deployments/{id}",
            {"concurrency_limit": 1, "concurrency_options": {"collision_strategy": "CANCEL_NEW"}},
            {"concurrency_limit": None, "concurrency_options": None},
            "the deployment aceite-validation has a concurrency limit that cancels new runs (CANCEL_NEW)",
        ),
    ],
)
def test_a_button_that_holds_back_all_runs_is_named_with_what_it_holds(look, path, pressed, undone, found):
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("validate-delivery/aceite-validation")
    names = {"pool": deployment.work_pool_name, "id": deployment.id}
    press(("PATCH", path.format(**names), pressed))
    try:
        red(look("runs may begin"), found.format(**names), "announced")
    finally:
        press(("PATCH", path.format(**names), undone))
    green(look("runs may begin"))


def test_a_run_that_should_have_begun_a_while_ago_is_told_with_how_long_it_waits(look):
    green(look("runs begin in time"))
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("validate-delivery/aceite-validation")
        an_hour_ago = datetime.now(UTC) - timedelta(hours=1, seconds=1)
        late = client.create_flow_run_from_deployment(deployment.id, state=Scheduled(scheduled_time=an_hour_ago))
        seen = look("runs begin in time")
        client.delete_flow_run(late.id)
    red(seen, "runs that should have begun: 1, the first one 60 minutes ago", "`runs may begin`", "--workers")


def test_a_watcher_that_is_late_is_told_unless_another_one_watches(look):
    """Somebody who pressed Quick run twice made watchers that begin when the others end, and nothing is missing."""
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    with get_client(sync_client=True) as client:
        watcher = client.read_deployment_by_name("watch-landing/aceite-watcher")
        late = client.create_flow_run_from_deployment(watcher.id, state=Scheduled(scheduled_time=an_hour_ago))
        alone = look("runs begin in time")
        watches = client.create_flow_run_from_deployment(watcher.id, state=Running())
        beside = look("runs begin in time")
        for run in (late, watches):
            client.delete_flow_run(run.id)
    red(alone, "runs that should have begun: 1")
    green(beside)


def test_flows_of_a_work_pool_whatever_its_name_want_a_worker_of_that_pool():
    polled = PolledDeployment("validate-delivery/aceite-validation", "aceite-ecs", None)
    seen = served([polled], datetime.now(UTC), timedelta(minutes=1))
    red(seen, "validate-delivery/aceite-validation (never polled)", "`prefect worker start --pool aceite-ecs`")
    assert "aceite up" not in seen.remedy


def test_a_watcher_without_a_sign_of_life_is_told(look):
    red(look("watcher"), "no heartbeat", "`aceite up`", "watch-landing")
    give_sign_of_life()
    green(eventually_green(lambda: look("watcher")), "the last heartbeat was")


def test_a_watcher_that_was_heard_and_is_silent_now_is_told_with_how_long(look):
    give_sign_of_life()
    green(eventually_green(lambda: look("watcher")))
    red(prefect.watched(lambda: datetime.now(UTC) + timedelta(minutes=5)), "heartbeat of a watcher was 5 minutes ago")


def test_a_parameter_that_a_dead_run_left_changed_is_told_and_so_is_a_lock_that_nobody_obeys(look, applied):
    green(look("parameters are restored"), "no parameter is changed by a run that is over")
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    clients = clients_of(applied)
    doomed = Overrides(clients, this_holder().model_copy(update={"pid": dead.pid}), logging.getLogger("doomed"))
    lock = doomed.lock(a_delivery(dataset="nyc-flights"), PARAMETER, None, timedelta(hours=1))
    overridden = doomed.override(lock, {"a": "changed"})
    seen = look("parameters are restored")
    red(seen, f"not restored: {PARAMETER}, by run None of nyc-flights", "`watcher`", f"--name {PARAMETER}")
    doomed.give_back(overridden)
    green(look("parameters are restored"))

    prefix = parameter_locks_prefix(clients.caller.account, "us-east-1")
    clients.evidence_s3.put_object(Bucket="evidence", Key=f"{prefix}anybody.json", Body=b"{}")
    red(
        look("parameters are restored"),
        f"{prefix}anybody.json is a lock that is not obeyed",
        "when-a-delivery-is-stuck",
    )
    clients.evidence_s3.delete_object(Bucket="evidence", Key=f"{prefix}anybody.json")


def test_a_server_that_does_not_answer_is_told(server):
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        red(prefect.server(), "http://127.0.0.1:9/api does not answer", "`aceite up`", "PREFECT_API_URL")


def test_without_a_server_in_the_profile_it_is_said_how_to_get_one(server):
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        red(prefect.server(), "no Prefect server is chosen", "`aceite up`", "prefect profile use")


def test_a_server_of_another_version_is_told_with_both_versions(server):
    import prefect as installed

    here = installed.__version__
    green(prefect.server(), here)
    with answering(200, "3.1.4") as api, temporary_settings({PREFECT_API_URL: api}):
        red(prefect.server(), f"Prefect 3.1.4, and here is {here}", f'pip install "prefect=={here}"` there')
    with answering(200, "3.99.0") as api, temporary_settings({PREFECT_API_URL: api}):
        red(prefect.server(), "this version of Aceite takes prefect<", f'pip install "prefect=={here}"` there')
    with answering(200, "3.9.7") as api, temporary_settings({PREFECT_API_URL: api}):
        red(prefect.server(), "3.9.7", 'pip install "prefect==3.9.7"` here')


def test_a_server_that_asks_for_a_password_is_told_with_the_setting(server):
    with answering(401, {}) as api, temporary_settings({PREFECT_API_URL: api}):
        red(prefect.server(), "requires credentials", "PREFECT_API_AUTH_STRING")
    with answering(404, {}) as api, temporary_settings({PREFECT_API_URL: api}):
        red(prefect.server(), "answers 404", "/api")


def test_a_server_that_tells_everybody_the_credentials_is_told_unless_they_are_the_sandbox_s(look, applied):
    green(look("password of Prefect's server"), "the credentials are the sandbox's")
    real = looks(applied.model_copy(update={"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE"}))
    seen = real("password of Prefect's server")
    red(seen, "without a password", "without --no-auth", "PREFECT_SERVER_API_AUTH_STRING=user:password")


def test_a_server_whose_own_password_stops_the_circuit_breaker_is_told_with_the_ways_out(look, applied):
    green(look("circuit breaker"))
    with answering(401, {"exception_message": "Unauthorized"}) as api, temporary_settings({PREFECT_API_URL: api}):
        red(look("circuit breaker"), "401", "a reverse proxy", "PREFECT_CLIENT_CUSTOM_HEADERS", "`aceite up`")
        green(look("password of Prefect's server"), "nobody reads")
    with answering(401, "a proxy's") as api, temporary_settings({PREFECT_API_URL: api}):
        green(look("circuit breaker"))


def test_where_all_is_well_no_line_is_red_what_is_advised_is_told_and_the_exit_code_is_0(look, environment, tmp_path):
    become_served()
    give_sign_of_life()
    eventually_green(lambda: look("watcher"))
    said = run_doctor(tmp_path, environment, "--json")
    document = json.loads(said.stdout)
    unlike = {each["name"]: each for each in document["findings"] if each["outcome"] != "green"}
    assert {name: each["outcome"] for name, each in unlike.items()} == {
        "retention of evidence": "yellow",
        "notification block": "yellow",
    }
    assert "nothing to do here" in unlike["retention of evidence"]["remedy"]
    assert (document["green"], said.returncode) == (True, 0)
    lines = [each["name"] for each in document["findings"]]
    assert lines[:4] == ["contracts", "ledger", "disk", "clock"]
    work = ["landing is listed", "announcements", "deliveries are taken", "contracts of deliveries"]
    assert lines[-7:] == ["flows are served", "watcher", *work, "parameters are restored"]
    assert "very-secret" not in said.stdout + said.stderr
    (deployments,) = (each["found"] for each in document["findings"] if each["name"] == "deployments")
    assert deployments == "1 work pool and 3 deployments are as settings and contracts require"


def test_what_fails_is_told_in_words_that_every_terminal_shows_and_the_exit_code_is_1(applied, environment, tmp_path):
    wrong = {"ACEITE_EVIDENCE_BUCKET": "nowhere", "ACEITE_NOTIFICATION_BLOCK": "slack-webhook/squad-sor"}
    said = run_doctor(tmp_path, {**environment, **wrong, "COLUMNS": "80"})
    assert said.returncode == 1
    assert said.stdout.isascii()
    lines = said.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    at = next(number for number, line in enumerate(lines) if "no bucket nowhere" in line)
    assert lines[at].startswith("FAILED")
    assert "remedy: end the sandbox and start it again" in lines[at + 1]
    text = " ".join(said.stdout.split())
    assert "not checked 4 checks were not made, because `evidence bucket` does not hold: putting evidence, " in text
    assert said.stdout.count("not made") == 2
    assert any(line.startswith("FAILED") and "no block slack-webhook/squad-sor" in line for line in lines)
    assert any(line.startswith("ok ") and "deployments" in line for line in lines)
    assert any(line.startswith("ok ") and "function lambdastartecstask" in line for line in lines)
    assert " failed, " in lines[-1]


def test_a_setting_that_cannot_be_used_is_told_first_and_its_value_is_not_repeated(tmp_path):
    said = run_doctor(tmp_path, {"ACEITE_AWS_ACCOUNT_ID": "very-secret", "ACEITE_HOME": str(tmp_path)}, "--json")
    (finding,) = json.loads(said.stdout)["findings"]
    assert (said.returncode, finding["name"], finding["outcome"]) == (1, "settings", "red")
    assert "ACEITE_AWS_ACCOUNT_ID" in finding["found"]
    assert "very-secret" not in said.stdout + said.stderr


def test_a_block_that_somebody_changed_by_hand_is_named(look_after_tampering):
    red(look_after_tampering("blocks"), "block aceite-evidence differs", "aceite apply --dry-run")


def test_an_automation_that_somebody_changed_by_hand_is_named(look_after_tampering):
    # Its description was changed, and what it runs is gone with the deployment.
    seen = look_after_tampering("automations")
    red(seen, f"{SWITCH} differs (", "`aceite apply`")
    assert "description" in seen.found


def test_a_deployment_that_is_gone_is_named(look_after_tampering):
    red(look_after_tampering("deployments"), f"{TOGETHER} is missing", "`aceite apply`")
