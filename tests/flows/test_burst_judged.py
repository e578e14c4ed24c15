"""Automation, flows and claims in a burst in which Prefect's server is killed: each delivery gets one verdict."""

import time
from collections import Counter
from contextlib import ExitStack
from typing import Any

import boto3
import psutil
import pytest
from prefect_processes import PrefectServer
from watched_bucket import CONTRACT

from acceptance.announcing.delivery_events import VERDICT_EVENTS
from cli.serving.child_process import ChildProcess
from cli.serving.installation import SANDBOX_SETTINGS

FILES = 20
READY_WITHIN_S = 180
VERDICTS_WITHIN_S = 900


def verdicts(s3: Any) -> Counter[str]:
    """The evidence that there is, by delivery."""
    listed = s3.list_objects_v2(Bucket="evidence", Prefix="deliveries/").get("Contents", ())
    return Counter(item["Key"].rsplit("/", 2)[1] for item in listed if item["Key"].endswith("/evidence.json"))


def judged(server: PrefectServer) -> Counter[str]:
    """How many verdicts Prefect was told of, by delivery."""
    found = server.events(event={"name": list(VERDICT_EVENTS.values())})
    return Counter(event["payload"]["delivery_id"] for event in found)


@pytest.mark.proof
def test_each_delivery_of_a_burst_has_one_verdict_though_server_and_runs_are_killed_in_the_middle(tmp_path):
    (tmp_path / "contracts").mkdir()
    contract = CONTRACT.replace("RESENT", "report")
    (tmp_path / "contracts" / "orders.odcs.yaml").write_text(contract, encoding="utf-8")
    with ExitStack() as at_the_end:
        server = at_the_end.enter_context(PrefectServer(tmp_path))
        environment = server.environment | SANDBOX_SETTINGS
        environment |= {"ACEITE_HOME": str(tmp_path), "ACEITE_CONTRACTS": str(tmp_path / "contracts")}
        environment |= {"ACEITE_PATIENCE_S": "15", "ACEITE_WORKERS": "2", "ACEITE_POLL_S": "1"}

        def start(name: str, *arguments: str) -> ChildProcess:
            child = ChildProcess(name, arguments, environment, tmp_path / f"{name}.log")
            at_the_end.callback(child.stop)
            return child

        folder = str(tmp_path / "contracts")
        sandbox = start("sandbox", "sandbox", "--port", "0", "--contracts", folder, "--until-stdin-closes")
        environment["ACEITE_AWS_ENDPOINT_URL"] = endpoint = sandbox.await_ready(READY_WITHIN_S)
        flows = start("flows", "cli.serving.flows_server")
        flows.await_ready(READY_WITHIN_S)
        s3: Any = boto3.Session("any", "thing", region_name="us-east-1").client("s3", endpoint_url=endpoint)
        for number in range(FILES):
            s3.put_object(Bucket="landing", Key=f"in/20260102/{number:02d}", Body=b"")

        _await_verdicts(s3, 3)
        for child in psutil.Process(flows.pid).children(recursive=True):
            child.kill()
        server.kill()
        flows.stop()
        before = len(verdicts(s3))
        server.start()
        start("flows again", "cli.serving.flows_server").await_ready(READY_WITHIN_S)
        _await_verdicts(s3, FILES)
        assert verdicts(s3).total() == len(verdicts(s3)) == FILES
        assert set(judged(server).values()) == {1}
        assert before < FILES, "the burst was over before anything was killed"


def _await_verdicts(s3: Any, count: int) -> None:
    deadline = time.monotonic() + VERDICTS_WITHIN_S
    while len(verdicts(s3)) < count:
        assert time.monotonic() < deadline, f"{len(verdicts(s3))} of {count} verdicts after {VERDICTS_WITHIN_S} s"
        time.sleep(0.5)  # between two questions, not instead of one
