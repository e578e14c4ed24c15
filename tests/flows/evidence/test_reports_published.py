"""The pages over all datasets stand beside the evidence: what changed is put, and the audit does not mind."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aws_clients import Aws
from builders import a_contract, a_delivery, an_object
from dataset_overviews import overview, past
from html_page import Page
from repository import CONTRACTS
from sealed_bucket import DATASET, Aceite, Bucket, delivery

from acceptance.announcing.delivery_events import arrived
from acceptance.deliveries.key_ranges import KeyRange
from acceptance.errors import LeaseLost, StepFailed
from acceptance.judging.judge import Verdict
from acceptance.overview.datasets import DatasetOverview
from acceptance.overview.pages import Links
from blocks.settings import read_settings
from flows.evidence.audit import datasets_with_evidence
from flows.evidence.verdicts import read_verdict
from flows.installation.clients import clients_of
from flows.installation.current_contracts import CurrentContracts
from flows.ledger import Ledger, ledger_url, open_ledger
from flows.ledger.listing import Certified
from flows.ledger.writes import NewObject
from flows.overview.publishing import MOST_PAGES, PublishedPages, Publisher, published_pages
from flows.watch_landing import _publishing
from flows.watching.keepalive import ALONE
from sandbox.server import REGION

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture(scope="module")
def s3_server(local_aws: Aws) -> Aws:
    """The sandbox's S3 alone: the other one says nothing of who asks, nor of encryption."""
    return local_aws


def publisher(bucket: Bucket) -> Publisher:
    return Publisher(bucket.s3, bucket.name, Links(bucket.endpoint, None, beside=bucket.name))


def put_at(bucket: Bucket) -> dict[str, str]:
    """Return the pages of the bucket, and when each says that it was made."""
    listed = bucket.s3.list_objects_v2(Bucket=bucket.name, Prefix="reports/").get("Contents", ())
    pages = {item["Key"].removeprefix("reports/"): Page(bucket.read(item["Key"]).decode()) for item in listed}
    return {name: page.text.partition("as of ")[2][11:16] for name, page in pages.items()}


def datasets(number: int, *broken: int) -> list[DatasetOverview]:
    return [overview(f"d{at}", past(Verdict.REJECTED if at in broken else Verdict.ACCEPTED)) for at in range(number)]


def test_only_what_changed_is_put_again_and_the_index_every_hour(bucket: Bucket) -> None:
    pages = publisher(bucket)
    assert pages.publish(datasets(2), NOW) == 3
    assert pages.publish(datasets(2), NOW + MINUTE) == 0
    assert put_at(bucket) == {"index.html": "12:00", "dataset-d0.html": "12:00", "dataset-d1.html": "12:00"}
    assert pages.publish(datasets(2, 1), NOW + 2 * MINUTE) == 2
    assert put_at(bucket) == {"index.html": "12:02", "dataset-d0.html": "12:00", "dataset-d1.html": "12:02"}
    assert pages.publish(datasets(2, 1), NOW + HOUR) == 0
    assert pages.publish(datasets(2, 1), NOW + 2 * MINUTE + HOUR) == 1
    assert put_at(bucket)["index.html"] == "13:02"
    kept = bucket.s3.head_object(Bucket=bucket.name, Key="reports/index.html")
    assert (kept["ContentType"], kept["CacheControl"]) == ("text/html; charset=utf-8", "max-age=60")


def test_a_few_pages_are_put_at_a_time_and_the_index_when_it_leads_to_no_page_that_is_missing(bucket: Bucket) -> None:
    pages = publisher(bucket)
    assert [pages.publish(datasets(3), NOW, most=2), "index.html" in put_at(bucket)] == [2, False]
    assert pages.publish(datasets(3), NOW + MINUTE, most=2) == 2
    assert put_at(bucket).keys() == {"index.html", "dataset-d0.html", "dataset-d1.html", "dataset-d2.html"}
    for number in range(2, 5):  # each changes every time: those that wait longest come first
        changed = [overview(each.dataset, past(ago=number * MINUTE)) for each in datasets(3)]
        pages.publish(changed, NOW + number * MINUTE, most=1)
    assert sorted(put_at(bucket).values()) == ["12:02", "12:03", "12:04", "12:04"]


def test_what_could_not_be_put_is_put_later(bucket: Bucket) -> None:
    pages = Publisher(bucket.s3, f"{bucket.name}-new", Links())
    with pytest.raises(StepFailed, match="NoSuchBucket"):
        pages.publish(datasets(2), NOW)
    bucket.s3.create_bucket(Bucket=pages.bucket)
    assert pages.publish(datasets(2), NOW + MINUTE) == 3


@pytest.fixture
def ledger(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("ACEITE_HOME", str(tmp_path / "home"))
    with open_ledger(ledger_url(read_settings())) as ledger:
        ledger.datasets.watch(["orders"], NOW)
        yield ledger


def watched_pages(ledger: Ledger, bucket: Bucket, alive: Any = lambda: None) -> PublishedPages:
    return published_pages(ledger, CurrentContracts((a_contract("orders"),)), bucket.s3, bucket.name, alive)


def test_the_watcher_publishes_what_its_ledger_learns(ledger: Ledger, bucket: Bucket) -> None:
    pages = watched_pages(ledger, bucket)
    pages.look(NOW)
    landed = an_object("orders/a.csv", at=NOW)
    item = NewObject(landed, a_delivery(landed), arrived(a_delivery(landed)))
    ledger.listing.commit(Certified("landing", "orders", None, (KeyRange(certified_at=NOW),), [item]), NOW)
    pages.look(NOW + MINUTE)
    assert put_at(bucket) == {"index.html": "12:01", "dataset-orders.html": "12:01"}
    assert "if it is older, no watcher is at work" in Page(bucket.read("reports/index.html").decode()).text
    pages.look(NOW + 2 * MINUTE)
    assert put_at(bucket)["index.html"] == "12:01"
    pages.look(NOW + 3 * HOUR)  # nothing came, but now the verdict is late
    page = Page(bucket.read("reports/dataset-orders.html").decode())
    assert "1 delivery has no verdict in time; due since 2026-01-31 13:00 UTC" in page.text


def test_a_watcher_publishes_once_a_minute_if_the_setting_says_so(
    ledger: Ledger, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"ENDPOINT_URL": bucket.endpoint, "ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "REGION": REGION}
    for name, value in there.items():
        monkeypatch.setenv(f"ACEITE_AWS_{name}", value)
    monkeypatch.setenv("ACEITE_EVIDENCE_BUCKET", bucket.name)
    clients, contracts = clients_of(read_settings()), CurrentContracts((a_contract("orders"),))
    assert _publishing(ledger, ALONE, clients, contracts) == ()
    monkeypatch.setenv("ACEITE_PUBLISH_REPORTS", "true")
    (look,) = _publishing(ledger, ALONE, clients, contracts)
    assert look.every_s == 60
    look.take(ALONE)
    assert put_at(bucket).keys() == {"index.html", "dataset-orders.html"}


def test_a_fault_of_a_page_is_one_that_the_watcher_survives_and_a_lost_lease_is_none(
    ledger: Ledger, bucket: Bucket
) -> None:
    def lose() -> None:
        raise LeaseLost("by another watcher")

    with pytest.raises(LeaseLost):
        watched_pages(ledger, bucket, lose).look(NOW)
    with open_ledger(ledger_url(read_settings())) as other:
        pages = watched_pages(other, bucket)
        with sa.create_engine(ledger_url(read_settings())).begin() as connection:
            connection.exec_driver_sql("DROP TABLE deliveries")
        with pytest.raises(StepFailed, match="make the pages over all datasets: OperationalError"):
            pages.look(NOW)


def test_there_may_be_more_datasets_than_pages_that_one_look_puts(ledger: Ledger, bucket: Bucket) -> None:
    ledger.datasets.watch([f"d{number}" for number in range(MOST_PAGES)], NOW)
    pages = watched_pages(ledger, bucket)
    pages.look(NOW)
    assert "index.html" not in put_at(bucket)
    pages.look(NOW + MINUTE)
    assert len(put_at(bucket)) == MOST_PAGES + 2


def test_the_command_publishes_and_the_audit_of_the_evidence_finds_nothing_strange(
    aceite: Aceite, bucket: Bucket, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        assert bucket.put(number)
    monkeypatch.setenv("ACEITE_EVIDENCE_ENCRYPTION", "AES256")
    monkeypatch.setenv("ACEITE_CONTRACTS", str(CONTRACTS))
    judged = delivery(1)
    item = NewObject(judged.first, judged, judged=read_verdict(bucket.s3, bucket.name, judged))
    ledger.datasets.watch([DATASET], NOW)
    ledger.listing.commit(Certified("landing", "", None, (KeyRange(certified_at=NOW),), [item]), NOW)
    said = aceite("report", "--publish")
    assert said.code == 0, said.err
    assert f"{bucket.endpoint}/{bucket.name}/reports/index.html" in said.err
    page = Page(bucket.read(f"reports/dataset-{DATASET}.html").decode())
    evidence = next(attributes["href"] for tag, attributes in page.tags if "evidence" in (attributes.get("href") or ""))
    assert evidence is not None
    assert bucket.read(evidence.removeprefix("../")) == bucket.files(1)["evidence.html"]
    kept = bucket.s3.head_object(Bucket=bucket.name, Key="reports/index.html")
    assert kept["ServerSideEncryption"] == "AES256"
    verified = aceite("evidence", "verify", DATASET)
    assert (verified.code, "2 manifests and 2 deliveries read, all as sealed" in verified.err) == (0, True)
    assert datasets_with_evidence(bucket.s3, bucket.name) == (DATASET,)


@pytest.mark.parametrize(
    ("installed", "said"),
    [
        (["prefect"], "so none is published"),
        ([], "does not exist: correct --home or ACEITE_HOME"),
    ],
)
def test_without_a_ledger_no_page_is_replaced_by_an_empty_one(
    aceite: Aceite, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: list[str], said: str
) -> None:
    home = tmp_path / "home"
    for name in installed:
        (home / name).mkdir(parents=True)
    assert publisher(bucket).publish(datasets(1), NOW) == 2
    monkeypatch.setenv("ACEITE_HOME", str(home))
    monkeypatch.setenv("ACEITE_CONTRACTS", str(CONTRACTS))
    answer = aceite("report", "--publish")
    assert (answer.code, said in " ".join(answer.err.split())) == (64, True)
    assert put_at(bucket) == {"index.html": "12:00", "dataset-d0.html": "12:00"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "orders", "--publish"], "--publish is for the index over all datasets"),
        (["report", "--publish", "--output", "folder"], "leave out --output, or --publish"),
    ],
)
def test_pages_are_published_or_written_but_not_both(aceite: Aceite, arguments: list[str], said: str) -> None:
    answer = aceite(*arguments)
    assert (answer.code, said in answer.err) == (64, True)
