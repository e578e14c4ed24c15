"""What a run does that is told of a delivery that never landed: nothing, and it says why."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest
from builders import contract_text

from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.errors import PointerRefused
from aws.s3.objects import list_objects
from blocks.build import save_blocks
from blocks.settings import read_settings
from cli.serving.installation import SANDBOX_SETTINGS
from cli.verbs.landing_files import landed_delivery
from flows.installation.clients import load_clients
from flows.installation.installed import contract_of, installed_contracts
from flows.steps.landed import confirm_delivery
from flows.validate_deliveries import validate_deliveries
from flows.validate_delivery import validate_delivery
from sandbox.pipeline.provision import provision
from sandbox.server import REGION, LocalAws

DAY = "20260102"
OVERRIDE = '[{parameter: /sales/_test, set: {key: "{key}"}}]'
RULES = {
    "marked": "{complete: marker, marker: _SUCCESS}",
    "listed": "{complete: manifest, manifest: manifest.json}",
    "counted": "{complete: count, files: 2}",
    "quiet": "{complete: quiet, quiet_for: 1h}",
}


@dataclass
class Sandbox:
    aws: LocalAws

    def __post_init__(self) -> None:
        session = boto3.Session("test", "test", region_name=REGION)
        self.s3, self.ssm = (session.client(name, endpoint_url=self.aws.endpoint) for name in ("s3", "ssm"))

    def land(self, name: str, body: str = "id\n1\n", dataset: str = "sales", day: str = DAY) -> None:
        self.s3.put_object(Bucket="landing", Key=f"{dataset}/{day}/{name}", Body=body.encode())

    def landed(self, name: str, dataset: str = "sales") -> Delivery:
        """What the watcher makes of this one object."""
        return landed_delivery(self.s3, "landing", f"{dataset}/{DAY}/{name}", installed_contracts())

    def group(self, dataset: str, *names: str) -> Delivery:
        """A delivery of these files of the day, as they are there."""
        files = [self.landed(name, dataset) for name in names]
        return replace(files[0], members=tuple(sorted(each.first for each in files)))

    def left(self) -> list[str]:
        """What runs leave behind: objects in the evidence bucket, and versions of the parameter."""
        kept = [each.key for each in list_objects(self.s3, "evidence", "")]
        return kept + [each["Name"] for each in self.ssm.describe_parameters()["Parameters"]]


@pytest.fixture(scope="module")
def sandbox(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    home = tmp_path_factory.mktemp("refused")
    contracts = {"sales": contract_text("sales", database="lab", override=OVERRIDE)}
    contracts |= {name: contract_text(name, database="lab", delivery=rule) for name, rule in RULES.items()}
    for name, text in contracts.items():
        (home / f"{name}.odcs.yaml").write_text(text, encoding="utf-8")
    with LocalAws() as aws, pytest.MonkeyPatch.context() as environment:
        own = {"ACEITE_AWS_ENDPOINT_URL": aws.endpoint, "ACEITE_CONTRACTS": str(home), "ACEITE_HOME": str(home)}
        for name, value in (SANDBOX_SETTINGS | own).items():
            environment.setenv(name, value)
        save_blocks(read_settings())
        _forget()
        provision(boto3.Session("test", "test", region_name=REGION), aws.endpoint, installed_contracts())
        yield Sandbox(aws)
    _forget()


def _forget() -> None:
    for known in (load_clients, installed_contracts):
        known.cache_clear()


def said(delivery: Delivery) -> dict[str, Any]:
    return DeliveryPointer.to(delivery).model_dump(mode="json")


def run(pointer: object, **more: Any) -> tuple[str, str, str]:
    """The name, type and message of the state in which a run of this pointer ends."""
    flow: Any = validate_deliveries if isinstance(pointer, list) else validate_delivery
    state = flow(pointer, return_state=True, **more)
    return state.name, state.type.value, state.message


def test_a_run_that_is_told_of_an_object_elsewhere_reads_claims_changes_and_leaves_nothing(sandbox: Sandbox) -> None:
    sandbox.s3.create_bucket(Bucket="payroll")
    sandbox.s3.put_object(Bucket="payroll", Key=f"sales/{DAY}/a.csv", Body=b"id\nSECRETSALARY\n")
    sandbox.land("a.csv")
    true, before = sandbox.landed("a.csv"), sandbox.left()
    elsewhere = replace(true, members=(replace(true.first, bucket="payroll"),))
    name, kind, why = run(said(elsewhere))
    assert (name, kind) == ("Refused", "FAILED")
    assert f"s3://payroll/sales/{DAY}/a.csv fits no contract" in why
    sandbox.land("a.csv", "id\n1\n2\n")
    name, _, why = run(said(true))
    assert name == "Refused"
    assert f"s3://landing/sales/{DAY}/a.csv is not the version that the pointer names" in why
    for malformed in ({"members": 1}, "a text"):
        assert run(malformed)[:2] == ("Refused", "FAILED")
    assert run(said(true), event_id="no id")[0] == "Refused"
    assert sandbox.left() == before
    assert run(said(sandbox.landed("a.csv")))[0] == "Accepted", "it is judged: the sandbox's S3 has called the pipeline"


def test_among_many_a_forged_pointer_is_refused_and_the_true_ones_are_judged(sandbox: Sandbox) -> None:
    sandbox.land("b.csv")
    true = said(sandbox.landed("b.csv"))
    forged = [true | {"id": "f" * 20}, true | {"id": "e" * 20, "fields": {}}]
    name, kind, why = run([forged[0], true, forged[1]])
    assert (name, kind) == ("Refused", "FAILED")
    assert why.startswith("refused: 2, judged: 1; sales 2026-01-02 b.csv: the pointer has the id")
    assert any(true["id"] in each for each in sandbox.left())
    assert run([true, true])[2] == "it names a delivery twice; name each once"
    assert run(["no pointer"])[0] == "Refused"
    for side_by_side in (0, -1, "4"):
        assert run([true], side_by_side=side_by_side)[0] == "Refused"


def refusal(delivery: Delivery) -> str:
    """Why the delivery is not what S3 lists; empty if it is."""
    try:
        confirm_delivery.fn(delivery, contract_of(delivery.dataset))
    except PointerRefused as why:
        return str(why)
    return ""


def test_several_files_are_a_delivery_only_if_their_rule_is_met_by_exactly_these(sandbox: Sandbox) -> None:
    for dataset in RULES:
        sandbox.land("a.csv", dataset=dataset)
        sandbox.land("b.csv", dataset=dataset)
    one, two = ({each: sandbox.group(each, *names) for each in RULES} for names in (("a.csv",), ("a.csv", "b.csv")))
    assert "no marker has landed" in refusal(two["marked"])
    assert "no manifest has landed" in refusal(two["listed"])
    assert "files still land" in refusal(two["quiet"])
    assert refusal(two["counted"]) == ""
    sandbox.land("_SUCCESS", "", "marked")
    sandbox.land("manifest.json", json.dumps(["a.csv"]), "listed")
    assert (refusal(two["marked"]), refusal(one["listed"])) == ("", "")
    fewer = "the pointer names files: 1, but those that are there make a delivery of 2"
    assert refusal(one["marked"]) == f"{fewer}; they differ in marked/{DAY}/b.csv"
    assert "they differ in" in refusal(one["counted"])
    assert f"they differ in listed/{DAY}/b.csv" in refusal(two["listed"])
    sandbox.land("manifest.json", json.dumps([{"key": "a.csv", "sha256": "0" * 64}]), "listed")
    assert "the manifest says" in refusal(one["listed"])
    sandbox.land("c.csv", dataset="counted")
    assert "more than the 2 of the delivery" in refusal(two["counted"])
    sandbox.land("a.csv", "id\n2\n", "marked")
    assert "is not the version" in refusal(two["marked"])


def test_a_delivery_that_was_claimed_is_not_refused_when_its_pipeline_took_the_file_away(sandbox: Sandbox) -> None:
    sandbox.land("c.csv")
    true = said(sandbox.landed("c.csv"))
    assert run(true)[0] == "Accepted"
    sandbox.s3.delete_object(Bucket="landing", Key=f"sales/{DAY}/c.csv")
    assert run(true)[0] == "Duplicate"
