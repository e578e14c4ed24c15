"""The page of a delivery stays readable: what is long is cut, what is said often is said once, and it leads on."""

import re
from datetime import date, time, timedelta, timezone
from pathlib import PurePosixPath
from typing import Any

import pytest
from builders import a_contract
from evidence_builder import CHECKS, HISTORY, MEMBER, PARAMETER, accepted, at, check, inconclusive, rejected, step
from html_page import Page

from acceptance.contract.checks import Metric
from acceptance.contract.landing_format import LandingFormat
from acceptance.evidence.evidence import Evidence, Sample, StepStatus
from acceptance.evidence.object_keys import evidence_prefix, page_name
from acceptance.evidence.reports.delivery_page import LARGEST_CARRIED, evidence_html
from acceptance.evidence.reports.formatting import clock_text, local_text
from acceptance.evidence.reports.next_steps import next_steps
from acceptance.evidence.reports.shortened import CELL, COLUMNS, SENTENCE, Room, check_rows, excerpt, narrowed, portions
from acceptance.judging.judge import Outcome
from acceptance.queries.sample_query import BROKEN_RULE

AGAIN = f"aceite validate {accepted().delivery.id} --again"


def page_of(evidence: Evidence) -> Page:
    return Page(evidence_html(evidence))


def commands(evidence: Evidence) -> list[str]:
    return [each.command for each in next_steps(evidence) if each.command]


def said(evidence: Evidence) -> str:
    return " ".join(each.text for each in next_steps(evidence))


def test_a_long_text_is_cut_and_says_how_much_of_it_is_in_evidence_json() -> None:
    assert excerpt("abc", 3) == excerpt("abc", 4)
    assert excerpt("abcde", 3).left_out == 2
    long = check("long", Outcome.FAILED, expected="e" * (SENTENCE + 1), observed="o" * 1900)
    text = page_of(rejected(checks=(long,))).text
    assert "e" * SENTENCE + "…1 more character is in evidence.json" in text
    assert "o" * SENTENCE + "…1\u202f600 more characters are in evidence.json" in text
    assert "o" * (SENTENCE + 1) not in text


def test_a_long_cell_is_cut_too_and_what_is_short_is_whole() -> None:
    rows = (("dep_delay_mostly_known", "x" * 15_000, "1141", None),)
    sample = Sample(columns=(BROKEN_RULE, "carrier", "flight", "dep_delay"), rows=rows)
    text = page_of(rejected(sample=sample)).text
    assert "x" * CELL + "…14\u202f880 more characters are in evidence.json" in text
    assert "are in evidence.json" not in page_of(accepted()).text


def test_a_message_that_holds_for_many_skipped_checks_stands_once_with_their_names() -> None:
    skipped = [check(f"c{number}", Outcome.SKIPPED, observed="not reached: no job") for number in range(20)]
    other = check("d", Outcome.SKIPPED, observed="its columns are missing or have another type")
    page = page_of(inconclusive(checks=(*skipped, other)))
    assert page.text.count("not reached: no job") == 1
    assert "This holds for 20 checks" in page.text
    assert "its columns are missing" in page.text
    assert [text for tag, text in page.texts if tag == "li" and re.fullmatch(r"c\d+", text)] == [
        each.id for each in skipped
    ]


def test_checks_that_were_measured_stand_by_themselves_though_they_say_the_same() -> None:
    alike = [check(f"c{number}", Outcome.FAILED, observed="1 row") for number in range(3)]
    errored = [check(f"e{number}", Outcome.ERRORED, observed="1 row") for number in range(3)]
    skipped = check("s", Outcome.SKIPPED, observed="1 row")
    assert [len(row.checks) for row in check_rows((*alike, *errored, skipped))] == [1, 1, 1, 3, 1]


def test_every_check_is_named_however_many_did_not_pass() -> None:
    failed = [check(f"f{number}", Outcome.FAILED, observed=f"{number} rows") for number in range(2, 300)]
    passed = [check(f"p{number}") for number in range(300)]
    page = page_of(rejected(checks=(*failed, *passed)))
    named = {text for tag, text in page.texts if tag in ("b", "li")}
    assert {each.id for each in (*failed, *passed)} <= named
    assert re.search(r"\d+ more that did not pass, by their names", page.text)


def test_of_many_columns_those_that_matter_stand_first_and_then_the_others_as_they_come() -> None:
    sample = Sample(columns=tuple(f"c{at}" for at in range(100)), rows=(tuple(map(str, range(100))),))
    narrow = narrowed(sample, ("c99",))
    assert narrow.columns == ("c99", *(f"c{at}" for at in range(COLUMNS - 1)))
    assert narrow.rows == (("99", *map(str, range(COLUMNS - 1))),)
    assert narrow.left_out == 100 - COLUMNS
    assert narrowed(Sample(columns=("a",), rows=(("1",),)), ()).left_out == 0
    assert len(narrowed(sample, sample.columns).columns) == COLUMNS


@pytest.mark.parametrize(("number", "lengths"), [(0, (0, 0, 0)), (2, (2, 0, 0)), (4, (2, 2, 0)), (9, (2, 3, 4))])
def test_a_long_list_is_seen_folded_and_counted(number: int, lengths: tuple[int, int, int]) -> None:
    found = portions(range(number), Room(2, 0), Room(3, 0))
    assert (len(found.seen), len(found.folded), len(found.left_out)) == lengths
    assert (*found.seen, *found.folded, *found.left_out) == tuple(range(number))


def test_short_items_are_seen_more_than_long_ones_and_the_first_one_always() -> None:
    def lengths(*sizes: int) -> tuple[int, int, int]:
        found = portions(sizes, Room(3, 10), Room(2, 10), lambda size: size)
        return len(found.seen), len(found.folded), len(found.left_out)

    assert lengths(1, 1, 1, 1, 1, 1) == (3, 2, 1)
    assert lengths(6, 4, 1, 9, 1) == (2, 2, 1)
    assert lengths(11, 11) == (1, 0, 1)
    assert portions([5], Room(0, 0), Room(1, 4), lambda size: size).left_out == (5,)


def test_evidence_that_is_too_large_to_be_carried_is_beside_the_page_and_the_page_says_so() -> None:
    source = accepted().to_json() + b" " * LARGEST_CARRIED
    html = evidence_html(accepted(), source=source)
    assert "<script" not in html
    assert "it is too large to be carried in this page" in Page(html).text


def test_a_broken_file_is_its_senders_unless_the_contract_is_wrong() -> None:
    found = rejected()
    assert "Ask its sender for a corrected file" in said(found)
    assert commands(found) == [AGAIN]
    assert AGAIN in page_of(found).inside("code")


@pytest.mark.parametrize(
    ("evidence", "words", "expected"),
    [
        (accepted(), "", []),
        (accepted(checks=(check("w", Outcome.WARNED),)), "a later delivery may fail them", []),
        (rejected(checks=(CHECKS[2].model_copy(update={"outcome": Outcome.FAILED}),)), "Mend the pipeline", [AGAIN]),
        (
            rejected(
                checks=(check("p", Outcome.FAILED, metric=Metric.PARTITION_EXISTS.value),),
                table=inconclusive().table,
            ),
            "not as the contract promises it",
            [AGAIN],
        ),
        (
            rejected(checks=(check("d", Outcome.FAILED),), table=accepted().table),
            "the data itself breaks the contract",
            [AGAIN],
        ),
        (rejected(checks=(check("d", Outcome.FAILED),), table=inconclusive().table), "Mend the file", [AGAIN]),
        (inconclusive(parameters=()), "a step failed", [AGAIN]),
        (inconclusive(), "was not restored", [AGAIN, "aceite doctor"]),
        (inconclusive(steps=(), parameters=()), "could not be measured", [AGAIN]),
        (inconclusive(steps=(), checks=(), parameters=()), "Once the cause is gone", [AGAIN]),
    ],
)
def test_each_verdict_comes_with_what_to_do_next(evidence: Evidence, words: str, expected: list[str]) -> None:
    assert words in said(evidence)
    assert commands(evidence) == expected
    assert ("What to do next" in page_of(evidence).text) is bool(next_steps(evidence))


def hrefs(evidence: Evidence) -> list[str]:
    return [attributes["href"] or "" for tag, attributes in page_of(evidence).tags if tag == "a"]


def resolved(evidence: Evidence, href: str) -> str:
    """Return the key to which a relative address leads from the page."""
    delivery = evidence.delivery
    parts = list(PurePosixPath(evidence_prefix(delivery.dataset, delivery.business_date, delivery.id)).parts)
    for part in href.partition("#")[0].split("/"):
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def test_the_page_leads_to_the_delivery_before_and_to_the_datasets_page_at_this_delivery() -> None:
    evidence = accepted()
    keys = [resolved(evidence, href) for href in hrefs(evidence)]
    before = evidence_prefix("nycflights-flights", HISTORY[-1].business_date, HISTORY[-1].delivery_id)
    assert f"{before}evidence.html" in keys
    assert f"reports/{page_name('nycflights-flights')}" in keys
    assert any(href.endswith(f"#{evidence.delivery.id}") for href in hrefs(evidence))
    assert "Nobody knew when this page was sealed" in page_of(evidence).text


def test_the_first_delivery_leads_to_none_before_it() -> None:
    assert not [href for href in hrefs(accepted(history=())) if "evidence.html" in href]


def in_zone(zone: str, **said: Any) -> Evidence:
    return accepted(contract=accepted().contract.model_copy(update={"time_zone": zone}), **said)


def test_times_stand_in_utc_and_in_the_datasets_zone() -> None:
    text = page_of(in_zone("America/Sao_Paulo")).text
    assert "2026-11-23 08:12:31 UTC" in text
    assert "2026-11-23 05:12:31 America/Sao_Paulo" in text
    assert "landed 2026-11-23 08:12:01 UTC2026-11-23 05:12:01 America/Sao_Paulo" in text
    assert "America" not in page_of(in_zone("UTC")).text


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", ""),
        ("America/Sao_Paulo", "2026-11-23 05:12:05 America/Sao_Paulo"),
        ("UTC-03:00", "2026-11-23 05:12:05 UTC-03:00"),
        ("UTC+05:30", "2026-11-23 13:42:05 UTC+05:30"),
        ("America", ""),
        ("../../etc/passwd", ""),
        ("UTCx", ""),
    ],
)
def test_a_zone_is_a_name_or_an_offset_and_one_that_is_not_known_shows_nothing(zone: str, text: str) -> None:
    assert local_text(at(0), zone) == text
    assert local_text(at(0).replace(tzinfo=None), zone) == text


def test_a_table_of_times_has_the_local_day_only_where_it_is_another_one() -> None:
    assert clock_text(at(0), "America/Sao_Paulo") == "05:12 America/Sao_Paulo"
    assert clock_text(at(12 * 3600), "UTC+05:30") == "2026-11-24 01:42 UTC+05:30"
    assert clock_text(at(0), "UTC") == ""


def test_a_datasets_zone_is_that_of_its_times_or_of_its_deadline() -> None:
    by = time(9, tzinfo=timezone(timedelta(hours=-3)))
    assert a_contract().time_zone == "UTC"
    assert a_contract(available_at=by).time_zone == "UTC-03:00"
    assert a_contract(landing=LandingFormat(zone="Europe/Lisbon"), available_at=by).time_zone == "Europe/Lisbon"
    assert a_contract(available_at=time.fromisoformat("09:00Z")).time_zone == "UTC"
    assert local_text(at(0), a_contract(available_at=by).time_zone) == "2026-11-23 05:12:05 UTC-03:00"


def test_the_trend_has_the_dates_of_its_first_and_its_last_delivery() -> None:
    page = page_of(accepted())
    small = [text for tag, text in page.texts if tag == "small"]
    assert small.count(str(date(2012, 12, 2))) == 3
    assert small.count("2013-01-01") >= 3


def test_many_files_and_long_words_of_steps_are_cut() -> None:
    members = tuple(MEMBER.model_copy(update={"key": f"a/{number:04}.csv"}) for number in range(1000))
    delivery = accepted().delivery.model_copy(update={"members": members})
    loud = step("invoke a", 0, 1, status=StepStatus.FAILED, detail="d" * 9_000)
    html = evidence_html(inconclusive(delivery=delivery, steps=(loud,), parameters=(PARAMETER,)))
    assert "960 more files are in evidence.json" in html
    assert "7\u202f000 more characters are in evidence.json" in html
    text = Page(html).text
    assert "0039.csv" in text
    assert "0040.csv" not in text
