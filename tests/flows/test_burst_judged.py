"""Automation, flows and claims in a burst in which Prefect's server is killed: each delivery gets one verdict.

It takes some minutes, as a process is started for each delivery; it runs with ACEITE_TEST_SLOW=1.
"""

import os
import time
from collections import Counter
from contextlib import ExitStack
from typing import Any

import boto3
import httpx
import pytest
from prefect_side import PrefectServer
from watched_bucket import CONTRACT

from cli.children import Child
from cli.installation import SANDBOX_SETTINGS

FILES = 20
READY_WITHIN_S = 180
VERDICTS_WITHIN_S = 900


def verdicts(s3: Any) -> Counter[str]:
    """The evidence that there is, by delivery."""
    listed = s3.list_objects_v2(Bucket="evidence", Prefix="deliveries/").get("Contents", ())
    return Counter(item["Key"].rsplit("/", 2)[1] for item in listed if item["Key"].endswith("/evidence.json"))


def judging_runs(server: PrefectServer) -> Counter[str]:
    """How many runs came to a verdict, by delivery; the others found that it was taken."""
    body = {"flow_runs": {"state": {"name": {"any_": ["Accepted", "Rejected", "Inconclusive"]}}}}
    found = httpx.post(f"{server.api}/flow_runs/filter", json=body, timeout=60).raise_for_status().json()
    return Counter(run["parameters"]["delivery"]["members"][0]["key"] for run in found)


@pytest.mark.skipif("ACEITE_TEST_SLOW" not in os.environ, reason="takes minutes; ACEITE_TEST_SLOW=1 runs it")
def test_each_delivery_of_a_burst_has_one_verdict_though_the_server_was_killed_in_the_middle(tmp_path):
    (tmp_path / "contracts").mkdir()
    contract = CONTRACT.replace("RESENT", "report")
    (tmp_path / "contracts" / "orders.odcs.yaml").write_text(contract, encoding="utf-8")
    with ExitStack() as at_the_end:
        server = at_the_end.enter_context(PrefectServer(tmp_path))
        environment = server.environment | SANDBOX_SETTINGS
        environment |= {"ACEITE_HOME": str(tmp_path), "ACEITE_CONTRACTS": str(tmp_path / "contracts")}
        environment |= {"ACEITE_PATIENCE_S": "30", "ACEITE_WORKERS": "2"}

        def start(name: str, *arguments: str) -> str:
            child = Child(name, arguments, environment, tmp_path / f"{name}.log")
            at_the_end.callback(child.stop)
            return child.await_ready(READY_WITHIN_S)

        folder = str(tmp_path / "contracts")
        endpoint = start("sandbox", "sandbox", "--port", "0", "--contracts", folder, "--until-stdin-closes")
        environment["ACEITE_AWS_ENDPOINT_URL"] = endpoint
        start("flows", "cli.serving")
        s3: Any = boto3.Session("any", "thing", region_name="us-east-1").client("s3", endpoint_url=endpoint)
        for number in range(FILES):
            s3.put_object(Bucket="landing", Key=f"in/20260102/{number:02d}", Body=b"")

        _await_verdicts(s3, 3)
        assert len(verdicts(s3)) < FILES
        server.kill()
        server.start()
        _await_verdicts(s3, FILES)
        assert verdicts(s3).total() == len(verdicts(s3)) == FILES
        assert max(judging_runs(server).values()) == 1


def _await_verdicts(s3: Any, count: int) -> None:
    deadline = time.monotonic() + VERDICTS_WITHIN_S
    while len(verdicts(s3)) < count:
        assert time.monotonic() < deadline, f"{len(verdicts(s3))} of {count} verdicts after {VERDICTS_WITHIN_S} s"
        time.sleep(0.5)  # between two questions, not instead of one
