"""Deliveries while three of ten calls on AWS are at fault, and whatever serves or runs them is killed."""

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from killable_installation import KillableInstallation
from polling import eventually
from test_faults_flows import BY_FUNCTIONS, BY_JOB, contract

from acceptance.evidence.audit import audit
from automations import pause_what_keeps_failing
from flows.evidence.audit import read_stored

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
"""Of each call: three of ten are hit by one of them."""
GOOD = "id,quantity\n1,10\n2,20\n"
BY_ONE_FUNCTION = """[
        {invoke: ingestplain, payload: {key: "{key}"}, within: 20s},
        {await_object: "s3://sor/plain/day={business_date:%Y%m%d}/", within: 8s},
      ]"""
CONTRACTS = {
    "functions": contract("functions", BY_FUNCTIONS, override=True),
    "plain": contract("plain", BY_ONE_FUNCTION, override=False),
    "jobs": contract("jobs", BY_JOB, override=False),
}
"""One with an override, whose deliveries run one after the other, one that is judged in lots, one with a Glue job."""

SEED = os.environ.get("SOAK_SEED")
"""What a run prints, to have its faults, kills and deliveries again, though not the moments at which they meet."""


@dataclass
class Soak:
    aceite: KillableInstallation
    seed: int
    right: dict[str, str] = field(default_factory=dict)
    killed: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def land(self, **deliveries: int) -> None:
        for dataset, number in deliveries.items():
            for day in range(number):
                fault = self.chance.choice(("", "", "", "row-dropped"))
                key = f"{dataset}/{FIRST + timedelta(days=day):%Y%m%d}/rows.csv"
                metadata = {"aceite-fault": fault} if fault else {}
                self.aceite.s3.put_object(Bucket="landing", Key=key, Body=GOOD.encode(), Metadata=metadata)
                self.right[key] = "rejected" if fault else "accepted"

    def inject(self, faults: list[dict[str, Any]]) -> None:
        told = [fault | {"seed": self.chance.randrange(2**31)} for fault in faults]
        httpx.put(f"{self.aceite.endpoint}/_aceite/faults", json=told, timeout=30).raise_for_status()

    def faults_made(self) -> tuple[int, int]:
        told = httpx.get(f"{self.aceite.endpoint}/_aceite/faults", timeout=30).json()["faults"]
        return max(each["requested"] for each in told), sum(each["made"] for each in told)

    def kill(self, what: str) -> None:
        """As kill -9 does. What nobody starts again by itself is started again."""
        with suppress(psutil.NoSuchProcess):
            self._kills[what]()
            self.killed[what] += 1
        if self.aceite.flows.returncode is not None:
            self.killed["flows that ended by themselves"] += 1
            self.aceite.serve()

    @property
    def _kills(self) -> dict[str, Callable[[], None]]:
        return {
            "a run's process": self._kill_run,
            "the watcher": self._kill_watcher,
            "all flows": self._kill_flows,
            "the server": self._kill_server,
            "everything": self._kill_everything,
        }

    def _kill_run(self) -> None:
        if found := self.aceite.run_processes():
            self.chance.choice(found).kill()

    def _kill_watcher(self) -> None:
        if watcher := self.aceite.watcher():
            watcher.kill()

    def _kill_flows(self) -> None:
        self.aceite.kill_flows()
        self.aceite.serve()

    def _kill_server(self) -> None:
        self.aceite.server.kill()
        self.aceite.server.start()

    def _kill_everything(self) -> None:
        self.aceite.kill_flows()
        self._kill_server()
        self.aceite.serve()

    def go_on(self, kills: list[str], within_s: float) -> None:
        """Until all have verdicts. Each kill comes at a random moment after as many verdicts as chance says."""
        self.chance.shuffle(kills)
        began, kills = time.monotonic(), list(kills)
        after = sorted(self.chance.randrange(int(0.9 * len(self.right))) for _ in kills)
        while (sealed := self.aceite.sealed()) < len(self.right):
            passed_s = time.monotonic() - began
            assert passed_s < within_s, f"{sealed} of {len(self.right)} have verdicts after {passed_s:.0f} s"
            if kills and sealed >= after[-len(kills)]:
                time.sleep(self.chance.uniform(0, 10))  # the moment is the chance's, and not that of a verdict
                self.kill(kills.pop(0))
            time.sleep(0.5)  # between two questions, not instead of one
        asked, made = self.faults_made()
        print(f"{passed_s:.0f} s, {made} faults in {asked} calls, killed {dict(self.killed)}")  # noqa: T201
        assert not kills, f"all was over before these were killed: {kills}"
        assert made > 0.2 * asked


@pytest.fixture
def aceite(tmp_path: Path) -> Iterator[KillableInstallation]:
    with KillableInstallation(tmp_path, CONTRACTS, ACEITE_WORKERS="4", ACEITE_TOGETHER="20") as made:
        made.switch_off(pause_what_keeps_failing.NAME)  # it would do what it is for
        yield made


def check(soak: Soak, before: set[str]) -> None:
    aceite, judged = soak.aceite, soak.aceite.judged()
    by_key = {each["delivery"]["members"][0]["key"]: each for each in judged}
    print(dict(Counter(each["verdict"] for each in judged)))  # noqa: T201
    assert by_key.keys() == soak.right.keys(), "lost"
    assert len(judged) == len(soak.right), "twice"
    wrong = {
        key: (each["verdict"], each["reason"])
        for key, each in by_key.items()
        if each["verdict"] not in (soak.right[key], "inconclusive")
    }
    assert not wrong
    inconclusive = {key: each["reason"] for key, each in by_key.items() if each["verdict"] == "inconclusive"}
    assert not {key: reason for key, reason in inconclusive.items() if not _explains(reason)}
    for dataset in CONTRACTS:
        assert audit(read_stored(aceite.s3, "evidence", dataset, aceite.trusted), aceite.trusted).flaws == ()
    eventually(lambda: aceite.parameters() == before, "the parameters as they were", 60)
    eventually(lambda: aceite.told().keys() == soak.right.keys(), "each verdict told")
    assert set(aceite.told().values()) == {1}, "told twice"


def _explains(reason: str) -> bool:
    words = ("not invoke it again", "still running", "AccessDenied", "no response after", "Invoke", "invoke")
    return any(word in reason for word in words)


def soaked(aceite: KillableInstallation, seed: int) -> Soak:
    print(f"SOAK_SEED={seed}")  # noqa: T201
    return Soak(aceite, seed)


@pytest.mark.proof
def test_deliveries_under_faults_and_kills_at_random_moments_each_have_one_verdict(
    aceite: KillableInstallation,
) -> None:
    soak = soaked(aceite, int(SEED) if SEED else random.randrange(2**31))
    before = aceite.parameters()
    soak.inject(FAULTS)
    soak.land(plain=14, jobs=2, functions=4)
    kills = ["a run's process", "the watcher", "everything"]
    soak.go_on(kills, 280)
    soak.inject([])
    check(soak, before)


@pytest.mark.proof
def test_two_hundred_deliveries_under_faults_and_kills_each_have_one_verdict_and_leave_no_parameter(
    aceite: KillableInstallation,
) -> None:
    soak = soaked(aceite, int(SEED or 200))
    before = aceite.parameters()
    soak.inject(FAULTS)
    soak.land(plain=186, jobs=6, functions=8)
    kills = ["a run's process"] * 5 + ["the watcher"] * 2 + ["all flows", "the server", "everything"]
    soak.go_on(kills, 1500)
    soak.inject([])
    check(soak, before)
