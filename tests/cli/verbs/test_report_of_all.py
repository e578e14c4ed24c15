"""`aceite report` without a dataset writes pages over all datasets, from the ledger, without AWS and Prefect."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders import a_delivery, an_object
from html_page import Page

from acceptance.deliveries.key_ranges import KeyRange
from acceptance.judging.judge import Judged, Verdict
from blocks.settings import Settings
from cli.serving.home import take_home
from flows.ledger import ledger_url, open_ledger
from flows.ledger.listing import Certified
from flows.ledger.writes import NewObject

Alone = Callable[..., subprocess.CompletedProcess[str]]
"""The command in an empty folder, as tests/cli/conftest.py runs it."""


def judged(home: Path, dataset: str, ago: timedelta, verdict: Verdict) -> str:
    """Have the ledger know a verdict. Return the s3:// prefix of its evidence."""
    at = datetime.now(UTC) - ago
    landed = an_object(f"{dataset}/a.csv", at=at)
    delivery = a_delivery(landed, dataset=dataset)
    evidence = f"s3://kept/deliveries/{dataset}/2026-01-02/{delivery.id}/"
    item = NewObject(landed, delivery, judged=Judged(verdict, "a row is missing", at, evidence))
    home.mkdir(exist_ok=True)
    with open_ledger(ledger_url(Settings(home=home))) as ledger:
        ledger.datasets.watch([dataset], at)
        ledger.listing.commit(Certified("landing", dataset, None, (KeyRange(certified_at=at),), [item]), at)
    return evidence


def links(page: Page) -> list[str | None]:
    return [attributes["href"] for tag, attributes in page.tags if tag == "a"]


def test_the_pages_of_all_datasets_are_written_to_a_folder_and_lead_to_each_other(alone: Alone, tmp_path: Path) -> None:
    broken = judged(tmp_path / "home", "sor-imdb-movies", timedelta(hours=1), Verdict.REJECTED)
    judged(tmp_path / "home", "nyc-flights", timedelta(days=3), Verdict.ACCEPTED)
    said = alone("report", "--output", "a folder/site", ACEITE_AWS_REGION="sa-east-1")
    assert (said.returncode, said.stdout) == (0, "")
    assert f"2 datasets, 2 of them need attention: {Path('a folder/site/index.html')}" in said.stderr
    site = tmp_path / "a folder" / "site"
    index = Page((site / "index.html").read_text(encoding="utf-8"))
    assert index.inside("h1") == "2 of 2 datasets need attention"
    assert "a row is missing" in index.text
    assert "3 deliveries are missing" in index.text
    console = "https://console.aws.amazon.com/s3/object/kept?region=sa-east-1&prefix="
    place = broken.removeprefix("s3://kept/").replace("/", "%2F")
    assert f"{console}{place}evidence.html" in links(index)
    assert {path.name for path in site.iterdir()} == {
        "index.html",
        *(f"dataset-{name}.html" for name in ("nyc-flights", "sor-imdb-movies")),
    }
    for name in links(index):
        assert name
        assert name.startswith("https:") or "index.html" in links(Page((site / name).read_text(encoding="utf-8")))


def test_pages_that_are_there_are_written_anew_and_a_number_of_verdicts_can_be_said(
    alone: Alone, tmp_path: Path
) -> None:
    judged(tmp_path / "home", "sor-imdb-movies", timedelta(hours=1), Verdict.REJECTED)
    assert alone("report").returncode == 0
    judged(tmp_path / "home", "nyc-flights", timedelta(hours=1), Verdict.ACCEPTED)
    said = alone("report", "--last", "1")
    assert f"2 datasets, 1 of them needs attention: {Path('aceite-report/index.html')}" in said.stderr
    page = Page((tmp_path / "aceite-report" / "dataset-nyc-flights.html").read_text(encoding="utf-8"))
    assert "The only one" in page.text


def test_without_a_ledger_the_pages_show_the_contracts_and_no_ledger_is_made(alone: Alone, tmp_path: Path) -> None:
    take_home(tmp_path / "home")
    said = alone("report")
    assert said.returncode == 0
    assert "`aceite up` creates it" in said.stderr
    index = Page((tmp_path / "aceite-report" / "index.html").read_text(encoding="utf-8"))
    assert index.inside("h1") == "Nothing was judged yet"
    assert not list((tmp_path / "home").glob("*.db"))


def test_a_contract_that_cannot_be_read_is_on_the_page_of_its_dataset_with_the_line(
    alone: Alone, tmp_path: Path
) -> None:
    take_home(tmp_path / "home")
    (tmp_path / "bad.odcs.yaml").write_text("id: a\nid: b\n", encoding="utf-8")
    said = alone("report", ACEITE_CONTRACTS=str(tmp_path / "bad.odcs.yaml"))
    assert said.returncode == 0
    assert "1 dataset, 1 of them needs attention" in said.stderr
    for name in ("index.html", "dataset-a.html"):
        page = (tmp_path / "aceite-report" / name).read_text(encoding="utf-8")
        assert "bad.odcs.yaml:2: the key" in page, name


def test_without_any_contract_file_nothing_is_written(alone: Alone, tmp_path: Path) -> None:
    take_home(tmp_path / "home")
    said = alone("report", ACEITE_CONTRACTS=str(tmp_path / "nowhere"))
    assert said.returncode == 64
    assert "nowhere" in said.stderr
    assert not (tmp_path / "aceite-report").exists()


@pytest.mark.parametrize("name", ["index.html", "dataset-nyc-flights.html"])
def test_a_file_that_aceite_did_not_write_is_not_replaced(alone: Alone, tmp_path: Path, name: str) -> None:
    take_home(tmp_path / "home")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / name).write_text("<title>the page of somebody</title>", encoding="utf-8")
    said = alone("report", "--output", "site")
    assert said.returncode == 64
    assert f"{Path('site') / name} is there already, and is no page of Aceite" in said.stderr
    assert {path.name for path in (tmp_path / "site").iterdir()} == {name}
    other = alone("report", "nyc-flights", "--output", f"site/{name}")
    assert (other.returncode, "is no page of Aceite" in other.stderr) == (64, True)


@pytest.mark.parametrize("arguments", [(), ("nyc-flights",)], ids=["all datasets", "one dataset"])
def test_an_empty_path_is_none(alone: Alone, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    take_home(tmp_path / "home")
    said = alone("report", *arguments, "-o", "")
    assert (said.returncode, "the value is empty" in said.stderr) == (64, True), said.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize("verb", [("status",), ("status", "--json"), ("report",)])
def test_a_home_that_was_named_and_holds_nothing_is_a_usage_error(
    alone: Alone, tmp_path: Path, verb: tuple[str, ...]
) -> None:
    said = alone(*verb, "--home", "elsewhere")
    assert (said.returncode, said.stdout) == (64, "")
    assert f"the home {tmp_path / 'elsewhere'} does not exist: correct --home or ACEITE_HOME" in said.stderr
    (tmp_path / "a folder").mkdir()
    there = alone(*verb, ACEITE_HOME=str(tmp_path / "a folder"))
    assert (there.returncode, "holds no installation" in there.stderr) == (64, True)
