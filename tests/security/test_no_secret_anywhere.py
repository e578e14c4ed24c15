"""Secrets are planted wherever an installation has some, things go right and wrong, and then everything is searched."""

import json
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from builders import contract_text
from polling import eventually
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from serving_aceite import Served, sandbox, up
from talking_pipeline import SAID, make_talk, talking_contract

pytestmark = pytest.mark.proof

LEDGER_PASSWORD = "the password of the ledger's database"

SECRETS = {
    "the AWS secret access key": "PlantedAwsSecretKey0123456789",
    "the AWS session token": "PlantedSessionToken0123456789",
    "the auth string of Prefect's API": "PlantedAuthString0123456789",
    "the value of a SecureString": "PlantedSecureString0123456789",
    LEDGER_PASSWORD: "PlantedLedgerPassword0123456789",
    "the secret of a notification webhook": "PlantedWebhookToken0123456789",
    "a variable that a contract must not read": "PlantedVariable0123456789",
    "a sensitive cell that breaks a rule": "PlantedCellOfARule",
    "a sensitive cell that cannot be read": "PlantedCellUnreadable",
    "a sensitive cell in a misshapen record": "PlantedCellMisshapen",
    "a sensitive cell that the pipeline changed": "PlantedCellChanged",
    "a sensitive cell that the query fails on": "PlantedCellOfAQuery",
    "a sensitive cell in a file without its header": "PlantedCellForAHeader",
    "a sensitive cell that a rule in free SQL answers": "1077003211",
    **SAID,
}

LEDGER = f"postgresql+psycopg://aceite:{SECRETS[LEDGER_PASSWORD]}@127.0.0.1:1/nothing"

CONTRACT = contract_text(
    "segredos",
    """
      - {name: id, logicalType: integer, required: true, primaryKey: true}
      - name: email
        logicalType: string
        classification: confidential
        logicalTypeOptions: {pattern: '^[^@]*$', maxLength: 40}
        quality: [{id: as_number, type: sql, query: "SELECT count_if(CAST(email AS integer) = 0) FROM {object} WHERE id = 6", mustBe: 0}]
      - name: salary
        logicalType: integer
        classification: restricted
        quality: [{id: highest, type: sql, query: "SELECT max(salary) FROM {object}", mustBeLessThan: 1000}]
      - {name: dia, logicalType: string, partitioned: true}
    """,  # noqa: E501 - one property a line reads best
    database="database_segredos",
    override='[{parameter: /segredos/_test, copy_of: /segredos, set: {key: "{key}"}}]',
    steps='[{run_glue_job: jobsegredos, arguments: {--key: "{key}"}, within: 5m}]',
    partition='{dia: "{business_date:%Y%m%d}"}',
)

HEADER = "id,email,salary\n"
FILES = {
    "good": (HEADER + "1,anybody,10\n", None, "accepted"),
    "rule": (HEADER + f"1,{SECRETS['a sensitive cell that breaks a rule']}@x,10\n", None, "rejected"),
    "unreadable": (HEADER + f"1,a,{SECRETS['a sensitive cell that cannot be read']}\n", None, "rejected"),
    "misshapen": (HEADER + f"1,{SECRETS['a sensitive cell in a misshapen record']},10,4\n", None, "rejected"),
    "changed": (HEADER + f"1,{SECRETS['a sensitive cell that the pipeline changed']},10\n", "cell-changed", "rejected"),
    "query": (HEADER + f"6,{SECRETS['a sensitive cell that the query fails on']},10\n", None, "inconclusive"),
    "headless": (f"1,{SECRETS['a sensitive cell in a file without its header']},10\n2,b,20\n", None, "rejected"),
    "answer": (HEADER + f"1,a,{SECRETS['a sensitive cell that a rule in free SQL answers']}\n", None, "rejected"),
    "glue": (HEADER + "1,a,10\n", "glue-failure", "inconclusive"),
}
TALKING = {"cells": "confidential", "words": "public"}
"""Datasets whose function and job talk: of the rows of a classified column, and of what is a secret anywhere."""
SPOKEN = {f"{dataset}-{ends}": "inconclusive" for dataset in TALKING for ends in ("answers", "raises")}
VERDICTS = {name: verdict for name, (_, _, verdict) in FILES.items()} | SPOKEN


@dataclass
class Scene:
    served: Served
    s3: Any
    told: list[str]
    outputs: dict[str, str] = field(default_factory=dict)


@contextmanager
def refusing_webhook() -> Iterator[tuple[str, list[str]]]:
    """Its address, and the paths at which it was told; it answers that it failed."""
    told: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(self.path)
            self.send_response(500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing of it on standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listener.server_port}/{{{{token}}}}", told
        listener.shutdown()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home, contracts = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("contracts")
    (contracts / "segredos.odcs.yaml").write_text(CONTRACT, encoding="utf-8")
    for dataset, classification in TALKING.items():
        text = talking_contract(dataset, classification)
        (contracts / f"{dataset}.odcs.yaml").write_text(text, encoding="utf-8")
    with sandbox(home, contracts) as endpoint, refusing_webhook() as (webhook, told):
        environment = {
            "ACEITE_AWS_ENDPOINT_URL": endpoint,
            "ACEITE_AWS_REGION": "us-east-1",
            "ACEITE_AWS_ACCESS_KEY_ID": "AKIAPLANTED",
            "ACEITE_AWS_SECRET_ACCESS_KEY": SECRETS["the AWS secret access key"],
            "ACEITE_AWS_SESSION_TOKEN": SECRETS["the AWS session token"],
            "PREFECT_SERVER_API_AUTH_STRING": "admin:" + SECRETS["the auth string of Prefect's API"],
            "DATABASE_PASSWORD": SECRETS["a variable that a contract must not read"],
            "ACEITE_POLL_S": "1",
            "ACEITE_WORKERS": "2",
        }
        _secure(endpoint)
        for dataset in TALKING:
            make_talk(endpoint, dataset, of_cells=dataset == "cells")
        with up([], home, contracts, environment) as served:
            s3 = boto3.Session("any", "thing", region_name="us-east-1").client("s3", endpoint_url=endpoint)
            found = Scene(served, s3, told)
            _notify(served, webhook)
            found.outputs["apply"] = _said(served.aceite("apply", settings=_NOTIFIED))
            _drop_everything(found, tmp_path_factory.mktemp("files"))
            yield found


_NOTIFIED = {"ACEITE_NOTIFICATION_BLOCK": "custom-webhook/team"}


def _secure(endpoint: str) -> None:
    ssm: Any = boto3.Session("any", "thing", region_name="us-east-1").client("ssm", endpoint_url=endpoint)
    facts = json.loads(ssm.get_parameter(Name="/segredos")["Parameter"]["Value"])
    ssm.delete_parameter(Name="/segredos")
    facts["password"] = SECRETS["the value of a SecureString"]
    ssm.put_parameter(Name="/segredos", Type="SecureString", Value=json.dumps(facts))


def _notify(served: Served, webhook: str) -> None:
    auth = served.environment["PREFECT_SERVER_API_AUTH_STRING"]
    with temporary_settings({PREFECT_API_URL: served.api, PREFECT_API_AUTH_STRING: auth}):
        CustomWebhookNotificationBlock(
            name="team",
            url=webhook,
            secrets={"token": SECRETS["the secret of a notification webhook"]},
            json_data={"subject": "{{subject}}", "body": "{{body}}"},
        ).save("team")


def _drop_everything(scene: Scene, folder: Path) -> None:
    verdicts = {}
    for number, (name, (content, fault, _)) in enumerate(FILES.items(), 1):
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")
        metadata = {"aceite-fault": fault} if fault else {}
        key = f"segredos/202501{number:02}/{name}.csv"
        scene.s3.put_object(Bucket="landing", Key=key, Body=content.encode(), Metadata=metadata)
    for name in SPOKEN:
        key = f"{name.partition('-')[0]}/202501{20 if name.endswith('raises') else 21}/{name}.csv"
        scene.s3.put_object(Bucket="landing", Key=key, Body=b"id,email\n1,a\n")

    def judged() -> bool:
        done = scene.served.aceite("status", "--json")
        scene.outputs["status --json"] = _said(done)
        deliveries = json.loads(done.stdout)["deliveries"]
        verdicts.update({Path(item["keys"][0]).stem: item["verdict"] for item in deliveries if item["verdict"]})
        return verdicts.keys() == VERDICTS.keys()

    eventually(judged, "all verdicts", 300)
    reasons = scene.outputs["status --json"]
    assert verdicts == VERDICTS, reasons
    again = folder / "again.csv"
    again.write_text(FILES["rule"][0], encoding="utf-8")
    arguments = ("--dataset", "segredos", "--date", "2025-02-01", "--wait", "--json")
    dropped = scene.served.aceite("drop", str(again), *arguments)
    assert dropped.returncode == 1, dropped.stderr
    scene.outputs["drop --wait --json"] = _said(dropped)
    validate = scene.served.aceite("validate", "s3://landing/segredos/20250102/rule.csv", "--json")
    scene.outputs["validate --json"] = _said(validate)
    scene.outputs["evidence verify --json"] = _said(scene.served.aceite("evidence", "verify", "segredos", "--json"))
    scene.outputs["report"] = _said(scene.served.aceite("report", "segredos", "-o", "-"))
    eventually(lambda: scene.told, "the notification")


def _said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


def _leaks(texts: dict[str, bytes]) -> list[str]:
    """Also as JSON and URLs write them, which is the same: they are of letters and digits."""
    return [
        f"{what} is in {place}: ...{_around(text, secret)}..."
        for place, text in texts.items()
        for what, secret in SECRETS.items()
        if secret.encode() in text
    ]


def _around(text: bytes, secret: str) -> str:
    at = text.index(secret.encode())
    return re.sub(r"\s+", " ", text[max(0, at - 150) : at + 60].decode("utf-8", "replace"))


def test_the_planted_secrets_are_in_use(scene):
    """Or none of the tests below could fail."""
    assert any(SECRETS["the secret of a notification webhook"] in path for path in scene.told)
    credentials = scene.served.environment
    assert credentials["ACEITE_AWS_SECRET_ACCESS_KEY"] == SECRETS["the AWS secret access key"]
    evidence = {key: body for key, body in _evidence(scene).items() if key.endswith("evidence.json")}
    assert len(evidence) == len(VERDICTS) + 1
    parameters = [item for body in evidence.values() for item in json.loads(body)["parameters"]]
    assert any(item["restored"] and item["during"]["type"] == "SecureString" for item in parameters)


def test_what_was_withheld_is_said_with_the_place_where_the_whole_words_are(scene):
    steps = [
        (key.split("/")[1], step["name"].partition(" (")[0], step["status"], step["detail"])
        for key, body in _evidence(scene).items()
        if key.endswith("evidence.json")
        for step in json.loads(body)["steps"]
    ]
    for dataset, said in (("cells", "characters are withheld"), ("words", "what looks like a secret is withheld")):
        for step, kept in ((f"invoke fn{dataset}", "/aws/lambda/"), (f"run Glue job job{dataset}", "/aws-glue/")):
            details = [detail for of, name, _, detail in steps if (of, name) == (dataset, step) and said in detail]
            assert any(kept in detail for detail in details), steps
    failed = next(detail for of, _, status, detail in steps if (of, status) == ("words", "failed") and "fn" in detail)
    assert "RuntimeError" in failed
    assert "login failed for user app" in failed  # what is no secret helps whoever mends it


def test_no_log_of_any_process_holds_a_secret(scene):
    logs = {path.name: path.read_bytes() for path in scene.served.home.rglob("*.log")}
    assert {"up.log", "flows.log", "prefect-server.log", "sandbox.log"} <= logs.keys()
    assert _leaks(logs) == []


def test_no_file_of_the_home_holds_a_secret_prefects_database_least_of_all(scene):
    """Blocks are encrypted there. A database is read as its bytes, with what it has not yet folded in."""
    files = {str(path.relative_to(scene.served.home)): path for path in scene.served.home.rglob("*") if path.is_file()}
    assert any(name.endswith("prefect.db") for name in files)
    with sqlite3.connect(next(path for name, path in files.items() if name.endswith("prefect.db"))) as database:
        assert database.execute("SELECT count(*) FROM block_document").fetchone()[0] >= 4
    assert _leaks({name: path.read_bytes() for name, path in files.items()}) == []


def test_no_answer_of_prefects_api_holds_a_secret(scene):
    """Runs, their states, logs and parameters, events, artifacts, automations, blocks, deployments, settings."""
    answers: dict[str, bytes] = {}
    for what in ("flow_runs", "task_runs", "flow_run_states", "logs", "artifacts", "automations", "block_documents",
                 "deployments", "work_pools", "variables"):  # fmt: skip
        answers[what] = json.dumps(_pages(scene.served, what)).encode()
    page = scene.served.prefect("events/filter", filter={}, limit=50)
    answers["events"] = json.dumps(page).encode()
    assert page["total"] > len(FILES)
    assert len(json.loads(answers["logs"])) > len(FILES)
    assert len(json.loads(answers["artifacts"])) > len(FILES)
    assert _leaks(answers) == []


def _pages(served: Served, what: str) -> list[Any]:
    if what == "flow_run_states":
        return [run["state"] for run in _pages(served, "flow_runs")]
    found: list[Any] = []
    while page := served.prefect(f"{what}/filter", limit=200, offset=len(found)):
        found += page
        if len(page) < 200:
            break
    return found


def test_no_evidence_holds_a_secret(scene):
    assert _leaks(_evidence(scene)) == []


def _evidence(scene: Scene) -> dict[str, bytes]:
    pages = scene.s3.get_paginator("list_objects_v2").paginate(Bucket="evidence")
    keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
    return {key: scene.s3.get_object(Bucket="evidence", Key=key)["Body"].read() for key in keys}


def test_no_argument_of_any_process_holds_a_secret(scene):
    arguments = {f"{each.pid} {each.name()}": " ".join(each.cmdline()).encode() for each in scene.served.processes()}
    assert len(arguments) >= 5
    assert _leaks(arguments) == []


def test_no_output_of_any_command_holds_a_secret(scene):
    assert _leaks({name: text.encode() for name, text in scene.outputs.items()}) == []


def test_errors_about_settings_and_contracts_hold_no_secret(scene, tmp_path):
    """The commands that fail because of the very thing that is secret."""
    other = {"ACEITE_HOME": str(tmp_path), "PREFECT_API_URL": scene.served.api}
    contract = tmp_path / "contracts" / "leak.odcs.yaml"
    contract.parent.mkdir()
    contract.write_text(CONTRACT.replace("id: segredos", "id: leak\nname: ${DATABASE_PASSWORD}"), encoding="utf-8")
    key = SECRETS["the AWS secret access key"]
    tried = {
        "a ledger that does not answer": _command(scene, tmp_path, other | {"ACEITE_LEDGER_URL": LEDGER}, "status"),
        "a ledger of no known kind": _command(scene, tmp_path, other | {"ACEITE_LEDGER_URL": "x" + LEDGER}, "status"),
        "a contract that reads a secret": _command(
            scene, tmp_path, other | {"ACEITE_CONTRACTS": str(contract.parent)}, "contracts", "check"
        ),
        "a key without its other half": _command(
            scene, tmp_path, other | {"ACEITE_AWS_ACCESS_KEY_ID": "", "ACEITE_AWS_SECRET_ACCESS_KEY": key}, "status"
        ),
        "an address that is none": _command(
            scene, tmp_path, other | {"ACEITE_AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "apply"
        ),
    }
    assert [name for name, (code, _) in tried.items() if code == 0] == []
    assert "may not read the variable DATABASE_PASSWORD" in tried["a contract that reads a secret"][1].decode()
    assert _leaks({name: said for name, (_, said) in tried.items()}) == []


def _command(scene: Scene, folder: Path, settings: dict[str, str], *arguments: str) -> tuple[int, bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        capture_output=True,
        cwd=folder,
        check=False,
        env={**scene.served.environment, **settings},
    )
    return done.returncode, done.stdout + done.stderr


def test_the_ledgers_password_is_not_left_in_the_home(tmp_path):
    """What other commands find there says so, and they ask for it."""
    from blocks.settings import Settings
    from cli.serving.installation import _Parts
    from cli.terminal import Terminal

    parts = _Parts(Settings(home=tmp_path, ledger_url=LEDGER), Terminal(stderr=True))
    parts._environment["PREFECT_API_URL"] = "http://127.0.0.1:1/api"
    assert SECRETS[LEDGER_PASSWORD] not in repr(parts.describe())
