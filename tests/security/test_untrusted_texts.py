"""Whoever lands a file chooses its key. Whatever the key is, no channel shows it otherwise than as visible text."""

import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from builders import a_delivery, an_object
from evidence_builder import hostile

import flows  # noqa: F401 - from here on, records are shown as in every process of Aceite
from acceptance.announcing.delivery_events import EventDraft, arrived, arrived_together, unroutable
from acceptance.announcing.overdue_events import Late, no_verdict, paused
from acceptance.announcing.verdict_events import judged_by
from acceptance.contract.checks import Check, Metric
from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.errors import AceiteError, Problem, SettingsError, StepFailed
from acceptance.evidence.audit import Flaw
from acceptance.evidence.reports.delivery_page import evidence_html
from acceptance.evidence.reports.junit import junit_xml
from acceptance.evidence.reports.markdown import checks_table, markdown_summary
from acceptance.evidence.reports.openlineage import openlineage_json
from acceptance.judging.judge import Judged, Measurement, Verdict, judge, judge_check
from cli.deliveries.addresses import Addresses
from cli.doctor.looks.findings import Finding, LookOutcome
from cli.terminal import Terminal
from cli.verbs.verdicts import print_verdicts
from flows.judging.states import state_of
from flows.steps.timeline import StepResult, escape_braces

KEYS = {
    "line feeds": "two\nlines\r\n2026-01-01 00:00:00 | ERROR | fake log line.csv",
    "escape sequences": "\x1b]0;PWNED\x07\x1b[2J\x1b[31mred\x9b1m.csv",
    "directions": "\u202evsc.exe\u2066\u200f\u061c.csv",
    "what is invisible": "\u200b\u200d\u00ad\u2060\ufeff\u115f\u1160\u3164\uffa0\u2800\ufe0f\U000e0100\U000e0041.csv",
    "other ends of lines": "\u0085\u2028\u2029\x0b\x0c.csv",
    "no characters": "\x00\x7f\ufffe\U0001ffff.csv",
    "markup": "[bold red]x[/] <!channel> @here <https://evil.example|x> [x](javascript:alert(1)) :smile:.csv",
}
RAW = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001fffe\U0001ffff"
    "\U000e0000-\U000e0fff]"
)
MARKUP = ("<!channel>", "@here", "<https:", "](javascript:")


@pytest.fixture(params=KEYS.values(), ids=KEYS.keys())
def name(request: pytest.FixtureRequest) -> str:
    text: str = request.param
    return text


def delivered(name: str) -> Delivery:
    return a_delivery(an_object(f"orders/{name}"))


def visible(text: str) -> None:
    """In one line, and without what is not seen."""
    assert not RAW.search(text), repr(text)
    assert "\n" not in text, repr(text)


def test_titles_and_names_of_runs_and_tasks_are_visible(name: str) -> None:
    visible(delivered(name).title)
    visible(escape_braces(f"invoke ingest ({name})"))


def drafts(name: str) -> Iterator[EventDraft]:
    delivery, now = delivered(name), datetime(2026, 1, 1, tzinfo=UTC)
    yield arrived(delivery)
    yield arrived_together([DeliveryPointer.to(delivery)])
    yield unroutable(delivery.first, f"{delivery.first.uri} fits no contract")
    yield judged_by(delivery, hostile(name), "s3://evidence/x/")
    yield no_verdict("orders", [Late("1", delivery.title, date(2026, 1, 1), delivery.first.uri, now, now, "waits")])
    yield paused("orders", now, 1, [name], "http://127.0.0.1/automation")


def test_labels_and_messages_of_events_are_visible_and_mention_nobody(name: str) -> None:
    for draft in drafts(name):
        for text in draft.resource.values():
            visible(text)
        told = draft.payload.get("message", {"subject": "", "body": ""})
        visible(told["subject"])
        assert not RAW.search(told["body"])
        assert not any(markup in part for markup in MARKUP for part in told.values())


def test_an_event_still_carries_the_key_as_it_is(name: str) -> None:
    delivery = delivered(name)
    assert arrived(delivery).payload["delivery"]["members"][0]["key"] == delivery.first.key


def test_a_verdict_and_its_state_are_visible(name: str) -> None:
    check = Check("rule", Metric.SQL, expects=name)
    judgement = judge([judge_check(check, Measurement(1, observed=name))], stopped_by=name)
    visible(judgement.reason)
    visible(judgement.results[0].observed)
    assert state_of(judgement, "en").message is not None
    visible(str(state_of(judgement, "en").message))
    assert not RAW.search(StepResult(detail=name).detail)


def test_every_rendering_of_the_evidence_is_visible(name: str) -> None:
    evidence = hostile(name)
    texts = {
        "page": evidence_html(evidence),
        "junit": junit_xml(evidence).decode(),
        "openlineage": openlineage_json(evidence).decode(),
        "json": evidence.to_json().decode(),
        "summary": markdown_summary(evidence, "s3://evidence/x/"),
        "table": json.dumps(checks_table(evidence), ensure_ascii=False),
    }
    assert {kind: RAW.findall(text) for kind, text in texts.items() if RAW.search(text)} == {}
    assert json.loads(texts["json"])["delivery"]["members"][0]["key"] == evidence.delivery.members[0].key


def logged(action: str, *arguments: object, exc_info: BaseException | None = None) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s | %(message)s"))
    log = logging.getLogger("any.library")
    log.addHandler(handler)
    try:
        log.error(action, *arguments, exc_info=exc_info)
    finally:
        log.removeHandler(handler)
    return stream.getvalue().removesuffix("\n")


def test_a_log_record_is_one_line_and_no_line_of_a_traceback_looks_like_another_record(name: str) -> None:
    visible(logged("%s is not complete: %s", name, name))
    first, *others = logged("failed", exc_info=ValueError(name)).split("\n")
    assert first == "ERROR | failed"
    assert others
    for line in others:
        visible(line)
        assert line.startswith("  ")


def test_errors_problems_findings_and_flaws_are_visible(name: str) -> None:
    visible(str(AceiteError(f"{name}: no")))
    visible(str(Problem("a.yaml", 1, name)))
    finding = Finding(name, LookOutcome.RED, name, name)
    visible(finding.name + finding.found + finding.remedy)
    visible(str(StepFailed(name)))
    assert not RAW.search(str(SettingsError(name)))


def test_the_terminal_shows_keys_names_of_added_files_and_reasons_as_text(name: str) -> None:
    terminal = Terminal(file=io.StringIO(), width=1000, force_terminal=False)
    delivery = delivered(name)
    terminal.print(f"landed {delivery.first.uri}")
    terminal.print(f"✘ {Flaw(f'deliveries/orders/{name}', 'was added')}", style="red")
    judgement = Judged(Verdict.REJECTED, name, datetime(2026, 1, 1, tzinfo=UTC), f"s3://evidence/{name}")
    print_verdicts([delivery], {delivery.id: judgement}, terminal, Addresses(None, None))
    said = terminal.file.getvalue()
    assert not RAW.search(said), repr(said)
    lines = said.splitlines()
    assert len(lines) == 5
    if name.startswith("[bold"):
        assert said.count("[bold red]x[/]") == 3  # nothing was taken for markup, or for an emoji
        assert ":smile:" in said


def test_the_terminals_own_colours_stay() -> None:
    terminal = Terminal(file=io.StringIO(), width=80, force_terminal=True, color_system="standard")
    terminal.print("a\x1b[2Jb", style="red")
    assert terminal.file.getvalue() == "\x1b[31ma␛[2Jb\x1b[0m\n"
