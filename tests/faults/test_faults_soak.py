"""Two hundred deliveries on `aceite up --sandbox`, three of ten calls on AWS at fault, processes killed meanwhile."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
import pytest
from test_faults_flows import BY_FUNCTIONS, BY_JOB, CONTRACT

from acceptance.chain import audit
from flows.evidence_audit import read_found

ROOT = Path(__file__).parent.parent.parent
SEED = 200
WITHIN_S = 900
"""A guard against hanging. It takes minutes."""
FUNCTIONS, PLAIN, JOBS = 8, 186, 6
FIRST = date(2026, 1, 1)
FAULTS = [
    {"kind": "throttled", "rate": 0.08},
    {"kind": "error", "rate": 0.05},
    {"kind": "error", "after": True, "rate": 0.05},
    {"kind": "reset", "rate": 0.05},
    {"kind": "reset", "after": True, "rate": 0.05},
    {"kind": "slow", "seconds": 0.3, "rate": 0.03},
    {"kind": "timeout", "after": True, "seconds": 25, "rate": 0.002},
    {"kind": "denied", "rate": 0.01},
]
GOOD = "id,quantity\n1,10\n2,20\n"


@dataclass
class Installation:
    """A running `aceite up --sandbox`, seen from outside."""

    process: subprocess.Popen[bytes]
    endpoint: str
    api: str
    right: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        session = boto3.Session("other", "other", region_name="us-east-1")
        self.s3, self.ssm = (session.client(name, endpoint_url=self.endpoint) for name in ("s3", "ssm"))

    def land(self, dataset: str, day: int, fault: str) -> None:
        key = f"{dataset}/{FIRST + timedelta(days=day):%Y%m%d}/rows.csv"
        metadata = {"aceite-fault": fault} if fault else {}
        self.s3.put_object(Bucket="landing", Key=key, Body=GOOD.encode(), Metadata=metadata)
        self.right[key] = "rejected" if fault else "accepted"

    def judged(self) -> dict[str, dict[str, Any]]:
        """The evidence that is sealed, by the landed key."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="evidence", Prefix="deliveries/")
        keys = {item["Key"] for page in pages for item in page.get("Contents", ())}
        sealed = [key for key in keys if key.endswith("/manifest.json")]
        return {key: self._evidence(key.replace("manifest.json", "evidence.json")) for key in sealed}

    def _evidence(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.s3.get_object(Bucket="evidence", Key=key)["Body"].read())
        return found

    def sealed(self) -> int:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="evidence", Prefix="deliveries/")
        return sum(item["Key"].endswith("/manifest.json") for page in pages for item in page.get("Contents", ()))

    def parameters(self) -> set[str]:
        return {item["Name"] for item in self.ssm.describe_parameters()["Parameters"]}

    def torment(self, faults: list[dict[str, Any]]) -> None:
        told = [fault | {"seed": SEED + number} for number, fault in enumerate(faults)]
        print(f"faults {told}")  # noqa: T201
        httpx.put(f"{self.endpoint}/_aceite/faults", json=told, timeout=30).raise_for_status()

    def faults_made(self) -> tuple[int, int]:
        told = httpx.get(f"{self.endpoint}/_aceite/faults", timeout=30).json()["faults"]
        return max(each["asked"] for each in told), sum(each["made"] for each in told)

    def kill_one(self, chance: random.Random) -> str:
        """A process that validations run in, or, once in four times, the watcher's."""
        watching = chance.random() < 0.25
        wanted = "prefect.engine" if watching else "flows.warm.child"
        found = [each for each in psutil.Process(self.process.pid).children(recursive=True) if _runs(each, wanted)]
        if found:
            chance.choice(found).kill()
        return wanted if found else ""

    def verdict_events(self) -> Counter[str]:
        """How many there are of each delivery."""
        names = [f"delivery.{verdict}" for verdict in ("accepted", "rejected", "inconclusive")]
        answer = httpx.post(
            f"{self.api}/events/filter", json={"filter": {"event": {"name": names}}, "limit": 50}, timeout=60
        )
        told: Counter[str] = Counter()
        while True:
            page = answer.raise_for_status().json()
            told.update(event["resource"]["prefect.resource.id"] for event in page["events"])
            if page["next_page"] is None:
                return told
            answer = httpx.get(page["next_page"], timeout=60)


def _runs(process: psutil.Process, module: str) -> bool:
    try:
        return any(module in each for each in process.cmdline())
    except psutil.Error:
        return False


@pytest.fixture
def aceite(tmp_path: Path) -> Iterator[Installation]:
    contracts = tmp_path / "contracts"
    contracts.mkdir()
    plain = CONTRACT.replace("override:", "#")
    for name, text in (
        ("functions", CONTRACT.format(id="functions", steps=BY_FUNCTIONS)),
        ("plain", plain.format(id="plain", steps=BY_FUNCTIONS.replace("functions", "plain"))),
        ("jobs", plain.format(id="jobs", steps=BY_JOB)),
    ):
        (contracts / f"{name}.odcs.yaml").write_text(text, encoding="utf-8")
    arguments = ["up", "--sandbox", "--aws-port", "0", "--prefect-port", "0", "--home", str(tmp_path / "home")]
    log, path = tmp_path / "up.log", tmp_path / "home" / "running.json"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ACEITE_WORKERS": "4", "ACEITE_TOGETHER": "20"}
    with log.open("wb") as output:
        command = [sys.executable, "-m", "cli.main", *arguments, "--contracts", str(contracts)]
        process = subprocess.Popen(command, stderr=output, cwd=tmp_path, env=environment)
    try:
        deadline = time.monotonic() + 240
        while not path.exists():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.2)
        found = json.loads(path.read_text(encoding="utf-8"))
        yield Installation(process, found["aws_endpoint"], found["prefect_api_url"])
    finally:
        process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGINT)
        process.wait(120)


@pytest.mark.long
def test_two_hundred_deliveries_under_faults_and_kills_each_have_one_verdict_and_leave_no_parameter(
    aceite: Installation,
) -> None:
    chance, before = random.Random(SEED), aceite.parameters()
    aceite.torment(FAULTS)
    for dataset, deliveries in (("plain", PLAIN), ("jobs", JOBS), ("functions", FUNCTIONS)):
        for day in range(deliveries):
            aceite.land(dataset, day, chance.choice(("", "", "", "row-dropped")))
    began, killed, next_kill_s = time.monotonic(), Counter[str](), 20.0
    while (sealed := aceite.sealed()) < len(aceite.right):
        passed_s = time.monotonic() - began
        assert passed_s < WITHIN_S, f"{sealed} of {len(aceite.right)} have verdicts after {WITHIN_S} s; killed {killed}"
        if passed_s > next_kill_s and sealed < 0.9 * len(aceite.right):
            killed[aceite.kill_one(chance)] += 1
            next_kill_s = passed_s + chance.uniform(20, 40)
        time.sleep(0.5)
    asked, made = aceite.faults_made()
    aceite.torment([])
    print(f"{time.monotonic() - began:.0f} s, {made} faults in {asked} calls, killed {dict(killed)}")  # noqa: T201
    judged = {each["delivery"]["members"][0]["key"]: each for each in aceite.judged().values()}
    verdicts = Counter(each["verdict"] for each in judged.values())
    print(dict(verdicts))  # noqa: T201
    assert judged.keys() == aceite.right.keys(), "lost"
    wrong = {
        key: (each["verdict"], each["reason"])
        for key, each in judged.items()
        if each["verdict"] not in (aceite.right[key], "inconclusive")
    }
    assert not wrong
    unexplained = [
        each for each in judged.values() if each["verdict"] == "inconclusive" and not _explains(each["reason"])
    ]
    assert not unexplained
    assert max(aceite.verdict_events().values()) == 1, "judged twice"
    for dataset in ("functions", "plain", "jobs"):
        assert audit(read_found(aceite.s3, "evidence", dataset)).flaws == ()
    assert aceite.parameters() == before
    assert killed["flows.warm.child"] > 0


def _explains(reason: str) -> bool:
    words = ("not called again", "still running", "AccessDenied", "no answer after", "Invoke", "invoke")
    return any(word in reason for word in words)
