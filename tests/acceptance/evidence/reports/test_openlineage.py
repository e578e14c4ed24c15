"""The run event that lineage catalogs take. Its validity is shown against OpenLineage's own schemas, where they are.

They are not copied into the project: `OPENLINEAGE_SPEC` names the folder `spec` of a clone of OpenLineage/OpenLineage.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from evidence_builder import HOSTILE, MEMBER, accepted, hostile, inconclusive, rejected
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from acceptance.evidence.evidence import Evidence
from acceptance.evidence.reports.openlineage import openlineage_json
from acceptance.judging.judge import Outcome

EVERY = [accepted(), rejected(), inconclusive(), *map(hostile, HOSTILE)]
SPEC = os.environ.get("OPENLINEAGE_SPEC")


def event(evidence: Evidence) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(openlineage_json(evidence))
    return found


def facets(of: dict[str, Any]) -> list[dict[str, Any]]:
    places = [of["run"], of["job"], *of["inputs"]]
    return [facet for place in places for kind in ("facets", "inputFacets") for facet in place.get(kind, {}).values()]


@pytest.fixture(scope="module")
def published() -> Registry[Any]:
    if SPEC is None:
        pytest.skip("OPENLINEAGE_SPEC names no clone of OpenLineage's spec; see CONTRIBUTING.md")
    files = [Path(SPEC) / "OpenLineage.json", *(Path(SPEC) / "facets").glob("*.json")]
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return Registry().with_resources([(found["$id"], Resource.from_contents(found)) for found in documents])


@pytest.mark.parametrize("evidence", EVERY)
def test_the_event_and_each_facet_is_valid_by_the_published_schemas(
    published: Registry[Any], evidence: Evidence
) -> None:
    told = event(evidence)
    for document, address in ((told, told["schemaURL"]), *((facet, facet["_schemaURL"]) for facet in facets(told))):
        Draft202012Validator({"$ref": address}, registry=published, format_checker=FormatChecker()).validate(document)


@pytest.mark.parametrize("evidence", EVERY)
def test_each_facet_names_its_producer_and_its_schema(evidence: Evidence) -> None:
    for facet in facets(event(evidence)):
        assert facet["_producer"].startswith("urn:aceite:")
        assert facet["_schemaURL"].startswith("https://openlineage.io/spec/facets/")


def test_the_run_is_the_flow_run_and_the_inputs_are_what_landed_and_the_table() -> None:
    told, evidence = event(accepted()), accepted()
    assert told["run"]["runId"] == evidence.run.flow_run_id
    assert (told["eventType"], told["eventTime"]) == ("COMPLETE", "2026-11-23T08:12:31.400000Z")
    landed, table = told["inputs"]
    assert (landed["namespace"], landed["name"]) == ("s3://landing", MEMBER.key)
    assert landed["facets"]["version"]["datasetVersion"] == MEMBER.version_id
    assert table["name"] == "awsdatacatalog.database_sor.flights_table"
    assert table["inputFacets"]["dataQualityMetrics"]["rowCount"] == 842


def test_each_check_is_a_test_of_the_run_and_what_was_measured_an_assertion_on_its_dataset() -> None:
    told, evidence = event(rejected()), rejected()
    tests = {test["name"]: test for test in told["run"]["facets"]["test"]["tests"]}
    assert list(tests) == [check.id for check in evidence.checks]
    assertions = {
        assertion["name"]: assertion
        for place in told["inputs"]
        for assertion in place["inputFacets"]["dataQualityAssertions"]["assertions"]
    }
    for check in evidence.checks:
        measured = check.outcome in (Outcome.PASSED, Outcome.WARNED, Outcome.FAILED)
        assert (check.id in assertions) == measured, check
        if measured:
            assert assertions[check.id]["success"] == (check.outcome is Outcome.PASSED)
            assert (assertions[check.id]["expected"], assertions[check.id]["actual"]) == (
                check.expected,
                check.observed,
            )
    assert tests["cells_equal_landed"]["status"] == "fail"
    assert (tests["dep_delay_mostly_known"]["status"], tests["dep_delay_mostly_known"]["severity"]) == ("fail", "warn")


def test_what_could_not_be_judged_is_never_told_as_bad_data() -> None:
    told = event(inconclusive())
    assert told["eventType"] == "FAIL"
    assert told["run"]["facets"]["errorMessage"]["message"] == inconclusive().reason
    assert {test["status"] for test in told["run"]["facets"]["test"]["tests"]} == {"skip"}
    assert not [place for place in told["inputs"] if "dataQualityAssertions" in place["inputFacets"]]
