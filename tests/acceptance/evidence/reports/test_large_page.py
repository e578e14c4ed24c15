"""The page of a very large delivery: small enough to be sent and to be read."""

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from evidence_builder import CHECKS, QUERY, accepted, check, inconclusive, rejected, step
from html_page import Page

from acceptance.evidence.evidence import CheckRecord, Evidence, LandedFaultRecord, LandedRecord, Sample, StepStatus
from acceptance.evidence.reports.delivery_page import evidence_html
from acceptance.judging.judge import Outcome
from acceptance.proof.differences import DifferenceKind, Differences, DifferingCell, DifferingRow
from acceptance.queries.sample_query import BROKEN_RULE

MOST_BYTES = 1_000_000
WINDOW = (1400, 900)
MOST_SCREENS = 10
COLUMNS = tuple(f"a_column_whose_name_is_long_{number:04}" for number in range(1000))
PICTURES = Path(__file__).parents[4] / "docs" / "pictures"


def many_checks(outcome: Outcome, words: str) -> list[CheckRecord]:
    return [
        check(
            f"{outcome.value}_{number:04}_of_a_column",
            outcome,
            columns=(COLUMNS[number],),
            description=words[:2000],
            expected=words[:2000],
            observed=f"{number} {words[:1900]}",
        )
        for number in range(1000)
    ]


@cache
def large(letter: str, *outcomes: Outcome) -> Evidence:
    """Return a delivery of 2,000 checks, 1,000 columns and cells of 15,000 characters, of which all is wrong."""
    cell = letter * 15_000
    checks = [each for outcome in outcomes for each in many_checks(outcome, cell)]
    changed = DifferingRow(
        DifferenceKind.CHANGED, {"id": cell}, tuple(DifferingCell(name, cell, cell + "x") for name in COLUMNS)
    )
    lost = DifferingRow(
        DifferenceKind.ONLY_LANDED, {}, tuple(DifferingCell(name, cell, None) for name in COLUMNS), 1, 0
    )
    row = tuple(cell for _ in COLUMNS)
    return rejected(
        reason=cell[:2000],
        checks=tuple(checks),
        landed=LandedRecord(
            rows=1,
            columns=COLUMNS,
            fingerprint="1:2:3",
            fault_count=20,
            faults=tuple(LandedFaultRecord(line=line, column=cell, message=cell[:2000]) for line in range(20)),
        ),
        sample=Sample(
            columns=(BROKEN_RULE, *COLUMNS), rows=tuple((each.id, *row) for each in checks[:100] for _ in range(5))
        ),
        differences=Differences(
            2, 64, 2, {DifferenceKind.CHANGED: 10}, dict.fromkeys(COLUMNS, 10), (changed,) * 10 + (lost,) * 10
        ),
        steps=tuple(step(f"invoke {number}", number, number + 1, detail=cell) for number in range(20)),
        queries=tuple(QUERY.model_copy(update={"sql": letter * 262_144, "error": cell[:4000]}) for _ in range(200)),
    )


def page_of(evidence: Evidence) -> str:
    """Return the page. What stands in for evidence.json is as large, and takes no seconds to write."""
    return evidence_html(evidence, source=b" " * 40_000_000)


LARGE = {
    "nothing passed": lambda: large("x", Outcome.FAILED, Outcome.ERRORED),
    "half of it passed": lambda: large("W ", Outcome.FAILED, Outcome.PASSED),
    "letters of three bytes": lambda: large("語", Outcome.WARNED, Outcome.FAILED),
    "signs that are escaped": lambda: large("<&", Outcome.FAILED, Outcome.SKIPPED),
    "one reason for all": lambda: inconclusive(
        checks=tuple(check(f"c{number}", Outcome.SKIPPED, observed="not reached: no job") for number in range(2000)),
        steps=(step("invoke a", 0, 1, status=StepStatus.FAILED, detail="x" * 15_000),),
    ),
    "all of it passed": lambda: accepted(
        checks=(*CHECKS, *(check(f"c{number}", description="x" * 2000) for number in range(2000)))
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_the_page_of_a_large_delivery_is_below_one_megabyte_and_names_what_it_leaves_out(name: str) -> None:
    evidence = LARGE[name]()
    html = page_of(evidence)
    assert len(html.encode()) < MOST_BYTES
    text = Page(html).text
    assert [each.id for each in evidence.checks if each.id not in text] == []
    assert "in evidence.json" in text


def browser() -> ModuleType:
    """Return the module that drives a browser, which is beside the pictures of the documentation."""
    spec = importlib.util.spec_from_file_location("pictures_browser", PICTURES / "browser.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.proof
@pytest.mark.skipif(browser().find_browser() is None, reason="not installed: a Chromium, Chrome or Edge")
def test_the_page_of_a_large_delivery_is_at_most_ten_screens_long_and_one_wide(tmp_path: Path) -> None:
    module, seen = browser(), {}
    with module.browser_page(module.find_browser()) as page:
        for number, (name, evidence) in enumerate(LARGE.items()):
            file = tmp_path / f"{number}.html"
            file.write_text(page_of(evidence()), encoding="utf-8")
            page.show(file.as_uri(), *WINDOW)
            size = page.value("[document.documentElement.scrollWidth, document.body.getBoundingClientRect().height]")
            seen[name] = (size[0], size[1] / WINDOW[1])
    assert {name: width for name, (width, _) in seen.items() if width > WINDOW[0]} == {}
    assert {name: screens for name, (_, screens) in seen.items() if screens > MOST_SCREENS} == {}
