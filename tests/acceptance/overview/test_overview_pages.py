"""The pages over all datasets: what they tell at a glance, where they lead, and that nothing in them runs."""

import re
from datetime import time, timedelta, timezone

import pytest
from builders import a_contract
from dataset_overviews import DAY, HOUR, NOW, overview, past, waiting, watched
from evidence_builder import HOSTILE, accepted
from html_page import FETCHES, Page

from acceptance.evidence.object_keys import page_name
from acceptance.evidence.reports.delivery_page import evidence_html
from acceptance.judging.judge import Verdict
from acceptance.overview.datasets import DatasetOverview
from acceptance.overview.pages import Links, dataset_html, day_bars, index_html, strip
from acceptance.untrusted_text import one_line

IN_BUCKET = Links("http://127.0.0.1:5000", None, beside="evidence")
WELL = overview("orders", past())
BROKEN = overview("returns", past(Verdict.REJECTED, reason="a column is missing"), past(ago=DAY))
LATE = overview("stock", past(), contract=a_contract("stock", update_every=DAY), watched=watched("stock", ago=3 * DAY))
PAUSED = overview("payments", past(), watched=watched("payments", paused=NOW - HOUR), waiting=[waiting(HOUR / 2)])
NEW, REMOVED = overview("invoices"), overview("legacy", past(), contract=None)
EVERY = (WELL, BROKEN, LATE, PAUSED, NEW, REMOVED)


def index(*datasets: DatasetOverview, links: Links = IN_BUCKET) -> Page:
    return Page(index_html(datasets, links, NOW, "by a test"))


def page_of(dataset: DatasetOverview, links: Links = IN_BUCKET) -> Page:
    return Page(dataset_html(dataset, links, NOW, "by a test"))


def links_of(page: Page) -> list[str]:
    return [attributes["href"] or "" for tag, attributes in page.tags if tag == "a"]


def hostile(text: str) -> DatasetOverview:
    return overview(
        "orders",
        past(Verdict.REJECTED, reason=text, file=text),
        contract=a_contract(name=text),
        waiting=[waiting(3 * HOUR, file=text)],
    )


@pytest.mark.parametrize(
    ("datasets", "headline"),
    [
        ((), "No dataset is watched"),
        ((REMOVED,), "No dataset is watched"),
        ((NEW, REMOVED), "Nothing was judged yet"),
        ((WELL,), "The dataset is well"),
        ((LATE,), "The dataset needs attention"),
        ((WELL, WELL), "All 2 datasets are well"),
        ((WELL, NEW, REMOVED), "1 of 2 datasets is well, 1 not judged yet"),
        ((WELL, BROKEN, NEW), "1 of 3 datasets needs attention"),
        (EVERY, "3 of 5 datasets need attention"),
    ],
)
def test_the_headline_counts_those_that_need_attention(datasets: tuple[DatasetOverview, ...], headline: str) -> None:
    assert index(*datasets).inside("h1") == headline


def test_the_index_tells_each_dataset_its_state_its_last_verdict_and_what_is_overdue() -> None:
    page = index(*EVERY)
    for words in ("Broken", "Late", "Paused", "New", "Well", "Removed", "a column is missing"):
        assert words in page.text
    assert "2 deliveries are missing" not in page.text
    assert "3 deliveries are missing, the latest that of 2026-01-31; due since 2026-01-29 12:00 UTC" in page.text
    assert "Its automation is switched off since 2026-01-31 11:00 UTC; 1 delivery waits" in page.text
    assert "as of 2026-01-31 12:00 UTC" in page.text
    assert page.text.index("Needs attention") < page.text.index("All datasets", page.text.index("Needs attention"))


def test_the_index_leads_to_each_page_and_to_the_evidence_beside_it() -> None:
    found = links_of(index(*EVERY))
    for each in EVERY:
        assert page_name(each.dataset) in found
    assert "../deliveries/orders/2026-01-31/3e9882cd04649cfa9d7c/evidence.html" in found
    assert set(links_of(page_of(WELL))) == {"index.html", found[-1]}


@pytest.mark.parametrize(
    ("links", "address"),
    [
        (Links("http://127.0.0.1:5000"), "http://127.0.0.1:5000/kept/a%20b/%C3%A9/evidence.html"),
        (
            Links(None, "sa-east-1"),
            "https://console.aws.amazon.com/s3/object/kept?region=sa-east-1&prefix=a%20b%2F%C3%A9%2Fevidence.html",
        ),
        (Links("http://127.0.0.1:5000", beside="kept"), "../a%20b/%C3%A9/evidence.html"),
        (Links("http://127.0.0.1:5000", beside="another"), "http://127.0.0.1:5000/kept/a%20b/%C3%A9/evidence.html"),
    ],
)
def test_evidence_opens_beside_the_pages_or_where_its_bucket_is_shown(links: Links, address: str) -> None:
    seen = overview("orders", past(evidence="s3://kept/a b/é/"))
    assert address in links_of(page_of(seen, links))
    assert address in links_of(index(seen, links=links))


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_others_wrote_is_text_and_nothing_is_fetched_or_run(text: str) -> None:
    for plain, shown in (
        (index(hostile("plain")), index(hostile(text))),
        (page_of(hostile("plain")), page_of(hostile(text))),
    ):
        assert [tag for tag, _ in shown.tags] == [tag for tag, _ in plain.tags]
        assert not {"script", "img", "link", "iframe", "form", "base"} & {tag for tag, _ in shown.tags}
        assert links_of(shown) == links_of(plain)
        for tag, attributes in shown.tags:
            assert not [name for name in attributes if name.startswith("on") or name == "style"]
            fetched = [value or "" for name, value in attributes.items() if name in FETCHES and tag != "a"]
            assert all(re.fullmatch(r"#icon-[a-z]+", address) for address in fetched)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown.text)
    assert one_line(text, 20_000) in page_of(hostile(text)).text


@pytest.mark.parametrize("page", [index(*EVERY), index(), *map(page_of, EVERY)])
def test_a_page_has_one_heading_of_the_first_level_tables_with_headers_and_allows_nothing_but_its_style(
    page: Page,
) -> None:
    tags = [tag for tag, _ in page.tags]
    in_head = tags[: tags.index("body")]
    assert (tags.count("h1"), tags.count("main"), in_head.count("title")) == (1, 1, 1)
    assert page.tags[0][0] == "html"
    assert page.tags[0][1] == {"lang": "en"}
    scopes = [attributes.get("scope") for tag, attributes in page.tags if tag == "th"]
    assert None not in scopes
    drawn = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert all(each.get("aria-hidden") == "true" or each.get("aria-label") for each in drawn)
    policies = [a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]
    assert re.findall(r"url\((.*?)\)", page.inside("style")) == ["#stripes"]
    used = {a["href"] for tag, a in page.tags if tag == "use"}
    assert used <= {f"#{a['id']}" for tag, a in page.tags if tag == "symbol"}


def test_the_page_of_a_dataset_has_the_whole_reason_and_the_index_its_beginning() -> None:
    long = overview("orders", past(Verdict.REJECTED, reason="x" * 1000))
    assert "x" * 1000 in page_of(long).text
    assert "x" * 300 not in index(long).text


def test_no_two_datasets_share_a_page_whatever_the_file_system_thinks_of_names() -> None:
    names = [
        "orders",
        "Orders",
        "ORDERS",
        "aux",
        "con",
        "a.b",
        "a-b",
        "a..b",
        "0",
        "x" * 128,
        "x" * 127 + "y",
        "é",
        "../x",
    ]
    pages = [page_name(name) for name in names]
    assert len({page.casefold() for page in pages}) == len(names)
    for page in pages:
        assert re.fullmatch(r"dataset-[a-z0-9._-]{1,100}\.html", page), page
    assert page_name("shop-orders") == "dataset-shop-orders.html"


def test_a_strip_has_a_bar_for_each_of_the_last_thirty_verdicts_and_says_them_in_words() -> None:
    drawn = strip(overview("orders", past(Verdict.REJECTED), *(past(ago=number * HOUR) for number in range(40))))
    paths = dict(drawn.paths)
    assert drawn.label == "the last 30 verdicts: 29 accepted, 1 rejected"
    assert (paths[Verdict.ACCEPTED].count("M"), paths[Verdict.REJECTED]) == (29, "M235 0V20")
    assert strip(overview("orders", past())).label == "the last verdict: 1 accepted"
    assert (strip(NEW).paths, strip(NEW).label) == ((), "no verdict yet")


def test_a_day_is_as_high_as_its_number_of_verdicts_and_what_is_little_can_be_seen() -> None:
    bars = day_bars(
        overview("orders", *[past(ago=timedelta()) for _ in range(99)], past(Verdict.REJECTED, ago=DAY)).days
    )
    assert [part for bar in bars[:-2] for part in bar.parts] == []
    assert bars[-2].parts == ((Verdict.REJECTED, 97.0, 3.0),)
    assert bars[-1].parts == ((Verdict.ACCEPTED, 0.0, 100.0),)
    assert (bars[-2].title, bars[0].title) == ("2026-01-30: 1 rejected", "2026-01-02: no verdict")
    assert day_bars(NEW.days) == ()


def test_a_delivery_that_was_judged_again_says_so_and_leads_to_each_judgement() -> None:
    first, last = "3e9882cd04649cfa9d7c", "aaaaaaaaaaaaaaaaaaaa"
    again = past(evidence=f"s3://evidence/deliveries/orders/2026-01-31/{last}/", revision=2, delivery_id=first)
    page = page_of(overview("orders", again, past(ago=DAY, delivery_id="b" * 20, evidence=f"s3://e/{'b' * 20}/")))
    assert page.text.count("judged again; the first judgement") == 1
    assert "Files that were judged again count once, by their last verdict" in page.text
    found = links_of(page)
    for judgement in (first, last):
        assert f"../deliveries/orders/2026-01-31/{judgement}/evidence.html" in found
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert {first, last, "b" * 20} <= set(ids)
    assert len(ids) == len(set(ids))
    assert "judged again" not in page_of(WELL).text


def test_the_page_of_a_dataset_has_its_local_time_beside_utc() -> None:
    by = time(9, tzinfo=timezone(timedelta(hours=-3)))
    page = page_of(overview("orders", past(), contract=a_contract(available_at=by)))
    assert "judged 2026-01-31 11:00 UTC2026-01-31 08:00:00 UTC-03:00" in page.text
    assert "2026-01-31 11:0008:00 UTC-03:00" in page.text
    assert "UTC-03:00" not in page_of(WELL).text


def test_the_link_of_evidence_leads_to_the_line_of_its_delivery_on_the_page() -> None:
    evidence = accepted()
    seen = overview("nycflights-flights", past(delivery_id=evidence.delivery.id, evidence=None))
    ids = {attributes.get("id") for _, attributes in page_of(seen).tags}
    hrefs = {a["href"] or "" for tag, a in Page(evidence_html(evidence)).tags if tag == "a"}
    (to_the_line,) = [href for href in hrefs if href.startswith("../../../../reports/")]
    name, _, line = to_the_line.rpartition("/")[2].partition("#")
    assert name == page_name("nycflights-flights")
    assert line in ids
