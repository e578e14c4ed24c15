"""The world that chaos comes upon: an account, `aceite up` with everything that it serves, and files that land."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
from builders import contract_text
from polling import eventually
from serving_aceite import Served, sandbox, up

from acceptance.announcing.delivery_events import VERDICT_EVENTS

COLUMNS = """
    - {name: id, logicalType: integer, physicalType: int, required: true, primaryKey: true}
    - {name: quantity, logicalType: integer, physicalType: int, logicalTypeOptions: {minimum: 1}}
    - {name: day, logicalType: string, partitioned: true}
"""
STEPS = """[
    {invoke: copyDATASET, payload: {key: "{key}"}, within: 1m},
    {await_object: "s3://stage/{key}", within: 1m},
    {run_glue_job: jobDATASET, arguments: {--key: "{key}"}, within: 2m},
  ]"""
OVERRIDES = {
    "kept": '[{parameter: /chaos/kept, set: {key: "{key}"}}]',
    "copied": '[{parameter: /chaos/copied/_test, copy_of: /chaos/copied, set: {key: "{key}"}}]',
    "together": "",
}
"""A parameter that is there before and after, one that is not, and none: only then one run judges many."""

PARAMETERS = {"/chaos/kept": '{"source": "of others", "key": "theirs"}', "/chaos/copied": '{"source": "of others"}'}
ROWS = b"id,quantity\n1,10\n2,20\n"
FIRST_DAY = date(2026, 1, 1)
KEY_ID = "AKIAOFSOMEBODY"
SLOW_CALLS = [{"service": "lambda", "operation": "Invoke", "kind": "slow", "seconds": 2.5, "callers": [KEY_ID]}]
"""Each pipeline takes some seconds, so that much is pressed in the middle of it."""
PATIENCE_S = "20"
ANNOUNCED_WITHIN_S = 5
"""What landed has a run by then, if nothing is in its way."""


def contract(dataset: str) -> str:
    override = {"override": OVERRIDES[dataset]} if OVERRIDES[dataset] else {}
    partition = '{day: "{business_date:%Y%m%d}"}'
    steps = STEPS.replace("DATASET", dataset)
    return contract_text(dataset, COLUMNS, database="chaos", steps=steps, partition=partition, **override)


@dataclass
class World:
    served: Served
    landed: dict[str, float] = field(default_factory=dict)
    """When each key landed, by the monotonic clock."""
    _days: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        session: Any = boto3.Session("any", "thing", region_name="us-east-1")
        self.s3, self.ssm = (session.client(name, endpoint_url=self.served.endpoint) for name in ("s3", "ssm"))

    def land(self, dataset: str) -> str:
        key = f"{dataset}/{FIRST_DAY + timedelta(days=self._days[dataset]):%Y%m%d}/rows.csv"
        self._days[dataset] += 1
        self.s3.put_object(Bucket="landing", Key=key, Body=ROWS)
        self.landed[key] = time.monotonic()
        return key

    def give_work(self) -> None:
        """Land more deliveries, so many that some of them wait for a process. What landed just now comes first."""
        if max(self.landed.values()) + ANNOUNCED_WITHIN_S < time.monotonic():
            for dataset in ("kept", "kept", "copied", "copied"):
                self.land(dataset)

    def parameters(self) -> dict[str, tuple[str, str, str]]:
        """Type, tier and value of every parameter, by name."""
        pages = self.ssm.get_paginator("describe_parameters").paginate()
        known = {each["Name"]: each for page in pages for each in page["Parameters"]}
        values = {name: self.ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"] for name in known}
        return {name: (each["Type"], known[name]["Tier"], each["Value"]) for name, each in values.items()}

    def verdicts(self) -> dict[str, list[dict[str, Any]]]:
        """The evidence that there is, by the key of its delivery."""
        found: dict[str, list[dict[str, Any]]] = {}
        for place in self._evidence("evidence.json"):
            evidence = json.loads(self.s3.get_object(Bucket="evidence", Key=place)["Body"].read())
            found.setdefault(evidence["delivery"]["members"][0]["key"], []).append(evidence)
        return found

    def count_verdicts(self) -> int:
        return len(self._evidence("manifest.json"))

    def _evidence(self, file: str) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="evidence", Prefix="deliveries/")
        keys = (item["Key"] for page in pages for item in page.get("Contents", ()))
        return [key for key in keys if key.endswith(f"/{file}")]

    def locks(self) -> list[dict[str, Any]]:
        """The locks on parameters that are open."""
        listed = self.s3.list_objects_v2(Bucket="evidence", Prefix="overrides/").get("Contents", ())
        bodies = (self.s3.get_object(Bucket="evidence", Key=item["Key"])["Body"].read() for item in listed)
        return [lock for lock in map(json.loads, bodies) if not lock["closed"]]

    def told(self) -> Counter[str]:
        """How many verdicts Prefect's server was told of, by key. Copies of an event have one id."""
        wanted = {"event": {"name": list(VERDICT_EVENTS.values())}}
        with httpx.Client(auth=self.served.auth, timeout=60) as client:
            answer = client.post(f"{self.served.api}/events/filter", json={"filter": wanted, "limit": 50})
            events: dict[str, str] = {}
            while True:
                page = answer.raise_for_status().json()
                events |= {each["id"]: each["resource"]["prefect.resource.id"] for each in page["events"]}
                if page["next_page"] is None:
                    return Counter(uri.removeprefix("s3://landing/") for uri in events.values())
                answer = client.get(page["next_page"])

    def status(self) -> dict[str, Any]:
        """What `aceite status` says now."""
        answer = self.served.aceite("status", "--json")
        assert answer.returncode == 0, answer.stderr
        document: dict[str, Any] = json.loads(answer.stdout)
        return document

    def doctor(self) -> list[dict[str, str]]:
        """What `aceite doctor` finds wrong."""
        answer = self.served.aceite("doctor", "--json")
        assert answer.returncode in (0, 1), answer.stdout + answer.stderr
        return [each for each in json.loads(answer.stdout)["findings"] if each["outcome"] in ("red", "grey")]

    def apply(self) -> None:
        """What the documentation says where a block, a deployment or an automation is missing.

        Somebody may delete what it is about to change: then a person enters it once more.
        """
        said: list[str] = []

        def applied() -> bool:
            answer = self.served.aceite("apply")
            said.append(answer.stdout + answer.stderr)
            return answer.returncode == 0

        eventually(applied, lambda: f"`aceite apply`, which said {said}", 60, every_s=1)

    @property
    def is_served(self) -> bool:
        return self.served.process.poll() is None


@contextmanager
def world(folder: Path) -> Iterator[World]:
    home, contracts = folder / "home", folder / "contracts"
    home.mkdir()
    contracts.mkdir()
    for dataset in OVERRIDES:
        (contracts / f"{dataset}.odcs.yaml").write_text(contract(dataset), encoding="utf-8")
    with sandbox(folder, contracts) as endpoint:
        httpx.put(f"{endpoint}/_aceite/faults", json=SLOW_CALLS, timeout=30).raise_for_status()
        environment = {
            "ACEITE_AWS_ENDPOINT_URL": endpoint,
            "ACEITE_AWS_REGION": "us-east-1",
            "ACEITE_AWS_ACCESS_KEY_ID": KEY_ID,
            "ACEITE_AWS_SECRET_ACCESS_KEY": "OfSomebody",
            "ACEITE_PATIENCE_S": PATIENCE_S,
            "ACEITE_POLL_S": "1",
            "ACEITE_WORKERS": "2",
        }
        with up([], home, contracts, environment) as served:
            made = World(served)
            for name, value in PARAMETERS.items():
                made.ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
            yield made
