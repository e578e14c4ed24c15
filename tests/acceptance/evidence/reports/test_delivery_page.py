import hashlib
import json
import re
from dataclasses import replace

import pytest
from evidence_builder import DIFFERENCES, HOSTILE, PARAMETER, accepted, at, hostile, inconclusive, rejected, step
from html_page import FETCHES, Page

from acceptance.evidence.evidence import Evidence, StepRecord, StepStatus
from acceptance.evidence.provenance import ParameterState
from acceptance.evidence.reports.delivery_page import evidence_html
from acceptance.evidence.reports.shortened import CELL
from acceptance.judging.judge import Outcome
from acceptance.proof.differences import DifferenceKind, DifferingCell, DifferingRow
from acceptance.untrusted_text import LONGEST_TEXT, one_line

OWN = (
    r"#icon-[a-z]+|evidence\.json"
    r"|\.\./\.\./\.\./\.\./deliveries/nycflights-flights/2012-12-30/[0-9a-f]{20}/evidence\.html"
    r"|\.\./\.\./\.\./\.\./reports/dataset-nycflights-flights\.html#[0-9a-f]{20}"
)
"""The addresses of a page: its own symbols, and objects of the evidence bucket."""
EVERY = [accepted(), rejected(), inconclusive(), *(hostile(text) for text in HOSTILE)]


@pytest.mark.parametrize("evidence", EVERY)
def test_a_page_is_well_formed_and_nothing_on_it_can_be_fetched_or_run(evidence: Evidence) -> None:
    html = evidence_html(evidence, links={"evidence.json": "evidence.json", "Kept in": "s3://evidence/x/"})
    page = Page(html)
    assert not {"img", "link", "iframe", "object", "embed", "form", "base", "audio", "video"} & {
        tag for tag, _ in page.tags
    }
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        addresses = [value for name, value in attributes.items() if name in FETCHES]
        assert all(re.fullmatch(OWN, address or "") for address in addresses), (
            tag,
            addresses,
        )
        assert tag != "script" or attributes == {"type": "application/json", "id": "evidence"}
    style = page.inside("style")
    assert re.findall(r"url\((.*?)\)", style) == ["#stripes"]
    assert "@import" not in style
    policy = next(
        a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith("default-src 'none';")


@pytest.mark.parametrize("evidence", EVERY)
def test_the_page_carries_the_whole_evidence_unharmed(evidence: Evidence) -> None:
    html = evidence_html(evidence)
    assert html.count("<script") == html.count("</script") == 1
    assert Evidence.model_validate(json.loads(Page(html).inside("script"))) == Evidence.model_validate_json(
        evidence.to_json()
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_a_cell_holds_is_shown_as_text(text: str) -> None:
    plain, shown = Page(evidence_html(hostile("plain"))), Page(evidence_html(hostile(text)))
    tags = [tag for tag, attributes in shown.tags if attributes.get("class") != "told"]  # what names odd characters
    assert tags == [tag for tag, _ in plain.tags] or len(text) > CELL  # it is cut, and says so
    cells = [content for tag, content in shown.texts if tag == "td"]
    assert one_line(text[:CELL], LONGEST_TEXT) in cells
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown.text)


@pytest.mark.parametrize(
    ("evidence", "verdict", "sign"),
    [
        (accepted(), "accepted", "Landed = table"),
        (rejected(), "rejected", "Landed and table differ"),
        (inconclusive(), "inconclusive", "Landed and table: not compared"),
    ],
)
def test_the_verdict_is_said_in_words_and_shape_with_its_reason_and_comparison(
    evidence: Evidence, verdict: str, sign: str
) -> None:
    page = Page(evidence_html(evidence))
    assert page.inside("h1").strip() == verdict.capitalize()
    assert ("use", {"href": f"#icon-{verdict}"}) in page.tags
    assert evidence.reason in page.text
    assert sign in page.inside("h2")


def test_equal_row_counts_alone_are_not_called_equal() -> None:
    table = accepted().table.model_copy(update={"fingerprint": None})
    page = Page(evidence_html(accepted(table=table)))
    assert "not compared" in page.inside("h2")
    assert "same row count, cells unknown" in page.inside("span")


def test_a_different_row_count_differs_even_when_cells_are_unknown() -> None:
    table = accepted().table.model_copy(update={"fingerprint": None, "rows": 841})
    page = Page(evidence_html(accepted(table=table)))
    assert "Landed and table differ" in page.inside("h2")
    assert "row counts differ" in page.inside("span")


def test_every_outcome_appears_and_failures_come_first() -> None:
    html = evidence_html(rejected())
    rows = re.findall(r'<tr class="outcome-(\w+)">', html)
    assert rows == ["failed", "failed", "warned", "errored", "skipped", "passed", "passed", "passed"]
    assert set(rows) == {outcome.value for outcome in Outcome}


def test_passed_checks_are_folded_when_something_failed_or_they_are_many() -> None:
    assert "<details open>" not in evidence_html(accepted(checks=accepted().checks * 3))
    assert "<details>" in evidence_html(rejected())
    assert "<details open>" in evidence_html(accepted())


def test_steps_that_did_not_run_are_listed_without_a_bar() -> None:
    evidence = inconclusive()
    html = evidence_html(evidence)
    assert Page(html).with_class("bar") == ["rect"] * sum(step.started is not None for step in evidence.steps)
    for recorded in evidence.steps:
        assert f"<title>{recorded.name}: {recorded.status}" in html


def test_the_faults_of_the_landed_file_are_shown_with_how_many_there_are() -> None:
    text = Page(evidence_html(rejected())).text
    assert "The first 2 of 23 faults" in text
    assert "'12 km' is not a whole number" in text


def test_every_identifier_an_auditor_follows_is_on_the_page() -> None:
    evidence = accepted()
    text = Page(evidence_html(evidence)).text
    member = evidence.delivery.members[0]
    ids = [evidence.delivery.id, evidence.contract.sha256, evidence.run.flow_run_id, evidence.run.event_id]
    ids += [
        evidence.run.aws_caller,
        evidence.run.aws_account,
        member.uri,
        member.etag,
        member.sha256,
        member.version_id,
    ]
    ids += [evidence.queries[0].query_id, evidence.queries[0].sql, evidence.landed.fingerprint]
    ids += [id for recorded in evidence.steps for id in recorded.ids.values()]
    assert [id for id in ids if id is None or id not in text] == []


def test_a_parameter_that_stayed_changed_is_said_in_words() -> None:
    left = PARAMETER.model_copy(update={"restored": False})
    assert "Not restored" in Page(evidence_html(accepted(parameters=(left,)))).text
    assert "Not restored" not in Page(evidence_html(accepted())).text


def test_what_was_read_back_of_a_parameter_is_shown_before_during_and_after() -> None:
    def state(version: int) -> ParameterState:
        return ParameterState(version=version, type="SecureString", last_modified=at(version))

    seen = PARAMETER.model_copy(
        update={"existed_before": True, "before": state(3), "during": state(4), "after": state(5)}
    )
    page = Page(evidence_html(accepted(parameters=(seen,))))
    assert "Restored" in page.text
    assert [word in page.text for word in ("version 3", "version 4", "version 5", "SecureString")] == [True] * 4


def test_rows_that_differ_are_shown_with_both_values_of_each_cell() -> None:
    page = Page(evidence_html(rejected()))
    assert "1 row changed, 1 row only landed, 1 row not as often" in page.inside("h3")
    for text in ("dep_delay", "1400", "1401", "whole row", "JFK", "2 times", "spaces at the ends", "2 of 64"):
        assert text in page.text
    much = replace(DIFFERENCES, buckets=40, counts={DifferenceKind.CHANGED: 5000})
    text = Page(evidence_html(rejected(differences=much))).text
    assert "5\u202f000 rows changed" in text
    assert "Counted in 2 of the 40 buckets" in text
    assert "Some of them are shown" in text


def test_without_a_key_a_row_that_differs_is_shown_by_its_values_and_counts() -> None:
    cells = (DifferingCell("carrier", "AA", "AA"), DifferingCell("origin", None, None))
    often = DifferingRow(DifferenceKind.REPEATED, {}, cells, landed_times=1_000_000, table_times=999_999)
    lost = DifferingRow(DifferenceKind.ONLY_LANDED, {}, (DifferingCell("carrier", "B6", None),), 3, 0)
    text = Page(evidence_html(rejected(differences=replace(DIFFERENCES, rows=(often, lost))))).text
    assert "carrier AAorigin nullnot as oftenwhole row1\u202f000\u202f000 times999\u202f999 times" in text
    assert "only landed, 3 timescarrier B6" in text


def test_of_values_that_look_alike_the_page_names_what_differs() -> None:
    cells = (
        DifferingCell("carrier", "S\u00e3o", "Sa\u0303o"),
        DifferingCell("origin", "a" * 5000 + "x", "a" * 5000 + "y"),
    )
    row = DifferingRow(DifferenceKind.CHANGED, {"flight": "c\u0430sa"}, cells)
    page = Page(evidence_html(rejected(differences=replace(DIFFERENCES, rows=(row,)))))
    assert "normal form NFC landed, NFD in the table" in page.inside("small")
    assert "character 2 is U+0430 CYRILLIC SMALL LETTER A" in page.inside("small")
    assert "they differ from character 5,001 on, of 5,001 landed and 5,001 in the table" in page.inside("small")
    assert "aax" in page.text and "aay" in page.text
    assert [text for tag, text in page.texts if tag == "mark"] == ["\u00e3", "a", "x", "y"]
    assert max(len(text) for tag, text in page.texts if tag == "span") <= 160


def test_rows_that_break_a_check_are_shown_and_the_checked_column_is_marked() -> None:
    page = Page(evidence_html(rejected()))
    assert "2 rows that break it" in page.text
    marked = [attributes for tag, attributes in page.tags if tag == "th" and attributes.get("class") == "mark"]
    assert len(marked) == 1


def test_the_page_shows_the_hash_of_the_evidence_as_it_was_put() -> None:
    source = accepted().to_json()
    assert hashlib.sha256(source).hexdigest() in evidence_html(accepted(), source=source)
    assert hashlib.sha256(source + b" ").hexdigest() in evidence_html(accepted(), source=source + b" ")


def test_a_run_that_recorded_next_to_nothing_still_has_a_page() -> None:
    delivery = accepted().delivery.model_copy(update={"members": ()})
    sparse = inconclusive(steps=(), checks=(), parameters=(), delivery=delivery)
    text = Page(evidence_html(sparse)).text
    for sentence in (
        "recorded no step",
        "made no check",
        "No query was run",
        "changed no parameter",
    ):
        assert sentence in text


def test_the_same_evidence_always_gives_the_same_page() -> None:
    assert evidence_html(rejected()) == evidence_html(Evidence.model_validate_json(rejected().to_json()))


def test_a_link_leads_only_to_objects_of_the_evidence_bucket() -> None:
    links = {
        "junit": "junit.xml",
        "a": "javascript:alert(1)",
        "b": "//example.com/x",
        "c": "../x",
        "d": "https://example.com",
    }
    page = Page(evidence_html(accepted(), links=links))
    found = [attributes["href"] or "" for tag, attributes in page.tags if tag == "a"]
    assert [href for href in found if not re.fullmatch(OWN, href)] == ["junit.xml"]
    assert all(address in page.text for address in links.values())


def test_times_without_a_zone_and_a_step_that_never_ended_are_drawn() -> None:
    naive = at(1).replace(tzinfo=None)
    steps = (step("a", 0, 3), StepRecord(name="b", status=StepStatus.FAILED, started=naive))
    assert "b: failed, did not end" in evidence_html(accepted(steps=steps))


def test_a_query_that_failed_and_one_for_several_deliveries_say_so() -> None:
    evidence = accepted()
    (query,) = evidence.queries
    failed = query.model_copy(update={"error": "HIVE_BAD_DATA: <b>no</b> number", "output_location": ""})
    shared = query.model_copy(update={"deliveries": 200})
    page = evidence_html(evidence.model_copy(update={"queries": (failed, shared)}), source=b"{}", links={})
    assert "Failed: HIVE_BAD_DATA: &lt;b&gt;no&lt;/b&gt; number" in page
    assert "measured 200 deliveries at once" in page
    assert page.count("Result: ") == 1
