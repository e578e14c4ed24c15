"""The published schemas: what is put as evidence follows them, and they refuse what is none."""

import json
from importlib.resources import files
from typing import Any

import pytest
from evidence_builder import HOSTILE, accepted, at, hostile, inconclusive, rejected
from jsonschema import Draft202012Validator, FormatChecker
from sealing import MemoryKey

from acceptance.evidence.evidence import Evidence
from acceptance.evidence.manifest import EvidenceManifest, seals_of
from acceptance.evidence.schemas import MODELS, generated


def published(name: str) -> str:
    """The schema as the package ships it."""
    return files("acceptance.evidence").joinpath("published", f"{name}.schema.json").read_text(encoding="utf-8")


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(published(name)), format_checker=FormatChecker())


def manifest() -> EvidenceManifest:
    evidence = accepted()
    return EvidenceManifest(
        dataset="nycflights-flights",
        number=1,
        previous_sha256=None,
        prefix="deliveries/nycflights-flights/2013-01-01/4be1f0a7c2d95e6b8a01/",
        files=seals_of({"evidence.json": evidence.to_json()}),
        result=evidence.summary,
        sealed=at(30),
        sealed_by=evidence.run.flow_run_id,
    )


@pytest.mark.parametrize("name", MODELS)
def test_the_published_schema_is_the_models(name: str) -> None:
    assert published(name) == generated(name), (
        f"run: aceite evidence schema {name} > the file in acceptance/evidence/published"
    )
    Draft202012Validator.check_schema(json.loads(published(name)))


@pytest.mark.parametrize("evidence", [accepted(), rejected(), inconclusive(), *map(hostile, HOSTILE)])
def test_evidence_follows_its_schema(evidence: Evidence) -> None:
    validator("evidence").validate(json.loads(evidence.to_json()))


def test_a_manifest_follows_its_schema_with_its_signature_and_as_aceite_0_1_wrote_it() -> None:
    validator("manifest").validate(json.loads(manifest().signed(MemoryKey())))
    unsigned = manifest().model_dump_json(exclude={"signature"})
    validator("manifest").validate(json.loads(unsigned))
    assert EvidenceManifest.model_validate_json(unsigned) == manifest()


@pytest.mark.parametrize(
    "changed",
    [
        {"verdict": "fine"},
        {"checks": None},
        {"checks": [{"id": "x"}]},
        {"landed": {"rows": "many"}},
        {"delivery": {"id": "x"}},
        {"run": "nobody"},
    ],
)
def test_what_is_no_evidence_is_refused(changed: dict[str, Any]) -> None:
    document = {**json.loads(accepted().to_json()), **changed}
    assert list(validator("evidence").iter_errors(document))


def test_evidence_of_an_earlier_version_without_the_later_fields_is_still_valid() -> None:
    document = json.loads(rejected().to_json())
    for later in ("history", "differences"):
        del document[later]
    for later in ("before", "during", "after"):
        del document["parameters"][0][later]
    validator("evidence").validate(document)
    assert Evidence.model_validate(document).history == ()


def test_evidence_of_a_later_version_with_further_fields_is_valid_and_can_be_read() -> None:
    document = json.loads(accepted().to_json())
    document["checks"][0]["waived_by"] = document["waivers"] = "somebody"
    validator("evidence").validate(document)
    assert Evidence.model_validate(document) == accepted()
