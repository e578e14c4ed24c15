import re
from datetime import timedelta

import pytest
from evidence_builder import HISTORY, HOSTILE, accepted, at, check, hostile, inconclusive, rejected
from html_page import Page

from acceptance.evidence.audit import Audit, Flaw
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.manifest import EvidenceManifest, PastDelivery, seals_of
from acceptance.evidence.reports.dataset_page import dataset_html
from acceptance.evidence.reports.delivery_page import evidence_html
from acceptance.evidence.reports.trend_chart import trend
from acceptance.judging.judge import Outcome, Verdict


def past(**facts: object) -> PastDelivery:
    return HISTORY[0].model_copy(update=facts)


def test_one_delivery_is_no_trend_and_the_page_of_the_first_one_shows_none() -> None:
    assert trend([past()]) == ()
    assert "Trend" not in Page(evidence_html(accepted(history=()))).inside("h2")


def test_each_delivery_is_a_bar_in_its_place_and_the_newest_is_marked() -> None:
    rows, duration, failed = trend([past(rows=number) for number in (50, 100, 25)])
    assert [bar.height for bar in rows.bars] == [50, 100, 25]
    assert [bar.newest for bar in rows.bars] == [False, False, True]
    assert [bar.left for bar in rows.bars] == sorted(bar.left for bar in rows.bars)
    assert all(bar.left + bar.width <= 100 for line in (rows, duration, failed) for bar in line.bars)
    assert (rows.newest, rows.usual) == ("25", "usually 50, at most 100")


def test_what_is_unknown_is_a_gap_what_is_none_is_none_and_what_is_little_can_be_seen() -> None:
    rows, _, failed = trend([past(rows=None), past(rows=0), past(rows=1), past(rows=1_000_000, failed_checks=2)])
    assert [bar.height for bar in rows.bars] == [None, 0, 4, 100]
    assert [bar.height for bar in failed.bars] == [0, 0, 0, 100]
    assert "unknown" in rows.bars[0].title
    unknown, *_ = trend([past(rows=None), past(rows=None)])
    assert (unknown.newest, unknown.usual) == ("unknown", "never known")


def test_the_page_shows_thirty_deliveries_by_three_measures_with_their_verdicts() -> None:
    html = evidence_html(rejected())
    assert html.count('<rect class="hit"') == 3 * 30
    assert html.count('<g class="rejected newest">') == 3
    assert len(re.findall(r'<g class="inconclusive', html)) == 3


def test_the_summary_that_later_deliveries_remember_counts_failures_and_not_what_could_not_be_judged() -> None:
    assert (rejected().summary.failed_checks, inconclusive().summary.failed_checks) == (2, 0)
    assert (accepted().summary.rows, accepted().summary.duration_s) == (842, 26.4)


def history(*judged: Evidence) -> tuple[Audit, list[tuple[EvidenceManifest, Evidence]]]:
    made = [
        EvidenceManifest(
            dataset="nycflights-flights",
            number=number,
            previous_sha256=None,
            prefix=f"deliveries/nycflights-flights/2013-01-01/{number}/",
            files=seals_of({"evidence.json": evidence.to_json()}),
            result=evidence.summary,
            sealed=at(40),
            sealed_by=evidence.run.flow_run_id,
        )
        for number, evidence in enumerate(judged, 1)
    ]
    manifests = {manifest.number: manifest for manifest in made}
    return Audit(manifests, dict.fromkeys(manifests, "f" * 64), ()), list(zip(made, judged, strict=True))


def page_of(*judged: Evidence) -> str:
    done, found = history(*judged)
    return dataset_html("nycflights-flights", done, found, "s3://evidence/", at(99))


def test_the_history_counts_verdicts_and_shows_each_delivery_the_newest_first() -> None:
    later = accepted(run=accepted().run.model_copy(update={"ended": at(60) + timedelta(days=1)}))
    page = Page(page_of(accepted(), rejected(), inconclusive(), later))
    assert [text for tag, text in page.texts if tag == "td" and text in "1234"][:4] == ["4", "3", "2", "1"]
    for verdict in Verdict:
        assert verdict.capitalize() in page.text
    assert "The evidence is as it was sealed" in page.inside("h2")
    assert rejected().reason in page.text
    for outcome in Outcome:
        assert page.with_class(outcome.value)


def test_the_history_says_what_is_not_as_it_was_sealed() -> None:
    done, found = history(accepted(), rejected())
    broken = Audit(done.manifests, done.digests, (Flaw("deliveries/x/evidence.json", "the file was changed", 2),))
    page = Page(dataset_html("nycflights-flights", broken, found, "s3://evidence/", at(99)))
    assert "The evidence is not as it was sealed" in page.inside("h2")
    assert "the file was changed" in page.text
    nothing = Page(dataset_html("nycflights-flights", broken, [], "s3://evidence/", at(99)))
    assert "nycflights-flights" in nothing.text


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_the_history_tells_is_text_and_fetches_nothing(text: str) -> None:
    plain, shown = Page(page_of(accepted(), hostile("plain"))), Page(page_of(accepted(), hostile(text)))
    tags = [tag for tag, attributes in shown.tags if attributes.get("class") != "cut"]  # it says how much is left out
    assert tags == [tag for tag, _ in plain.tags]
    assert not {"script", "img", "a", "link", "iframe"} & {tag for tag, _ in shown.tags}
    assert not [name for _, attributes in shown.tags for name in attributes if name.startswith("on") or name == "style"]


def test_the_checks_over_time_have_the_dates_of_the_deliveries_and_fold_what_always_passed() -> None:
    again = accepted(delivery=accepted().delivery.model_copy(update={"revision": 2}))
    page = Page(page_of(rejected(), again))
    dates = [text for tag, text in page.texts if tag == "span" and re.fullmatch(r"2013-01-01( r\d)?", text)]
    assert dates == ["2013-01-01", "2013-01-01 r2"]
    assert "checks passed in each of these deliveries" in page.text
    assert {"rows_equal_landed", "carrier_required"} <= {text for tag, text in page.texts if tag == "li"}


def test_the_history_says_one_reason_of_many_checks_once_and_cuts_long_words() -> None:
    errored = tuple(check(f"e{number}", Outcome.ERRORED, observed="not measured") for number in range(50))
    failed = check("f", Outcome.FAILED, observed="x" * 1_000)
    page = Page(page_of(accepted(), rejected(checks=(failed, *errored))))
    assert page.text.count("not measured") == 1
    assert "This holds for 50 checks" in page.text
    assert "700 more characters are in evidence.json" in page.text


def test_the_history_has_times_in_utc_and_in_the_datasets_zone() -> None:
    contract = accepted().contract.model_copy(update={"time_zone": "America/Sao_Paulo"})
    text = Page(page_of(accepted(contract=contract))).text
    assert "which is 2026-11-23 05:12:31 America/Sao_Paulo" in text
    assert "2026-11-23 08:1205:12 America/Sao_Paulo" in text
