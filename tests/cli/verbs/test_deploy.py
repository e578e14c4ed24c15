"""The flows on Prefect's own process worker: `aceite up --runner process`, and work pools, by `aceite deploy`."""

import asyncio
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
import pytest
from auth_strings import AUTH_STRING, BASIC_AUTH
from builders import contract_text
from polling import eventually
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import WorkPool
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker
from prefect_aws.workers import ECSWorker
from repository import ROOT

from acceptance.errors import SettingsError
from automations.apply import apply
from automations.deployments import served_here
from automations.job_variables import job_variables
from blocks.settings import read_settings
from cli.main import app
from cli.options import UsageProblem
from cli.serving.child_process import ChildProcess
from cli.serving.installation import SANDBOX_SETTINGS
from flows.installation.seal_keys import SealKeys

READY_WITHIN_S = 180

CONTRACT = contract_text(
    "orders",
    """
      - {name: id, logicalType: integer, required: true, primaryKey: true}
      - {name: dia, logicalType: string, partitioned: true}
    """,
    location="s3://landing/in/{business_date:%Y%m%d}/{file}.csv",
    database='"${ATHENA_DATABASE:-database_orders}"',
    steps='[{run_glue_job: joborders, arguments: {--key: "{key}"}, within: 5m}]',
    partition='{dia: "{business_date:%Y%m%d}"}',
)
STUCK = contract_text(
    "stuck",
    "- {name: a, logicalType: string}",
    database="database_stuck",
    override='[{parameter: /stuck/_test, set: {key: "{key}"}}]',
    steps='[{await_object: "s3://stage/never/{key}", within: 5m}, {invoke: fill-stuck, payload: {key: "{key}"}}]',
)


@dataclass
class Hosts:
    """A Prefect server and an AWS, and processes that might be on as many hosts: only addresses are shared."""

    folder: Path
    api: str
    environment: dict[str, str]

    @property
    def seal_keys(self) -> SealKeys:
        return SealKeys(Path(self.environment["ACEITE_HOME"]))

    def aws(self, service: str) -> Any:
        session = boto3.Session("any", "thing", region_name="us-east-1")
        return session.client(service, endpoint_url=self.environment["ACEITE_AWS_ENDPOINT_URL"])

    @contextmanager
    def serving(self, *arguments: str, **environment: str) -> Iterator[ChildProcess]:
        log = self.folder / "flows.log"
        child = ChildProcess(
            "flows", ("cli.serving.flows_server", *arguments), {**self.environment, **environment}, log
        )
        try:
            child.await_ready(READY_WITHIN_S)
            yield child
        finally:
            child.stop()

    @property
    def prefect(self) -> httpx.Client:
        return httpx.Client(base_url=f"{self.api}/", timeout=30, auth=BASIC_AUTH)

    def drop(self, name: str, text: str) -> str:
        key = f"{name}.csv"
        self.aws("s3").put_object(Bucket="landing", Key=key, Body=text.encode())
        return key

    def run_of(self, file: str) -> dict[str, Any] | None:
        runs = self.prefect.post("flow_runs/filter", json={"sort": "START_TIME_DESC"}).json()
        return next((run for run in runs if run["name"].endswith(f" {file}")), None)

    def ended_run_of(self, file: str) -> dict[str, Any] | None:
        run = self.run_of(file)
        return run if run and run["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

    def logs_of(self, run: dict[str, Any], ended: str) -> list[str]:
        """The lines of the run; none before the one is stored that begins so."""
        asked = {"logs": {"flow_run_id": {"any_": [run["id"]]}}}
        logs = self.prefect.post("logs/filter", json=asked).json()
        messages = [log["message"] for log in logs]
        return messages if any(message.startswith(ended) for message in messages) else []


@pytest.fixture(scope="module")
def hosts(prefect_server, tmp_path_factory) -> Iterator[Hosts]:
    folder = tmp_path_factory.mktemp("hosts")
    contracts = folder / "contracts"
    contracts.mkdir()
    (contracts / "orders.odcs.yaml").write_text(CONTRACT, encoding="utf-8")
    (contracts / "stuck.odcs.yaml").write_text(STUCK, encoding="utf-8")
    environment = {**os.environ, **SANDBOX_SETTINGS, "PREFECT_API_URL": prefect_server, "PYTHONPATH": str(ROOT)}
    environment["PREFECT_API_AUTH_STRING"] = AUTH_STRING
    environment |= {"ACEITE_HOME": str(folder / "home"), "ACEITE_CONTRACTS": str(contracts), "PYTHONUTF8": "1"}
    environment |= {"PREFECT_HOME": str(folder / "prefect"), "ACEITE_RUNNER": "process", "ACEITE_WORKERS": "2"}
    (folder / "home").mkdir()
    arguments = ("sandbox", "--port", "0", "--contracts", str(contracts), "--until-stdin-closes")
    sandbox = ChildProcess("sandbox", arguments, environment, folder / "sandbox.log")
    try:
        environment["ACEITE_AWS_ENDPOINT_URL"] = sandbox.await_ready(READY_WITHIN_S)
        yield Hosts(folder, prefect_server, environment)
    finally:
        sandbox.stop()


@pytest.mark.proof
def test_prefect_s_own_process_worker_judges_deliveries_and_restores_what_it_changed_when_it_is_told_to_end(hosts):
    with hosts.serving():
        hosts.drop("in/20260102/good", "id\n1\n2\n")
        run = eventually(lambda: hosts.ended_run_of("good.csv"), "the verdict")
        assert run["state"]["name"] == "Accepted", run["state"]
        assert run["work_pool_name"] == "aceite-process"
        messages = eventually(lambda: hosts.logs_of(run, "Finished in state Accepted"), "the run's last line")
        assert [message for message in messages if message.startswith("Finished in state Completed")] == []
        hosts.drop("stuck/20260102/stuck", "a\nx\n")
        ssm = hosts.aws("ssm")
        eventually(lambda: ssm.describe_parameters()["Parameters"], "the overridden parameter")
        processes = psutil.Process().children(recursive=True)
    assert ssm.describe_parameters()["Parameters"] == []
    assert [process for process in processes if process.is_running() and "prefect.engine" in process.cmdline()] == []
    state = eventually(lambda: hosts.ended_run_of("stuck.csv"), "the end of the run")["state"]
    assert state["name"] != "Inconclusive", "nobody cancelled it: it is announced again"


def pool_of(worker: type[Any]) -> WorkPool:
    return WorkPool(name="hosts", type=worker.type, base_job_template=worker.get_default_base_job_template())


def test_job_variables_are_those_of_the_pool_in_its_types():
    given = ["cluster=sor", "cpu=1024", "configure_cloudwatch_logs=true", "env.ACEITE_CONTRACTS=/contracts", "env.N=1"]
    given += ['network_configuration={"subnets": ["subnet-1"]}', "launch_type=FARGATE_SPOT", "family=42"]
    assert job_variables(pool_of(ECSWorker), given) == {
        "cluster": "sor",
        "cpu": 1024,
        "configure_cloudwatch_logs": True,
        "env": {"ACEITE_CONTRACTS": "/contracts", "N": "1"},
        "network_configuration": {"subnets": ["subnet-1"]},
        "launch_type": "FARGATE_SPOT",
        "family": "42",
    }


REFUSED = {
    "clutser=sor": "of type ecs, has no job variable 'clutser'; did you mean cluster? it has auto_deregister",
    "cpu=much": "cpu cannot be 'much'; allowed: integer",
    "cpu=1.5": "cpu cannot be 1.5; allowed: integer",
    "launch_type=LAMBDA": "LAMBDA",
    "cluster": "'cluster' has no value",
    "env.AWS_SECRET_ACCESS_KEY=abc": "holds a secret",
    "env.ACEITE_AWS_SESSION_TOKEN=abc": "holds a secret",
    "env.ACEITE_LEDGER_URL=postgresql://aceite:abc@db/ledger": "holds a secret",
    "env.PREFECT_API_AUTH_STRING=admin:abc": "holds a secret",
    "aws_credentials.aws_secret_access_key=abc": "holds a secret",
}


@pytest.mark.parametrize("given", REFUSED)
def test_what_is_no_job_variable_or_a_secret_is_refused(given):
    with pytest.raises(SettingsError, match=re.escape(REFUSED[given])) as refused:
        job_variables(pool_of(ECSWorker), [given])
    assert "abc" not in str(refused.value)


def test_a_secret_s_block_may_be_named():
    given = "env.PREFECT_API_AUTH_STRING={{ prefect.blocks.secret.prefect-auth }}"
    assert job_variables(pool_of(ProcessWorker), [given]) == {
        "env": {"PREFECT_API_AUTH_STRING": "{{ prefect.blocks.secret.prefect-auth }}"}
    }


@pytest.fixture
def aceite(hosts, monkeypatch, capsys) -> Callable[..., str]:
    """The command in this process: what it prints, or what it raises."""
    monkeypatch.chdir(hosts.folder)
    for name, value in hosts.environment.items():
        if name.startswith("ACEITE_"):
            monkeypatch.setenv(name, value)

    def run(*arguments: str) -> str:
        app(list(arguments), standalone_mode=False)
        return capsys.readouterr().out

    return run


def made_pool(hosts: Hosts, worker: type[Any], name: str = "hosts") -> str:
    name = f"{name}-{worker.type}"
    pool = {"name": name, "type": worker.type, "base_job_template": worker.get_default_base_job_template()}
    hosts.prefect.post("work_pools/", json=pool)
    return name


def deployment(hosts: Hosts, name: str) -> dict[str, Any]:
    found: dict[str, Any] = hosts.prefect.get(f"deployments/name/{name}").raise_for_status().json()
    return found


def signs(said: str) -> set[str]:
    return {line[0] for line in said.splitlines() if line[1:2] == " "}


def test_a_pool_that_is_not_there_is_refused_with_those_that_are(hosts, aceite):
    made_pool(hosts, ProcessWorker)
    refusal = "there is no work pool 'host-process'; did you mean hosts-process? there are: "
    with pytest.raises(SettingsError, match=re.escape(refusal)):
        aceite("deploy", "--work-pool", "host-process", "--only", "validations")


def test_a_watcher_anywhere_needs_a_ledger_that_is_anywhere(hosts, aceite):
    with pytest.raises(SettingsError, match="set ACEITE_LEDGER_URL to a PostgreSQL database, or use --only"):
        aceite("deploy", "--work-pool", made_pool(hosts, ProcessWorker))


def test_a_pool_that_runs_containers_needs_an_image_with_aceite_in_it(hosts, aceite):
    with pytest.raises(UsageProblem, match="give --image"):
        aceite("deploy", "--work-pool", made_pool(hosts, ECSWorker), "--only", "validations")


def test_on_ecs_the_deployments_have_the_job_variables_that_were_given_and_no_secret(hosts, aceite, monkeypatch):
    arguments = ["deploy", "--work-pool", made_pool(hosts, ECSWorker), "--image", "registry/aceite:1"]
    arguments += ["--job-variable", "cluster=sor", "--job-variable", "env.ACEITE_CONTRACTS=/contracts"]
    monkeypatch.setenv("ACEITE_LEDGER_URL", "postgresql://aceite:planted-secret@db.example/ledger")
    monkeypatch.setenv("ACEITE_EVIDENCE_RETENTION_DAYS", "30")
    monkeypatch.setenv("ATHENA_DATABASE", "database_orders")
    monkeypatch.setenv("CONTRACT_OF_NOBODY", "planted-secret")
    planned = aceite(*arguments, "--dry-run")
    assert "block aceite-ledger: would be created" in planned
    assert "deployment validate-delivery/aceite-validation: would be " in planned
    said = aceite(*arguments)
    assert signs(said) != {"="}
    assert signs(aceite(*arguments)) == {"="}
    assert signs(aceite("apply")) == {"="}, "the deployments stay in their pool"
    validation = deployment(hosts, "validate-delivery/aceite-validation")
    assert validation["work_pool_name"] == "hosts-ecs"
    assert validation["job_variables"] == {
        "image": "registry/aceite:1",
        "cluster": "sor",
        "env": {
            "ACEITE_CONTRACTS": "/contracts",
            "ACEITE_EVIDENCE_RETENTION_DAYS": "30",
            "ACEITE_POLL_S": "1.0",
            "ACEITE_PATIENCE_S": "60.0",
            "ACEITE_SEAL_KEY_ID": hosts.seal_keys.signing().public.id,
            "ATHENA_DATABASE": "database_orders",
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        },
    }
    watcher = deployment(hosts, "watch-landing/aceite-watcher")
    assert watcher["job_variables"]["env"]["ACEITE_LEDGER_URL"] == "{{ prefect.blocks.secret.aceite-ledger }}"
    assert "planted-secret" not in planned + said + str(watcher) + str(validation)
    runs = hosts.prefect.post("flow_runs/filter", json={"work_pools": {"name": {"any_": ["hosts-ecs"]}}}).json()
    assert [run["name"] for run in runs] == ["watch the landing locations"], "one, though it was deployed twice"


def test_what_a_worker_makes_of_the_watcher_s_job_variables_has_the_ledger_s_url(hosts, aceite, monkeypatch):
    url = "postgresql://aceite:planted-secret@db.example/ledger"
    monkeypatch.setenv("ACEITE_LEDGER_URL", url)
    aceite("deploy", "--work-pool", made_pool(hosts, ProcessWorker), "--only", "watcher")
    variables = deployment(hosts, "watch-landing/aceite-watcher")["job_variables"]

    async def made() -> ProcessJobConfiguration:
        async with get_client() as client:
            template = pool_of(ProcessWorker).base_job_template
            return await ProcessJobConfiguration.from_template_and_values(template, variables, client=client)

    assert asyncio.run(made()).env["ACEITE_LEDGER_URL"] == url


def test_a_watcher_that_is_served_here_leaves_no_run_in_the_pool_where_it_was(hosts, aceite, monkeypatch):
    """A worker there would give it no ledger's URL any more, and a ledger of its own."""
    monkeypatch.setenv("ACEITE_LEDGER_URL", "postgresql://aceite:planted-secret@db.example/ledger")
    pool = made_pool(hosts, ProcessWorker, "left")
    aceite("deploy", "--work-pool", pool, "--only", "watcher")
    assert waiting(hosts, pool) == ["watch the landing locations"]
    apply(read_settings(), (), places=served_here(read_settings(), "watcher"))
    assert waiting(hosts, pool) == []


def waiting(hosts: Hosts, pool: str) -> list[str]:
    wanted = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}, "work_pools": {"name": {"any_": [pool]}}}
    return [run["name"] for run in hosts.prefect.post("flow_runs/filter", json=wanted).json()]


@pytest.mark.proof
def test_a_watcher_and_a_worker_on_different_hosts_judge_a_delivery(hosts, aceite):
    """Of the hosts one serves only the watcher; on the other one runs nothing but Prefect's worker."""
    pool = made_pool(hosts, ProcessWorker, "apart")
    aceite("deploy", "--work-pool", pool, "--only", "validations")
    worker = {**hosts.environment, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    for name in [name for name in worker if name.startswith("ACEITE_") and name != "ACEITE_CONTRACTS"]:
        del worker[name]
    elsewhere = hosts.folder / "elsewhere"
    elsewhere.mkdir()
    worker |= {"ACEITE_HOME": str(elsewhere), "ACEITE_SEAL_KEY_FILE": str(hosts.seal_keys.file)}
    with (elsewhere / "worker.log").open("wb") as log:
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool]
        process = psutil.Popen(command, cwd=elsewhere, env=worker, stdout=log, stderr=log)
    try:
        with hosts.serving("--only", "watcher"):
            hosts.drop("in/20260103/far", "id\n1\n")
            run = eventually(lambda: hosts.ended_run_of("far.csv"), "the verdict")
    finally:
        for each in [*process.children(recursive=True), process]:
            each.kill()
        process.wait()
    assert run["state"]["name"] == "Accepted", run["state"]
    assert run["work_pool_name"] == pool
