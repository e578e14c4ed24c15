"""The whole path: `aceite up --sandbox`, files dropped with plain boto3, verdicts read from S3 and from Prefect.

Prefect's server asks for a password, as it does by default on an AWS account.
"""

import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from types import MappingProxyType
from typing import Any

import boto3
import httpx
import psutil
import pytest
from auth_strings import AUTH_STRING, BASIC_AUTH
from builders import contract_text
from polling import eventually
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from repository import CONTRACTS, ROOT

WITH_PASSWORD = {"PREFECT_SERVER_API_AUTH_STRING": AUTH_STRING}
FLIGHTS = ROOT / "sandbox" / "data" / "flights"
MOVIES = ROOT / "sandbox" / "data" / "movies" / "movies.csv"

BOOKS = """
apiVersion: v3.2.0
kind: DataContract
id: livros
name: Books
version: 0.1.0
status: active
servers:
  - server: landing
    type: s3
    location: "s3://landing/livraria/{store}/{business_date:%Y-%m-%d}/{file}.txt"
    format: csv
    encoding: ISO-8859-1
    customProperties: [{property: delimiter, value: ";"}]
  - {server: sor, type: athena, schema: database_livros, workgroup: primary}
schema:
  - name: livros
    properties:
      - name: isbn
        logicalType: string
        required: true
        primaryKey: true
        logicalTypeOptions: {pattern: '^[0-9]{13}$'}
      - {name: titulo, logicalType: string, required: true}
      - {name: preco, logicalType: number, physicalType: "decimal(8,2)", logicalTypeOptions: {minimum: 0}}
      - {name: loja, logicalType: string, partitioned: true, partitionKeyPosition: 1}
      - {name: dia, logicalType: date, partitioned: true, partitionKeyPosition: 2}
customProperties:
  - property: pipeline
    vendor: aceite
    value:
      steps:
        - {invoke: copylivros, payload: {key: "{key}"}, within: 1m}
        - {await_object: "s3://stage/{key}", within: 1m}
        - {run_glue_job: joblivros, arguments: {--key: "{key}"}, within: 5m}
      partition: {loja: "{store}", dia: "{business_date:%Y-%m-%d}"}
"""


NEVER = contract_text(
    "never",
    "- {name: a, logicalType: string}",
    database="database_never",
    override='[{parameter: /never/_test, set: {key: "{key}"}}]',
    steps='[{await_object: "s3://stage/never/{key}", within: 5m}, {invoke: copynever, payload: {key: "{key}"}}]',
)
"""Nobody puts the object that it awaits first: the sandbox calls no function of a contract that calls one itself."""

PARTS = contract_text(
    "partes",
    """
      - {name: id, logicalType: integer, required: true, primaryKey: true}
      - {name: dia, logicalType: string, partitioned: true}
    """,
    database="database_partes",
    delivery="{complete: marker, marker: _SUCCESS, within: 1h}",
    steps='[{run_glue_job: jobpartes, arguments: {--key: "{key}"}, within: 5m}]',
    partition='{dia: "{business_date:%Y%m%d}"}',
)

BOOK_LIST = "isbn;titulo;preco\n9788535914849;Dom Casmurro;29.90\n9788520923252;Memórias;\n".encode("latin-1")


@dataclass
class Installation:
    """A running `aceite up --sandbox`, seen from outside."""

    process: subprocess.Popen[bytes]
    home: Path
    contracts: Path
    endpoint: str
    api: str

    @property
    def s3(self) -> Any:
        session = boto3.Session("any", "thing", region_name="us-east-1")
        return session.client("s3", endpoint_url=self.endpoint)

    def parameters(self) -> set[str]:
        """The names of the SSM parameters."""
        client: Any = boto3.Session("any", "thing", region_name="us-east-1").client("ssm", endpoint_url=self.endpoint)
        return {item["Name"] for item in client.describe_parameters()["Parameters"]}

    def drop(self, key: str, body: bytes, fault: str | None = None) -> str:
        self.s3.put_object(Bucket="landing", Key=key, Body=body, Metadata={"aceite-fault": fault} if fault else {})
        return key

    def status(self, key: str) -> dict[str, Any] | None:
        """The newest revision's line of `aceite status --json`."""
        answer = self.aceite("status", "--json")
        lines = [item for item in json.loads(answer.stdout)["deliveries"] if item["keys"] == [key]]
        return max(lines, key=lambda item: item["revision"], default=None)

    def verdict(self, key: str, revision: int = 1, within_s: float = 180) -> dict[str, Any]:
        """The evidence of the key's delivery, read from S3."""
        client = self.s3

        def judged() -> dict[str, Any] | None:
            listed = client.list_objects_v2(Bucket="evidence", Prefix="deliveries/").get("Contents", ())
            for item in listed:
                if item["Key"].endswith("evidence.json"):
                    found = json.loads(client.get_object(Bucket="evidence", Key=item["Key"])["Body"].read())
                    delivery = found["delivery"]
                    if delivery["members"][0]["key"] == key and delivery["revision"] == revision:
                        return {**found, "prefix": item["Key"].removesuffix("evidence.json")}
            return None

        return eventually(judged, f"a verdict on {key}", within_s)

    @property
    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"{self.api}/", auth=BASIC_AUTH, timeout=30)

    def prefect(self, path: str, **body: Any) -> Any:
        def answered() -> httpx.Response | None:
            answer = self.client.post(path, json=body)
            # "Try again": what Prefect's server says while somebody else writes to its SQLite
            return None if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else answer.raise_for_status()

        return eventually(answered, f"an answer to {path}").json()

    def runs_of(self, flow: str, **more: Any) -> list[dict[str, Any]]:
        return self.prefect("flow_runs/filter", flows={"name": {"any_": [flow]}}, sort="START_TIME_DESC", **more)

    def events(self, name: str) -> list[dict[str, Any]]:
        return self.prefect("events/filter", filter={"event": {"name": [name]}}, limit=50)["events"]

    def aceite(
        self, *arguments: str, check: bool = True, settings: Mapping[str, str] = MappingProxyType({})
    ) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "cli.main",
            *arguments,
            "--home",
            str(self.home),
            "--contracts",
            str(self.contracts),
        ]
        environment = {**os.environ, **WITH_PASSWORD, **settings}
        result = subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", cwd=self.home, check=False, env=environment
        )
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture(scope="module")
def aceite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home, contracts = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("contracts")
    for contract in CONTRACTS.glob("*.yaml"):
        (contracts / contract.name).write_bytes(contract.read_bytes())
    (contracts / "livros.odcs.yaml").write_text(BOOKS, encoding="utf-8")
    (contracts / "never.odcs.yaml").write_text(NEVER, encoding="utf-8")
    (contracts / "partes.odcs.yaml").write_text(PARTS, encoding="utf-8")
    arguments = [
        "up",
        "--sandbox",
        "--aws-port",
        "0",
        "--prefect-port",
        "0",
        "--home",
        str(home),
        "--contracts",
        str(contracts),
    ]
    (home / ".env").write_text("ATHENA_WORKGROUP=primary\nCONTRACT_OF_NOBODY=secret\n", encoding="utf-8")
    (home / "logs").mkdir()
    (home / "logs" / "flows.log").touch(0o644)  # of an earlier version
    home.chmod(0o755)
    log = home / "up.log"
    with log.open("wb") as output:
        temporary = tmp_path_factory.mktemp("temporary")
        in_its_own = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
        environment = {**os.environ, **WITH_PASSWORD, **in_its_own}
        command = [sys.executable, "-m", "cli.main", *arguments]
        process = subprocess.Popen(command, stderr=output, cwd=home, env=environment)

    def running() -> dict[str, Any] | None:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        path = home / "running.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    try:
        found = eventually(running, "aceite up", 240)
        yield Installation(process, home, contracts, found["aws_endpoint"], found["prefect_api_url"])
    finally:
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGINT)  # what Ctrl-C sends
        process.wait(90)
        _, left = psutil.wait_procs(started, timeout=5)
        left = [process for process in left if process.status() != psutil.STATUS_ZOMBIE]
        for process in left:
            process.kill()
        assert not left, f"aceite up left processes behind: {left}"
        assert list(temporary.iterdir()) == [], "aceite up left temporary files behind"


def watcher_process(aceite: Installation) -> psutil.Process | None:
    """The process that holds the ledger's lease is the watcher's; it is the one with the ledger's file open."""
    for process in aceite.children():
        try:
            if any(Path(file.path).name == "sandbox-ledger.db" for file in process.open_files()):
                return process
        except psutil.Error:
            continue
    return None


def process_of(aceite: Installation, run: str) -> psutil.Process:
    """The process in which the run is."""

    def known() -> str | None:
        return aceite.client.get(f"flow_runs/{run}").json()["infrastructure_pid"]

    return psutil.Process(int(eventually(known, "the run's process")))


def flights_of(day: str) -> bytes:
    """The 842 flights of New Year's Day, as if they were of another day of January 2013."""
    return (FLIGHTS / "2013-01-01.csv").read_bytes().replace(b"\n2013,1,1,", b"\n2013,1,%d," % int(day[-2:]))


def key_of(day: str, file: str = "flights") -> str:
    return f"business/nycflights13/{day.replace('-', '')}/flights/{file}.csv"


@pytest.fixture(scope="module")
def silent_run(aceite: Installation) -> str:
    """A run that gave one sign of life and then no more, as when its machine is gone. Made first: it takes time."""
    flow = aceite.prefect("flows/", name="validate-delivery")
    state = {"type": "RUNNING"}
    run = aceite.prefect("flow_runs/", name="silent", flow_id=flow["id"], tags=["aceite"], state=state)
    resource = {"prefect.resource.id": f"prefect.flow-run.{run['id']}", "prefect.resource.name": "silent"}
    tag = {"prefect.resource.id": "prefect.tag.aceite", "prefect.resource.role": "tag"}
    heartbeat = {
        "id": str(uuid.uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "prefect.flow-run.heartbeat",
        "resource": resource,
        "related": [tag],
    }
    aceite.client.post("events", json=[heartbeat]).raise_for_status()
    return run["id"]


@pytest.mark.usefixtures("silent_run")
def test_a_clean_file_is_accepted_by_a_run_that_the_automation_created(aceite):
    key = aceite.drop(key_of("2013-01-01"), flights_of("2013-01-01"))
    evidence = aceite.verdict(key)
    assert (evidence["verdict"], evidence["table"]["rows"], evidence["landed"]["rows"]) == ("accepted", 842, 842)
    assert evidence["table"]["fingerprint"] == evidence["landed"]["fingerprint"]
    assert {check["outcome"] for check in evidence["checks"]} <= {"passed", "warned"}
    assert [query["purpose"] for query in evidence["queries"]] == ["checks"]
    assert evidence["sample"]["rows"] == []

    run = eventually(
        lambda: next((run for run in aceite.runs_of("validate-delivery") if run["state"]["name"] == "Accepted"), None),
        "the run's final state",
    )
    assert run["name"] == "nyc-flights 2013-01-01 flights.csv"
    assert run["state"]["type"] == "COMPLETED"
    assert run["state"]["message"] == evidence["reason"]
    automation = next(
        item for item in aceite.prefect("automations/filter") if item["name"] == "Aceite: validate nyc-flights"
    )
    assert automation["id"] in json.dumps(run["created_by"]), run["created_by"]
    assert run["parameters"]["event_id"] == evidence["run"]["event_id"]
    told = re.compile(r"^✔ accepted +2013-01-01 +\d+ s +nyc-flights +flights.csv$", re.MULTILINE)
    window = aceite.home / "up.log"
    eventually(lambda: told.search(window.read_text(encoding="utf-8")), "a line in the window of `aceite up`")


def test_the_evidence_is_five_files_and_three_artifacts(aceite):
    evidence = aceite.verdict(key_of("2013-01-01"))
    listed = aceite.s3.list_objects_v2(Bucket="evidence", Prefix=evidence["prefix"])["Contents"]
    files = {item["Key"].removeprefix(evidence["prefix"]) for item in listed}
    assert {"evidence.json", "evidence.html", "junit.xml", "openlineage.json", "manifest.json"} <= files
    of_run = {"flow_run_id": {"any_": [evidence["run"]["flow_run_id"]]}}
    kinds = {item["type"] for item in aceite.prefect("artifacts/filter", artifacts=of_run)}
    assert kinds == {"markdown", "table"}
    page = httpx.get(f"{aceite.endpoint}/evidence/{evidence['prefix']}evidence.html")
    assert page.status_code == 200, page.text
    assert page.headers["content-type"].startswith("text/html")
    assert evidence["reason"] in page.text


def test_each_step_is_a_task_with_a_telling_name_and_its_ids_are_in_the_evidence(aceite):
    evidence = aceite.verdict(key_of("2013-01-01"))
    steps = {step["name"]: step for step in evidence["steps"]}
    assert steps["invoke lambdastartflightstask"]["ids"]["request_id"]
    assert steps["await Glue job jobflightsingestion"]["ids"]["job_run_id"].startswith("jr_")
    assert steps["override /stage/nycflights13/flights/_test"]["ids"]["ssm:PutParameter"]
    assert steps["measure the checks in one query"]["ids"]["query_id"] == evidence["queries"][0]["query_id"]
    runs = aceite.prefect("task_runs/filter", flow_runs={"id": {"any_": [evidence["run"]["flow_run_id"]]}})
    assert {run["name"] for run in runs} - {"put the evidence"} == set(steps) - {
        "look in the catalog",
        "note what is there",
        "list the runs of jobflightsingestion",
        "look at /stage/nycflights13/flights/_test during the run",
        "look at /stage/nycflights13/flights/_test after the run",
    }
    logs = aceite.prefect("logs/filter", logs={"flow_run_id": {"any_": [evidence["run"]["flow_run_id"]]}})
    assert [log["message"] for log in logs if log["message"].startswith("Finished in state Completed")] == []


def test_the_overridden_parameter_is_gone_afterwards(aceite):
    evidence = aceite.verdict(key_of("2013-01-01"))
    (parameter,) = evidence["parameters"]
    assert parameter["restored"]
    assert (parameter["before"], parameter["after"]) == (None, None)
    assert parameter["during"]["version"] >= 1
    assert parameter["name"] not in aceite.parameters()
    assert "/stage/nycflights13/flights" in aceite.parameters()


@pytest.mark.parametrize(
    ("day", "fault", "verdict", "said"),
    [
        ("2013-01-11", "row-dropped", "rejected", "841 rows in the table, 842 landed"),
        ("2013-01-12", "cell-changed", "rejected", "1 row changed"),
        ("2013-01-13", "no-partition", "rejected", "the catalog has no such partition"),
        ("2013-01-14", "lambda-error", "inconclusive", "invoke lambdastartflightstask"),
        ("2013-01-15", "glue-failure", "inconclusive", "await Glue job jobflightsingestion"),
    ],
)
def test_a_pipeline_that_misbehaves_is_found_and_named(aceite, day, fault, verdict, said):
    key = aceite.drop(key_of(day), flights_of(day), fault)
    evidence = aceite.verdict(key)
    assert evidence["verdict"] == verdict, evidence["reason"]
    assert said in evidence["reason"]


def test_a_file_that_breaks_the_contract_is_rejected_with_its_line_and_the_pipeline_is_not_run(aceite):
    lines = flights_of("2013-01-04").splitlines(keepends=True)
    lines[6] = lines[6].replace(b",", b";", 1)
    key = aceite.drop(key_of("2013-01-04", "ragged"), b"".join(lines))
    evidence = aceite.verdict(key)
    assert evidence["verdict"] == "rejected"
    assert "line 7" in evidence["reason"]
    assert {step["status"] for step in evidence["steps"] if step["name"].startswith("invoke")} == {"skipped"}


def test_files_that_nobody_can_read_as_promised_are_rejected_and_the_reason_says_what_is_wrong(aceite):
    text = flights_of("2013-01-16")
    header, rows = text.split(b"\n", 1)
    name, rest = header.split(b",", 1)
    fewer = b"\n".join(line.split(b",", 1)[-1] for line in text.split(b"\n"))
    broken = {
        "empty": (b"", "the file is empty (0 bytes)"),
        "header only": (header + b"\n", "observed 0 rows"),
        "not in its encoding": (text.replace(b"JFK", "JF\u00c7".encode("latin-1"), 1), "UTF-8"),
        "a column lacks": (fewer, f"lacks the column '{name.decode()}'"),
        "a column more": (b"surplus," + text.replace(b"\n", b"\n1,").removesuffix(b"1,"), "a column 'surplus'"),
        "another header": (b"Year?," + rest + b"\n" + rows, "a column 'Year?'"),
        "a text for a number": (text.replace(b"2013,1,16,", b"MMXIII,1,16,", 1), "'MMXIII' is not int"),
    }  # fmt: skip
    keys = {what: aceite.drop(key_of("2013-01-16", what), body) for what, (body, _) in broken.items()}
    for what, key in keys.items():
        evidence = aceite.verdict(key)
        assert (what, evidence["verdict"]) == (what, "rejected"), evidence["reason"]
        assert broken[what][1] in evidence["reason"], what


def test_the_same_key_with_new_bytes_is_a_second_delivery_with_the_next_revision(aceite):
    aceite.verdict(key_of("2013-01-01"))
    key = aceite.drop(key_of("2013-01-01"), flights_of("2013-01-01").replace(b"N14228", b"N14229"))
    assert aceite.verdict(key, revision=2)["verdict"] == "accepted"


def test_a_second_copy_of_an_event_gives_no_second_verdict(aceite):
    evidence = aceite.verdict(key_of("2013-01-01"))
    (event,) = [item for item in aceite.events("delivery.arrived") if item["id"] == evidence["run"]["event_id"]]
    copy = {**event, "id": "00000000-0000-4000-8000-000000000001"}
    aceite.client.post("events", json=[copy]).raise_for_status()
    duplicate = eventually(
        lambda: next((run for run in aceite.runs_of("validate-delivery") if run["state"]["name"] == "Duplicate"), None),
        "the second run",
    )
    assert duplicate["state"]["type"] == "COMPLETED"
    assert aceite.verdict(key_of("2013-01-01"))["run"] == evidence["run"]


def test_a_key_that_fits_no_contract_becomes_one_event_with_the_reason(aceite):
    aceite.drop("business/nycflights13/2013-13-45/flights/o que é isto?.csv", b"x")

    def found() -> list[dict[str, Any]]:
        return [item for item in aceite.events("landing.object.unroutable") if "2013-13-45" in item["payload"]["key"]]

    (event,) = eventually(found, "the event")
    assert event["resource"]["prefect.resource.id"].startswith("s3://landing/business/nycflights13/2013-13-45/")
    assert "2013-13-45" in event["payload"]["reason"]


def test_keys_of_any_characters_are_judged(aceite):
    shops = ["a b", "ação", "1+1=2", "100%", 'it\'s "so"', "x'; DROP TABLE livros; --"]
    keys = [aceite.drop(f"livraria/{shop}/2026-01-03/{shop}.txt", BOOK_LIST) for shop in shops]
    for shop, key in zip(shops, keys, strict=True):
        evidence = aceite.verdict(key)
        assert (evidence["verdict"], evidence["table"]["rows"]) == ("accepted", 2), evidence["reason"]
        assert evidence["table"]["partition"]["loja"] == shop


def test_any_new_contract_works_in_the_sandbox_without_python(aceite):
    key = aceite.drop("livraria/centro/2026-01-02/lista.txt", BOOK_LIST)
    evidence = aceite.verdict(key)
    assert (evidence["verdict"], evidence["table"]["rows"]) == ("accepted", 2), evidence["reason"]
    assert evidence["table"]["partition"] == {"loja": "centro", "dia": "2026-01-02"}


def test_files_with_a_marker_are_one_delivery_and_are_judged_together(aceite):
    first = aceite.drop("partes/20260105/a.csv", b"id\n1\n2\n")
    second = aceite.drop("partes/20260105/b.csv", b"id\n3\n")
    aceite.drop("partes/20260105/_SUCCESS", b"")
    evidence = aceite.verdict(first)
    assert evidence["verdict"] == "accepted", evidence["reason"]
    assert [(member["key"], member["rows"]) for member in evidence["delivery"]["members"]] == [(first, 2), (second, 1)]
    assert evidence["table"]["rows"] == 3
    runs = [run for run in aceite.runs_of("validate-delivery") if run["name"].startswith("partes")]
    assert [run["name"] for run in runs] == ["partes 2026-01-05 a.csv and 1 more"]


def test_a_cancelled_run_restores_the_parameter_and_its_delivery_stays_unjudged_for_good(aceite):
    aceite.drop("never/20260102/cancelled.csv", b"a\n1\n")
    eventually(lambda: "/never/_test" in aceite.parameters(), "the override")
    run = next(run for run in aceite.runs_of("validate-delivery") if run["name"] == "never 2026-01-02 cancelled.csv")
    aceite.prefect(f"flow_runs/{run['id']}/set_state", state={"type": "CANCELLING"})
    eventually(lambda: "/never/_test" not in aceite.parameters(), "the parameter as it was")
    eventually(
        lambda: aceite.client.get(f"flow_runs/{run['id']}").json()["state"]["type"] == "CANCELLED", "the run's end"
    )
    evidence = aceite.verdict("never/20260102/cancelled.csv")
    assert (evidence["verdict"], evidence["reason"]) == ("inconclusive", "cancelled by a person")
    assert evidence["run"]["flow_run_id"] == run["id"]


def test_the_delivery_of_a_killed_run_is_announced_again_and_the_next_run_restores_the_parameter(aceite):
    """Whatever dies, there is one verdict; and what the dead run left behind is not taken for what was there before."""
    key = aceite.drop("never/20260103/killed.csv", b"a\n1\n")
    eventually(lambda: "/never/_test" in aceite.parameters(), "the override")
    name = "never 2026-01-03 killed.csv"
    first = next(run for run in aceite.runs_of("validate-delivery") if run["name"] == name)
    process_of(aceite, first["id"]).kill()

    def taken_over() -> dict[str, Any] | None:
        runs = [run for run in aceite.runs_of("validate-delivery") if run["name"] == name]
        return next((run for run in runs if run["id"] != first["id"] and run["state"]["type"] == "RUNNING"), None)

    eventually(taken_over, "the run that takes over")
    aceite.s3.put_object(Bucket="stage", Key=f"never/{key}", Body=b"there")
    evidence = aceite.verdict(key)
    assert evidence["verdict"] == "accepted", evidence["reason"]
    (parameter,) = evidence["parameters"]
    assert (parameter["name"], parameter["keys_set"]) == ("/never/_test", ["key"])
    # What the dead run had put there was known for what it is, and is gone.
    assert (parameter["existed_before"], parameter["restored"], parameter["after"]) == (False, True, None)
    assert "/never/_test" not in aceite.parameters()


def test_the_command_drops_waits_and_tells_by_its_exit_code(aceite):
    day = ("--date", "2025-01-02")
    accepted = aceite.aceite("drop", str(MOVIES), "--dataset", "sor-imdb-movies", *day, "--wait", "--json", check=False)
    assert accepted.returncode == 0, accepted.stderr
    (delivery,) = json.loads(accepted.stdout)["deliveries"]
    assert delivery["verdict"] == "accepted"
    faulty = ("--fault", "lambda-error", "--wait", "--json")
    inconclusive = aceite.aceite(
        "drop", str(MOVIES), "--dataset", "sor-imdb-movies", "--date", "2025-01-03", *faulty, check=False
    )
    assert inconclusive.returncode == 2, inconclusive.stderr
    nowhere = aceite.aceite("drop", str(MOVIES), "--dataset", "nothing", check=False)
    assert nowhere.returncode == 64
    assert "sor-imdb-movies" in nowhere.stderr


def test_validate_shows_the_verdict_that_stands(aceite):
    aceite.verdict(key_of("2013-01-01"))
    result = aceite.aceite("validate", f"s3://landing/{key_of('2013-01-01')}", "--json", check=False)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["deliveries"][0]["verdict"] == "accepted"
    for_people = aceite.aceite("validate", f"s3://landing/{key_of('2013-01-01')}")
    assert for_people.stdout.startswith("✔ accepted"), for_people.stderr


def test_a_delivery_that_is_judged_again_counts_with_its_last_verdict(aceite):
    day = ("--dataset", "sor-imdb-movies", "--date", "2025-01-05", "--wait", "--json")
    (dropped,) = json.loads(aceite.aceite("drop", str(MOVIES), *day).stdout)["deliveries"]
    judging = aceite.aceite("validate", dropped["id"], "--again", "--json")
    assert "leaked" not in judging.stderr, "the process ends with threads of Prefect that hold its modules"
    (again,) = json.loads(judging.stdout)["deliveries"]
    assert (again["id"], again["verdict"]) == (dropped["id"], "accepted")
    assert again["evidence"] != dropped["evidence"]
    (key,) = dropped["keys"]
    assert f"s3://evidence/{aceite.verdict(key, revision=2)['prefix']}" == again["evidence"]
    line = eventually(lambda: (found := aceite.status(key)) and found["revision"] == 2 and found, "the ledger")
    assert line["evidence"] == again["evidence"]


def test_status_shows_every_delivery_as_judged(aceite):
    aceite.verdict(key_of("2013-01-01"))
    line = eventually(
        lambda: (found := aceite.status(key_of("2013-01-01"))) and found["state"] == "judged" and found, "the ledger"
    )
    assert line["verdict"] == "accepted"
    assert line["evidence"].startswith("s3://evidence/deliveries/nyc-flights/2013-01-01/")


def test_other_commands_of_the_home_are_told_the_variables_that_its_contracts_read(aceite):
    shared = json.loads((aceite.home / "running.json").read_text(encoding="utf-8"))["environment"]
    assert shared["ATHENA_WORKGROUP"] == "primary"
    assert "CONTRACT_OF_NOBODY" not in shared


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
def test_nobody_but_its_owner_may_read_the_home_and_what_is_in_it(aceite):
    ours = (path for path in aceite.home.rglob("*") if path.name not in (".env", "up.log"))
    open_to_others = [path for path in (aceite.home, *ours) if path.exists() and path.stat().st_mode & 0o077]
    assert open_to_others == []
    assert (aceite.home / "prefect").is_dir()


def test_a_second_one_on_the_same_home_is_refused_and_the_first_is_named(aceite):
    second = aceite.aceite("up", "--sandbox", "--aws-port", "0", check=False)
    assert second.returncode == 64
    assert str(aceite.process.pid) in second.stderr
    assert "--home" in second.stderr


def test_people_are_told_of_a_rejection_through_a_notification_block(aceite):
    told: Queue[dict[str, Any]] = Queue()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as listener:
        Thread(target=listener.serve_forever, daemon=True).start()
        with temporary_settings({PREFECT_API_URL: aceite.api, PREFECT_API_AUTH_STRING: AUTH_STRING}):
            CustomWebhookNotificationBlock(
                name="listener",
                url=f"http://127.0.0.1:{listener.server_port}/",
                json_data={"subject": "{{subject}}", "body": "{{body}}"},
            ).save("data-engineers")
        block = {"ACEITE_NOTIFICATION_BLOCK": "custom-webhook/data-engineers"}
        applied = aceite.aceite("apply", settings=block)
        assert "+ automation Aceite: notify of rejected deliveries" in applied.stdout, applied.stdout
        key = aceite.drop(key_of("2013-01-17"), b"")
        evidence = aceite.verdict(key)
        message = told.get(timeout=60)
        listener.shutdown()
    assert message["subject"] == "nyc-flights 2013-01-17 flights.csv: rejected"
    failed = next(check for check in evidence["checks"] if check["outcome"] == "failed")
    assert failed["observed"] in message["body"]
    assert evidence["run"]["flow_run_id"] in message["body"]
    assert evidence["prefix"] in message["body"]
    applied = aceite.aceite("apply")  # as before
    assert "- automation Aceite: notify of rejected deliveries: deleted" in applied.stdout, applied.stdout


def test_applying_again_changes_nothing_and_respects_what_a_person_switched_off(aceite):
    name = "Aceite: pause a dataset that keeps failing"
    automation = next(item for item in aceite.prefect("automations/filter") if item["name"] == name)
    aceite.client.patch(f"automations/{automation['id']}", json={"enabled": False}).raise_for_status()
    lines = aceite.aceite("apply").stdout.splitlines()
    assert lines
    assert all(line.startswith("=") for line in lines), lines
    automations = aceite.prefect("automations/filter")
    assert len({item["name"] for item in automations}) == len(automations)
    assert not next(item for item in automations if item["name"] == name)["enabled"]


def test_a_run_that_died_with_its_machine_is_marked_as_crashed(aceite, silent_run):
    def crashed() -> dict[str, Any] | None:
        state = aceite.client.get(f"flow_runs/{silent_run}").json()["state"]
        return state if state["type"] != "RUNNING" else None

    state = eventually(crashed, "the silent run's end", 240)
    assert (state["type"], state["message"]) == ("CRASHED", "no sign of life: its process is gone")


@pytest.mark.proof
def test_a_killed_watcher_is_running_again_within_a_minute_and_misses_nothing(aceite):
    victim = eventually(lambda: watcher_process(aceite), "the watcher")
    victim.kill()
    key = aceite.drop(key_of("2013-01-06"), flights_of("2013-01-06"))
    eventually(lambda: (found := watcher_process(aceite)) and found.pid != victim.pid, "the next watcher", 60)
    assert aceite.verdict(key)["verdict"] == "accepted"
    runs = aceite.runs_of("watch-landing")
    assert "AUTOMATION" in {(run["created_by"] or {}).get("type") for run in runs}
    states = [run["state"]["type"] for run in runs]
    assert "CANCELLED" not in states
    assert states.count("RUNNING") == 1


@pytest.mark.proof
def test_a_watcher_ends_when_somebody_saves_its_credentials_and_the_next_one_has_them(aceite):
    victim = eventually(lambda: watcher_process(aceite), "the watcher")
    block = aceite.client.get("block_types/slug/aws-credentials/block_documents/name/aceite-aws").json()
    saved = {"data": {"region_name": "us-east-1"}, "merge_existing_data": True}
    aceite.client.patch(f"block_documents/{block['id']}", json=saved).raise_for_status()
    eventually(lambda: (found := watcher_process(aceite)) and found.pid != victim.pid, "the next watcher", 90)
    key = aceite.drop(key_of("2013-01-07"), flights_of("2013-01-07"))
    assert aceite.verdict(key)["verdict"] == "accepted"
    assert "BlocksChanged" in {run["state"]["name"] for run in aceite.runs_of("watch-landing")}
