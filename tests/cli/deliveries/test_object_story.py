"""`aceite status s3://bucket/key` tells what became of one object: from the listing to the verdict, or why not."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from aws_clients import KEY, REGION
from builders import contract_text
from contract_texts import watched
from polling import eventually

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery
from blocks.settings import Settings
from cli.deliveries.addresses import Addresses
from cli.deliveries.object_facts import gather
from cli.deliveries.object_story import print_story, story_document
from cli.deliveries.overdue import overdue_of
from cli.terminal import Terminal
from flows.ledger import Ledger, open_ledger, sqlite_url
from flows.watching.listing import Landing, Pace

BASELINE = "baseline: since 2026-01-01, resent: ignore"
RUN = "5e1cd7a4-0000-4000-8000-000000000001"


class Scene:
    """A landing bucket, a watcher that lists it when it is told to, and who asks for one object."""

    def __init__(self, s3: Any, endpoint: str, bucket: str, home: Path, ledger: Ledger) -> None:
        self.s3, self.bucket, self.home, self.ledger = s3, bucket, home, ledger
        (home / "contracts").mkdir()
        self.contracts = [
            self._contract("orders", f"{{{BASELINE}}}"),
            self._contract("parts", "{complete: marker, marker: _SUCCESS, within: 2h}"),
        ]
        self.settings = Settings(
            home=home,
            contracts=home / "contracts",
            aws_endpoint_url=endpoint,
            aws_access_key_id=KEY,
            aws_secret_access_key=KEY,
            aws_region=REGION,
            evidence_bucket=bucket,
        )

    def _contract(self, dataset: str, delivery: str) -> Contract:
        location = f"s3://{self.bucket}/{dataset}/{{business_date:%Y%m%d}}/{{file}}.csv"
        text = contract_text(dataset, location=location, delivery=delivery)
        (self.home / "contracts" / f"{dataset}.odcs.yaml").write_text(text, encoding="utf-8")
        return watched(text)

    def put(self, key: str, body: bytes = b"id\n1\n") -> str:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return key

    def list(self) -> None:
        now = datetime.now(UTC)
        landing = Landing(self.ledger, self.s3, self.contracts, Pace(timedelta(seconds=1), at_least=1000))
        landing.look(now)
        landing.complete(now)

    def delivery(self, key: str) -> Delivery:
        (found,) = self.ledger.sightings.deliveries_with(self.bucket, key)
        return found

    def facts(self, key: str) -> Any:
        overdue = overdue_of(self.ledger, self.settings)
        return gather(self.bucket, key, self.ledger, self.settings, overdue, is_served=False)

    def told(self, key: str) -> str:
        """The story on one line. On the terminal it has at most 80 columns, but for what is copied."""
        written, overdue = StringIO(), overdue_of(self.ledger, self.settings)
        print_story(
            Terminal(file=written, width=80), self.facts(key), overdue, Addresses("http://aws", None, "http://ui")
        )
        lines = written.getvalue().splitlines()
        assert [line for line in lines if len(line) > 80 and "://" not in line] == []
        return " ".join(written.getvalue().split())

    def document(self, key: str) -> dict[str, Any]:
        return story_document(self.facts(key), overdue_of(self.ledger, self.settings))


@pytest.fixture
def scene(s3: Any, s3_server: Any, s3_bucket: str, tmp_path: Path) -> Iterator[Scene]:
    with open_ledger(sqlite_url(tmp_path / "ledger.db")) as ledger:
        yield Scene(s3, s3_server.endpoint, s3_bucket, tmp_path, ledger)


def test_an_object_that_was_never_there_is_told_to_be_absent(scene: Scene) -> None:
    said = scene.told("orders/20260102/none.csv")
    assert "in S3 there is no object of this key now" in said
    assert "listed nothing of this key, ever" in said


def test_an_object_that_was_not_listed_yet_waits_for_the_next_listing(scene: Scene) -> None:
    scene.list()
    said = scene.told(scene.put("orders/20260102/a.csv"))
    assert "in S3 5 bytes, last modified " in said
    assert "listed not yet: the next listing finds it" in said
    assert "routed to orders 2026-01-02" in said


def test_an_object_outside_of_every_location_is_told_to_be_unwatched(scene: Scene) -> None:
    said = scene.told(scene.put("elsewhere/a.csv"))
    assert "listed no: it lies in no landing location" in said


def test_a_key_that_fits_no_contract_comes_with_the_reason(scene: Scene) -> None:
    key = scene.put("orders/2026-01-02/a.csv")
    scene.list()
    assert "routed no: fits no contract. orders: " in scene.told(key)
    assert "fits no contract" in scene.document(key)["unroutable"]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("orders/20251231/a.csv", "2025-12-31 is before the dataset's first business date that is announced"),
        ("orders/20260102/", "a folder mark of the S3 console"),
    ],
)
def test_an_ignored_object_comes_with_the_reason(scene: Scene, key: str, reason: str) -> None:
    scene.put(key, b"" if key.endswith("/") else b"x")
    scene.list()
    assert f"ignored it makes no delivery: {reason}" in scene.told(key)
    assert scene.document(key)["ignored"] == reason


def test_bytes_that_are_sent_again_are_told_to_be_ignored(scene: Scene) -> None:
    key = scene.put("orders/20260102/a.csv")
    scene.list()
    listed = scene.delivery(key).first.last_modified

    def put_later() -> bool:
        scene.put(key)
        return bool(scene.s3.head_object(Bucket=scene.bucket, Key=key)["LastModified"] > listed)

    eventually(put_later, "a later time of S3, which counts seconds")
    assert "and the next listing finds this one" in scene.told(key)
    scene.list()
    said = scene.told(key)
    assert "ignored it makes no delivery: the same bytes were delivered before" in said
    assert f"delivery {scene.delivery(key).id}, revision 1" in said, "the delivery of these bytes is told too"


def test_a_file_of_several_says_which_others_are_missing_and_until_when(scene: Scene) -> None:
    key = scene.put("parts/20260102/a.csv")
    scene.list()
    said = scene.told(key)
    assert "routed to parts 2026-01-02, a member of a delivery of several files" in said
    assert "waits for other files of parts 2026-01-02: no marker has landed; files landed: 1; due by " in said
    assert "missing: parts/20260102/_SUCCESS" in said
    (group,) = scene.document(key)["groups"]
    assert (group["missing"], group["keys"]) == (["parts/20260102/_SUCCESS"], [key])


def test_a_delivery_is_told_from_its_listing_to_the_run_that_claimed_it(scene: Scene) -> None:
    key = scene.put("orders/20260102/a.csv")
    scene.list()
    delivery = scene.delivery(key)
    assert "waits for Prefect's server, which does not show its announcement" in scene.told(key)
    (due,) = scene.ledger.announcements.due(10)
    scene.ledger.announcements.confirmed([due.event_id], datetime.now(UTC))
    assert "announced once at " in scene.told(key)
    scene.ledger.announcements.record(
        {delivery.id: {"claimed_at": datetime.now(UTC), "claimed_by": RUN}}, datetime.now(UTC)
    )
    said = scene.told(key)
    assert f"delivery {delivery.id}, revision 1, found " in said
    assert f"claimed by run {RUN} http://ui/runs/flow-run/{RUN}" in said


def test_a_verdict_comes_with_its_reason_and_the_page_of_its_evidence(scene: Scene) -> None:
    key = scene.put("orders/20260102/a.csv")
    scene.list()
    now, delivery = datetime.now(UTC), scene.delivery(key)
    facts = {"judged_at": now, "verdict": "rejected", "reason": "rows: expected 2, observed 1", "evidence": "s3://e/x/"}
    scene.ledger.announcements.record({delivery.id: facts}, now)
    said = scene.told(key)
    assert "verdict rejected at " in said
    assert "rows: expected 2, observed 1 evidence" in said
    assert said.endswith("http://aws/e/x/evidence.html")


def test_an_s3_that_does_not_answer_is_told_and_the_rest_all_the_same(scene: Scene) -> None:
    key = scene.put("orders/20260102/a.csv")
    scene.list()
    scene.settings = scene.settings.model_copy(update={"aws_endpoint_url": "http://127.0.0.1:9"})
    said = scene.told(key)
    assert "S3 did not answer: " in said
    assert "routed to orders 2026-01-02" in said
    assert "in S3 there is no object" not in said
