"""People are told why in their language; what programs listen to and keep is the same in every language.

On a real Prefect server, and the sandbox's AWS.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from judged_formats import DAY, Dataset, Installation, column, installed, parquet
from prefect.client.schemas.objects import State

from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.object_keys import delivery_prefix
from cli.verbs.landing_files import landed_delivery
from flows.validate_deliveries import validate_deliveries
from flows.validate_delivery import validate_delivery

COLUMNS = (column("id", "bigint", key=True), column("title", "string"))
SENT = Dataset("told", COLUMNS, ending="parquet", format="parquet", by_job=False)
TWICE = parquet(id=[7, 7], title=["a", "b"])
"""The key stands twice, so this file is rejected."""


@pytest.fixture(scope="module")
def installation(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("told"), [SENT], prefect_server) as found:
        yield found


def landed(installation: Installation, number: int, content: bytes) -> Delivery:
    key = installation.contracts[0].template.write(DAY + timedelta(days=number), {"file": "f"})
    installation.s3.put_object(Bucket="landing", Key=key, Body=content)
    return landed_delivery(installation.s3, "landing", key, installation.contracts)


def judged(delivery: Delivery) -> State:
    state: Any = validate_delivery(DeliveryPointer.to(delivery), return_state=True)
    return state


def test_a_run_says_in_portuguese_why_it_rejected_and_its_evidence_stays_as_it_was(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ACEITE_LANGUAGE", "pt-BR")
    delivery = landed(installation, 1, TWICE)
    state = judged(delivery)
    assert (state.name, state.type.value) == ("Rejected", "FAILED")
    assert state.message == "primary_key_unique: esperado (id) nunca se repete, encontrado 1 linha"
    body = installation.s3.get_object(Bucket="evidence", Key=delivery_prefix(delivery) + "evidence.json")["Body"]
    content = body.read()
    evidence = Evidence.model_validate_json(content)
    assert evidence.reason == "primary_key_unique: expected (id) never twice the same, observed 1 row"
    assert (evidence.language, json.loads(content)["verdict"]) == ("pt-BR", "rejected")
    told = evidence.in_language()
    assert told.reason == state.message
    assert {check.id: check.observed for check in told.checks}["partition_exists"].startswith("objetos em s3://")


def test_a_run_of_many_says_it_in_portuguese_too(installation: Installation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ACEITE_LANGUAGE", "pt-BR")
    good, bad = landed(installation, 2, parquet(id=[1], title=["a"])), landed(installation, 3, TWICE)
    state: Any = validate_deliveries([DeliveryPointer.to(each) for each in (good, bad)], return_state=True)
    assert state.name == "Rejected"
    assert state.message == (
        f"1 aceita, 1 rejeitada; {bad.title}: primary_key_unique: esperado (id) nunca se repete, encontrado 1 linha"
    )


def test_english_is_the_default(installation: Installation):
    state = judged(landed(installation, 4, TWICE))
    assert state.message == "primary_key_unique: expected (id) never twice the same, observed 1 row"
