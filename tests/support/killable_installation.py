"""Prefect's server, sandbox and served flows as the processes that they are, of which a test kills any at any time."""

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import boto3
import httpx
import psutil
from builders import contract_text
from polling import eventually
from prefect_processes import PrefectServer

from acceptance.announcing.delivery_events import VERDICT_EVENTS
from cli.serving.child_process import ChildProcess
from cli.serving.installation import SANDBOX_SETTINGS
from flows.installation.seal_keys import SealKeys

READY_WITHIN_S = 180
LEDGER = "ledger.db"

CONTRACT = contract_text(
    "DATASET",
    "- {name: a, logicalType: string}",
    database="database_DATASET",
    delivery="{baseline: announce}",
    override='[{parameter: /stage/DATASET/_test, set: {key: "{key}"}}]',
    steps='[{await_object: "s3://stage/{key}", within: 5m}, {invoke: fill-DATASET, payload: {key: "{key}"}}]',
)
"""Its runs have the parameter changed until the test puts what they wait for."""


def waiting(*datasets: str) -> dict[str, str]:
    return {dataset: CONTRACT.replace("DATASET", dataset) for dataset in datasets}


class KillableInstallation:
    """An installation on one home. Runs from `with` to the end of it, however often it is killed in between."""

    def __init__(self, home: Path, contracts: Mapping[str, str], **settings: str) -> None:
        self._home = home
        self.trusted = SealKeys(home).trusted
        (home / "contracts").mkdir()
        for dataset, contract in contracts.items():
            (home / "contracts" / f"{dataset}.odcs.yaml").write_text(contract, encoding="utf-8")
        self.server = PrefectServer(home)
        self._environment = self.server.environment | SANDBOX_SETTINGS
        self._environment |= {"ACEITE_HOME": str(home), "ACEITE_CONTRACTS": str(home / "contracts")}
        self._environment |= {"ACEITE_PATIENCE_S": "10", "ACEITE_WORKERS": "2", "ACEITE_POLL_S": "1", **settings}
        self._lives = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        sandbox = self._child(
            "sandbox", "sandbox", "--port", "0", "--contracts", str(self._home / "contracts"), "--until-stdin-closes"
        )
        self._stack.enter_context(self.server)
        self.endpoint = self._environment["ACEITE_AWS_ENDPOINT_URL"] = sandbox.await_ready(READY_WITHIN_S)
        session: Any = boto3.Session("any", "thing", region_name="us-east-1")
        self.s3, self.ssm = (session.client(service, endpoint_url=self.endpoint) for service in ("s3", "ssm"))
        self.serve()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def serve(self) -> None:
        self._lives += 1
        self.flows = self._child(f"flows {self._lives}", "cli.serving.flows_server")
        self.flows.await_ready(READY_WITHIN_S)

    def kill_flows(self) -> None:
        """Everything that serves flows and runs them, at once: nothing of it gets the chance to tidy up."""
        serving = psutil.Process(self.flows.pid)
        serving.suspend()  # a process whose parent is gone restores its parameter, if it lives a moment longer
        victims = [serving, *serving.children(recursive=True)]
        for end in (psutil.Process.suspend, psutil.Process.kill):
            for victim in victims:
                with suppress(psutil.NoSuchProcess):
                    end(victim)
        self.flows.stop()

    def run_processes(self) -> list[psutil.Process]:
        """Those that validations run in, one after the other."""
        return [each for each in psutil.Process(self.flows.pid).children(recursive=True) if _is_warm(each)]

    def process_of(self, run: str) -> psutil.Process:
        return psutil.Process(int(eventually(lambda: self.run(run)["infrastructure_pid"], "the run's process")))

    def watcher(self) -> psutil.Process | None:
        """The one that has the ledger open."""
        for process in psutil.Process(self.flows.pid).children(recursive=True):
            with suppress(psutil.Error):
                if any(Path(file.path).name == LEDGER for file in process.open_files()):
                    return process
        return None

    def drop(self, key: str) -> str:
        self.s3.put_object(Bucket="landing", Key=key, Body=b"a\n1\n")
        return key

    def let_go(self, key: str) -> None:
        """What the runs of this delivery wait for is there."""
        self.s3.put_object(Bucket="stage", Key=key, Body=b"there")

    def parameter(self, dataset: str) -> str | None:
        with suppress(self.ssm.exceptions.ParameterNotFound):
            return str(self.ssm.get_parameter(Name=f"/stage/{dataset}/_test")["Parameter"]["Value"])
        return None

    def set_parameter(self, dataset: str, value: str) -> None:
        self.ssm.put_parameter(Name=f"/stage/{dataset}/_test", Value=value, Type="String", Overwrite=True)

    def run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.server.api}/flow_runs/{run}", timeout=30).raise_for_status().json()
        return found

    def runs(self, flow: str = "validate-delivery") -> list[dict[str, Any]]:
        body: Mapping[str, Any] = {"flows": {"name": {"any_": [flow]}}, "sort": "START_TIME_DESC"}
        answer = httpx.post(f"{self.server.api}/flow_runs/filter", json=body, timeout=30).raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found

    def running(self, key: str) -> dict[str, Any] | None:
        """The run that judges the delivery of this key now."""
        for run in self.runs():
            members = run["parameters"]["delivery"]["members"]
            if run["state"]["type"] == "RUNNING" and members[0]["key"] == key:
                return run
        return None

    def evidence(self, key: str) -> dict[str, Any] | None:
        for found in self.judged():
            if found["delivery"]["members"][0]["key"] == key:
                return found
        return None

    def verdicts(self) -> Counter[str]:
        """By key."""
        return Counter(found["delivery"]["members"][0]["key"] for found in self.judged())

    def told(self) -> Counter[str]:
        """How many verdicts Prefect was told of, by key."""
        found = self.server.events(event={"name": list(VERDICT_EVENTS.values())})
        return Counter(event["resource"]["prefect.resource.id"].removeprefix("s3://landing/") for event in found)

    def judged(self) -> list[dict[str, Any]]:
        keys = [prefix + "evidence.json" for prefix in self._having("evidence.json")]
        return [json.loads(self.s3.get_object(Bucket="evidence", Key=key)["Body"].read()) for key in keys]

    def sealed(self) -> int:
        """Deliveries with a verdict."""
        return len(self._having("manifest.json"))

    def _having(self, file: str) -> list[str]:
        """The prefixes of deliveries in the evidence bucket that have this file."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="evidence", Prefix="deliveries/")
        keys = (item["Key"] for page in pages for item in page.get("Contents", ()))
        return [key.removesuffix(file) for key in keys if key.endswith(f"/{file}")]

    def parameters(self) -> set[str]:
        pages = self.ssm.get_paginator("describe_parameters").paginate()
        return {item["Name"] for page in pages for item in page["Parameters"]}

    def switch_off(self, automation: str) -> None:
        """As a person does in the UI."""
        found = httpx.post(f"{self.server.api}/automations/filter", json={"limit": 200}, timeout=30).raise_for_status()
        (id_,) = (each["id"] for each in found.json() if each["name"] == automation)
        switched = httpx.patch(f"{self.server.api}/automations/{id_}", json={"enabled": False}, timeout=30)
        switched.raise_for_status()

    def _child(self, name: str, *arguments: str) -> ChildProcess:
        child = ChildProcess(name, arguments, self._environment, self._home / f"{name}.log")
        self._stack.callback(child.stop)
        return child


def _is_warm(process: psutil.Process) -> bool:
    try:
        return "flows.workers.child" in process.cmdline()
    except psutil.Error:
        return False
