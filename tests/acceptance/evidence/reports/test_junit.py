from xml.etree import ElementTree as ET

import pytest
from evidence_builder import CHECKS, HOSTILE, accepted, hostile, inconclusive, rejected

from acceptance.evidence.evidence import CheckRecord, Evidence
from acceptance.evidence.reports.junit import junit_xml
from acceptance.judging.judge import Outcome
from acceptance.untrusted_text import one_line


def suite_of(evidence: Evidence) -> ET.Element:
    suites = ET.fromstring(junit_xml(evidence))
    suite = suites.find("testsuite")
    assert suite is not None
    return suite


def counts(suite: ET.Element) -> tuple[int, ...]:
    return tuple(int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped"))


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [(accepted(), (14, 0, 0, 0)), (rejected(), (16, 2, 1, 1)), (inconclusive(), (14, 0, 8, 5))],
)
def test_the_counts_are_those_of_the_steps_and_checks(evidence: Evidence, expected: tuple[int, ...]) -> None:
    suite = suite_of(evidence)
    assert counts(suite) == expected
    assert suite.attrib["name"] == "nycflights-flights 2013-01-01"
    tags = [child.tag for case in suite.iter("testcase") for child in case]
    assert (
        len(list(suite.iter("testcase"))),
        *(tags.count(tag) for tag in ("failure", "error", "skipped")),
    ) == expected


def test_wrong_data_is_a_failure_and_what_could_not_be_judged_an_error() -> None:
    results = {case.attrib["name"]: case for case in suite_of(rejected()).iter("testcase")}
    failure = results["landed_readable"].find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "expected no fault, observed 23 faults, the first in line 118"
    assert "line 118, column distance: '12 km' is not a whole number" in (failure.text or "")
    assert "line 640: 17 columns" in (failure.text or "")
    assert results["tail_numbers"].find("error") is not None
    assert results["dest_known"].find("skipped") is not None
    assert (results["dep_delay_mostly_known"].findtext("system-out") or "").startswith("warned: expected < 5 percent")
    assert len(results["dep_delay_mostly_known"]) == 1


def test_the_rows_that_differ_stand_below_the_check_that_compares_them() -> None:
    cells = CheckRecord(
        id="cells", metric="cellsEqualLanded", outcome=Outcome.FAILED, severity="error", expected="e", observed="o"
    )
    failure = suite_of(rejected(checks=(cells,))).find("testcase[@name='cells']/failure")
    assert failure is not None
    assert (failure.text or "").splitlines()[-3:] == [
        "carrier UA, flight 1545: distance '1400' landed, '1401' in the table (and 1 more)",
        "carrier AA, flight 1141: only landed",
        "carrier B6, flight 725: landed once, in the table twice",
    ]


def test_a_failed_step_is_an_error_with_its_reason_and_request_id() -> None:
    error = suite_of(inconclusive()).find("testcase[@name='invoke lambdastartecstask']/error")
    assert error is not None
    assert "KeyError: 'source_bucket'" in error.attrib["message"]
    assert error.text == "request_id: 0d3f9c52"


def test_ids_and_hashes_are_properties() -> None:
    evidence = accepted()
    found = {item.attrib["name"]: item.attrib["value"] for item in suite_of(evidence).iter("property")}
    assert found["delivery.id"] == evidence.delivery.id
    assert found["contract.sha256"] == evidence.contract.sha256
    assert found["member.1.sha256"] == evidence.delivery.members[0].sha256
    assert found["query.checks"] == evidence.queries[0].query_id
    assert found["table.fingerprint"] == evidence.table.fingerprint
    assert "run.event_id" not in {item.attrib["name"] for item in suite_of(inconclusive()).iter("property")}


@pytest.mark.parametrize("evidence", [inconclusive(steps=(), checks=()), inconclusive(steps=(), checks=CHECKS)])
def test_a_suite_is_never_green_when_the_delivery_is_not_accepted(evidence: Evidence) -> None:
    suite = suite_of(evidence)
    assert counts(suite)[2] == 1
    error = suite.find("testcase[@name='verdict']/error")
    assert error is not None
    assert evidence.reason in error.attrib["message"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_parse_again_as_themselves(text: str) -> None:
    suite = suite_of(hostile(text))
    checks = [case for case in suite.iter("testcase") if case.attrib["classname"].endswith(".checks")]
    assert {case.attrib["name"] for case in checks} == {one_line(text)}
    assert counts(suite) == (8, 2, 2, 1)
    assert len(checks) == 1 + len(Outcome)
