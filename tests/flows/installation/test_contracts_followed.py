"""Contracts that come, change, break and go while `aceite up --sandbox` serves, as a person sees it."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from auth_strings import AUTH_STRING
from builders import contract_text
from polling import eventually
from serving_aceite import Served, up

JUDGED_WITHIN_S = 120


def shop(dataset: str, least: int = 0) -> str:
    columns = f"- {{name: id, logicalType: integer, primaryKey: true, logicalTypeOptions: {{minimum: {least}}}}}"
    steps = f'[{{run_glue_job: load-{dataset}, arguments: {{--key: "{{key}}"}}, within: 5m}}]'
    return contract_text(dataset, columns, day="day", steps=steps)


class Shop:
    """The running installation, its contracts, and the rows that it lands."""

    def __init__(self, served: Served) -> None:
        self.served = served

    def write(self, dataset: str, text: str) -> None:
        """As editors do: nobody sees half a file."""
        path = self.served.contracts / f"{dataset}.odcs.yaml"
        path.with_suffix(".new").write_text(text, encoding="utf-8")
        path.with_suffix(".new").replace(path)

    def remove(self, dataset: str) -> None:
        (self.served.contracts / f"{dataset}.odcs.yaml").unlink()

    def land(self, dataset: str, day: int) -> str:
        s3: Any = boto3.Session("a", "b", region_name="us-east-1").client("s3", endpoint_url=self.served.endpoint)
        key = f"{dataset}/202601{day:02}/rows.csv"
        s3.put_object(Bucket="landing", Key=key, Body=b"id\n1\n2\n")
        return key

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.served.aceite("status", "--json").stdout)
        return found

    def delivery(self, key: str) -> dict[str, Any] | None:
        return next((each for each in self.status()["deliveries"] if each["keys"] == [key]), None)

    def verdict(self, key: str) -> str:
        told: str = eventually(
            lambda: (self.delivery(key) or {}).get("verdict"), lambda: f"{key}: {self.delivery(key)}", JUDGED_WITHIN_S
        )
        return told

    def switch(self, dataset: str) -> dict[str, Any] | None:
        found = self.served.prefect("automations/filter", limit=200)
        return next((each for each in found if each["name"] == f"Aceite: validate {dataset}"), None)

    def is_on(self, dataset: str) -> bool:
        return bool((self.switch(dataset) or {}).get("enabled"))

    def toggle(self, automation: str, *, on: bool) -> None:
        """As the toggle of Prefect's page does."""
        url = f"{self.served.api}/automations/{automation}"
        httpx.patch(url, json={"enabled": on}, auth=self.served.auth, timeout=30).raise_for_status()

    def told(self, words: str) -> list[str]:
        """The lines of the watcher's log with these words."""
        runs = self.served.prefect("flow_runs/filter", flows={"name": {"any_": ["watch-landing"]}})
        of_runs = {"flow_run_id": {"any_": [run["id"] for run in runs]}}
        return [
            line["message"] for line in self.served.prefect("logs/filter", logs=of_runs) if words in line["message"]
        ]


@pytest.fixture(scope="module")
def shop_served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home, contracts = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("contracts")
    (contracts / "orders.odcs.yaml").write_text(shop("orders"), encoding="utf-8")
    with up(
        ["--sandbox", "--workers", "1"], home, contracts, {"PREFECT_SERVER_API_AUTH_STRING": AUTH_STRING}
    ) as served:
        yield Shop(served)


@pytest.fixture
def refunds(shop_served: Shop) -> Iterator[Shop]:
    """The contract of `refunds` as it should be, taken up."""
    shop_served.write("refunds", shop("refunds"))
    eventually(lambda: shop_served.is_on("refunds"), "its automation")
    eventually(lambda: not shop_served.status()["held_back"], "that it is watched")
    yield shop_served


def test_a_contract_that_is_added_is_taken_up_and_its_first_file_is_accepted(shop_served: Shop):
    assert shop_served.verdict(shop_served.land("orders", 1)) == "accepted"
    shop_served.write("refunds", shop("refunds"))
    eventually(lambda: shop_served.is_on("refunds"), "its automation", 15)
    (said,) = eventually(lambda: shop_served.told("the contract of refunds is taken up"), "the watcher's word", 15)
    assert said.endswith("refunds.odcs.yaml")
    assert shop_served.verdict(shop_served.land("refunds", 1)) == "accepted"  # by a job and a table that it brought


def test_a_contract_that_is_changed_judges_the_next_file(refunds: Shop):
    refunds.write("refunds", shop("refunds", least=2))
    eventually(lambda: refunds.told("the contract of refunds changed"), "the watcher's word", 15)
    assert refunds.verdict(refunds.land("refunds", 2)) == "rejected"


def test_a_broken_contract_keeps_its_own_dataset_back_and_no_other_until_it_is_mended(refunds: Shop):
    refunds.write("refunds", shop("refunds").replace("type: athena", "type: athene"))
    (held,) = eventually(lambda: refunds.status()["held_back"], "the broken contract", 15)
    assert held["dataset"] == "refunds"
    assert "athene" in held["why"]
    eventually(lambda: refunds.told("refunds is not watched any more"), "the watcher's word", 15)
    waiting, other = refunds.land("refunds", 3), refunds.land("orders", 3)
    assert refunds.verdict(other) == "accepted"
    assert refunds.delivery(waiting) is None

    orders = refunds.served.home / "orders.csv"
    orders.write_text("id\n5\n", encoding="utf-8")
    dropped = refunds.served.aceite("drop", str(orders), "--dataset", "orders", "--date", "2026-01-04", "--wait")
    assert dropped.returncode == 0, dropped.stdout + dropped.stderr
    refused = refunds.served.aceite("drop", str(orders), "--dataset", "refunds", "--date", "2026-01-04")
    assert (refused.returncode, "athene" in refused.stderr) == (64, True), refused.stderr
    looks = json.loads(refunds.served.aceite("doctor", "--json").stdout)["findings"]
    found = {each["name"]: each for each in looks}
    assert "athene" in found["contract problem 1"]["found"]
    assert found["landing of orders"]["outcome"] == "green"

    assert len(refunds.told("refunds is not watched any more")) == 1
    refunds.write("refunds", shop("refunds"))
    assert refunds.verdict(waiting) == "accepted"


def test_what_landed_without_a_contract_is_judged_once_it_is_put_back(refunds: Shop):
    refunds.remove("refunds")
    eventually(lambda: not refunds.is_on("refunds"), "its automation is switched off", 15)
    eventually(lambda: refunds.told("any more: put it back"), "the watcher's word", 15)
    assert "no contract any more" in (refunds.switch("refunds") or {})["description"]
    log = (refunds.served.home / "logs" / "flows.log").read_text(encoding="utf-8")
    assert "automation Aceite: validate refunds: switched off" in log
    waiting = refunds.land("refunds", 5)
    assert refunds.verdict(refunds.land("orders", 5)) == "accepted"
    assert refunds.delivery(waiting) is None
    shown = " ".join(refunds.served.aceite("status").stdout.split())
    assert "not watched refunds" in shown
    assert "no contract for this dataset any more" in shown

    refunds.write("refunds", shop("refunds"))
    eventually(lambda: refunds.is_on("refunds"), "its automation is switched on", 15)
    assert refunds.verdict(waiting) == "accepted"


def test_a_dataset_that_a_person_paused_stays_paused_though_its_contract_went_and_came_back(refunds: Shop):
    switch = refunds.switch("refunds")
    assert switch
    refunds.toggle(switch["id"], on=False)
    eventually(lambda: refunds.status()["paused"], "the pause", 30)
    waiting = refunds.land("refunds", 6)
    eventually(lambda: refunds.delivery(waiting), "the delivery that waits", 30)
    refunds.remove("refunds")
    (held,) = eventually(lambda: refunds.status()["held_back"], "that its contract is gone", 15)
    assert held == {"dataset": "refunds", "why": held["why"], "waiting": 1}
    shown = " ".join(refunds.served.aceite("status").stdout.split())
    assert "held back refunds" in shown
    assert "no contract for this dataset any more: put it back" in shown
    assert "switch it on again" not in shown
    looks = {each["name"]: each for each in json.loads(refunds.served.aceite("doctor", "--json").stdout)["findings"]}
    assert (looks["contracts of deliveries"]["outcome"], "refunds" in looks["contracts of deliveries"]["found"]) == (
        "red",
        True,
    )
    site = refunds.served.home / "site"
    refunds.served.aceite("report", "--output", str(site))
    assert "no contract for this dataset any more" in (site / "index.html").read_text(encoding="utf-8")

    refunds.write("refunds", shop("refunds"))
    eventually(lambda: not refunds.status()["held_back"], "that its contract is back", 15)
    eventually(lambda: len(refunds.told("the contract of refunds is taken up")) > 1, "the watcher's word", 15)
    assert not refunds.is_on("refunds")
    refunds.toggle(switch["id"], on=True)
    assert refunds.verdict(waiting) == "accepted"
