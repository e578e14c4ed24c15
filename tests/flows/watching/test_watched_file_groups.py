"""Deliveries of several files, with real uploads: complete when the contract's rule says so, and told of when not."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from builders import contract_text
from contract_texts import watched

from acceptance.announcing.delivery_events import ARRIVED, INCOMPLETE
from acceptance.deliveries.pointer import DeliveryPointer
from flows.ledger import open_ledger, sqlite_url
from flows.watching.keepalive import Liveness
from flows.watching.listing import Landing, Pace
from sandbox.server import REGION, LocalAws

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
DAY = "in/20260102/"


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with LocalAws() as aws:
        yield boto3.Session("test", "test", region_name=REGION).client("s3", endpoint_url=aws.endpoint)


class Watch:
    """A bucket of its own, watched under a rule. Each look is by a watcher that was just started."""

    def __init__(self, s3: Any, home: Path, bucket: str, rule: str) -> None:
        self.s3, self.bucket = s3, bucket
        s3.create_bucket(Bucket=bucket)
        location = f"s3://{bucket}/in/{{business_date:%Y%m%d}}/{{file}}.csv"
        self.contract = watched(contract_text(location=location, delivery=rule))
        self._url, self.now = sqlite_url(home / "ledger.db"), NOON

    def put(self, name: str, body: bytes = b"order_id\n1\n") -> str:
        self.s3.put_object(Bucket=self.bucket, Key=DAY + name, Body=body)
        return DAY + name

    def look(self, after: timedelta = timedelta(seconds=1)) -> list[tuple[str, Any]]:
        """What is announced by this look: (event, files or what is missing)."""
        self.now += after
        with ExitStack() as opened:
            ledger = opened.enter_context(open_ledger(self._url))
            landing = Landing(ledger, self.s3, [self.contract], Pace(timedelta(seconds=1)))
            landing.look(self.now)
            landing.complete(self.now)
            due = ledger.announcements.due(100)
            ledger.announcements.confirmed([item.event_id for item in due], self.now)
            return [(item.draft.name, _about(item.draft.name, item.draft.payload)) for item in due]

    def waits(self) -> list[tuple[str, tuple[str, ...]]]:
        """Why each open group is not complete, and what it lacks, as `aceite status` tells it."""
        with open_ledger(self._url) as ledger:
            return [(group.waits_for, group.missing) for group in ledger.groups.open()]


def _about(name: str, payload: Any) -> Any:
    if name == INCOMPLETE:
        return payload["missing"] or payload["why"]
    delivery = DeliveryPointer.model_validate(payload["delivery"]).delivery()
    return delivery.revision, [member.file for member in sorted(delivery.members)]


@pytest.fixture
def watching(s3, tmp_path, request):
    numbers = count(1)

    def start(rule: str) -> Watch:
        number = next(numbers)
        name = hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
        return Watch(s3, tmp_path / str(number), f"landing-{name}-{number}", rule)

    return start


def test_with_a_marker_the_delivery_is_what_was_there_when_the_marker_was_seen(watching):
    watch = watching("{complete: marker, marker: _SUCCESS, within: 2h}")
    watch.put("a.csv")
    assert watch.look() == []
    watch.put("b.csv")
    watch.put("_SUCCESS", b"")
    assert watch.look() == [(ARRIVED, (1, ["a.csv", "b.csv"]))]
    assert watch.look() == []


def test_a_file_after_the_marker_makes_an_amended_delivery(watching):
    watch = watching("{complete: marker, marker: _SUCCESS, within: 2h}")
    watch.put("a.csv")
    watch.put("_SUCCESS", b"")
    assert watch.look() == [(ARRIVED, (1, ["a.csv"]))]
    watch.put("b.csv")
    assert watch.look() == [(ARRIVED, (2, ["a.csv", "b.csv"]))]
    watch.put("a.csv", b"order_id\n2\n")
    assert watch.look() == [(ARRIVED, (3, ["a.csv", "b.csv"]))]


def test_a_marker_that_does_not_come_in_time_is_told_of_once(watching):
    watch = watching("{complete: marker, marker: _SUCCESS, within: 2h}")
    watch.put("a.csv")
    assert watch.look() == []
    assert watch.waits() == [("no marker has landed; files landed: 1", (DAY + "_SUCCESS",))]
    assert watch.look(timedelta(minutes=119)) == []
    ((name, missing),) = watch.look(timedelta(minutes=2))
    assert (name, missing) == (INCOMPLETE, [DAY + "_SUCCESS"])
    assert watch.look(timedelta(hours=5)) == []
    assert watch.waits() == [("no marker has landed; files landed: 1", (DAY + "_SUCCESS",))]
    watch.put("_SUCCESS", b"")
    assert watch.look() == [(ARRIVED, (1, ["a.csv"]))]
    assert watch.waits() == []


def test_a_manifest_names_the_files_and_its_digests_are_verified(watching):
    watch = watching("{complete: manifest, manifest: manifest.json, within: 2h}")
    good, bad = b"order_id\n1\n", b"order_id\n9\n"
    files = [{"key": f"{DAY}{name}.csv", "sha256": hashlib.sha256(good).hexdigest()} for name in "ab"]
    watch.put("manifest.json", json.dumps(files).encode())
    watch.put("a.csv", good)
    assert watch.look() == []
    watch.put("b.csv", bad)
    watch.put("not-listed.csv", good)
    assert watch.look() == []
    ((name, missing),) = watch.look(timedelta(hours=3))
    assert (name, missing) == (INCOMPLETE, [DAY + "b.csv"])
    watch.put("b.csv", good)
    assert watch.look() == [(ARRIVED, (1, ["a.csv", "b.csv"]))]


def test_a_number_of_files_makes_the_delivery(watching):
    watch = watching("{complete: count, files: 3, within: 2h}")
    for name in "ab":
        watch.put(f"{name}.csv")
        assert watch.look() == []
    watch.put("c.csv")
    assert watch.look() == [(ARRIVED, (1, ["a.csv", "b.csv", "c.csv"]))]
    watch.put("d.csv")
    ((name, why),) = watch.look()
    assert name == INCOMPLETE
    assert "more than the 3" in why


def test_a_delivery_of_too_many_files_for_a_run_is_told_of_once_and_announced_when_there_are_fewer(watching):
    watch = watching("{complete: marker, marker: _SUCCESS, within: 2h}")
    keys = [watch.put(f"{number:03}{'k' * 980}.csv") for number in range(500)]
    watch.put("_SUCCESS", b"")
    ((name, why),) = watch.look()
    assert name == INCOMPLETE
    assert why.startswith("the list of 500 files has ")
    assert watch.look() == []
    assert watch.look(timedelta(hours=5)) == []
    for key in keys[300:]:
        watch.s3.delete_object(Bucket=watch.bucket, Key=key)
    ((name, (revision, files)),) = watch.look()
    assert (name, revision, len(files)) == (ARRIVED, 1, 300)
    watch.put("late.csv")
    ((name, (revision, files)),) = watch.look()
    assert (name, revision, len(files)) == (ARRIVED, 2, 301)


def test_a_quiet_time_makes_the_delivery_unless_an_upload_is_in_progress(watching):
    watch = watching("{complete: quiet, quiet_for: 5m, within: 2h}")
    watch.put("a.csv")
    key = DAY + "b.csv"
    upload = watch.s3.create_multipart_upload(Bucket=watch.bucket, Key=key)["UploadId"]
    assert watch.look() == []
    assert watch.look(timedelta(minutes=6)) == []
    part = watch.s3.upload_part(Bucket=watch.bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"order_id\n2\n")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    watch.s3.complete_multipart_upload(Bucket=watch.bucket, Key=key, UploadId=upload, MultipartUpload=parts)
    assert watch.look() == []
    assert watch.look(timedelta(minutes=4)) == []
    assert watch.look(timedelta(minutes=1)) == [(ARRIVED, (1, ["a.csv", "b.csv"]))]


def test_a_file_that_is_gone_is_no_part_of_the_delivery(watching):
    watch = watching("{complete: marker, marker: _SUCCESS, within: 2h}")
    watch.put("a.csv")
    gone = watch.put("b.csv")
    assert watch.look() == []
    watch.s3.delete_object(Bucket=watch.bucket, Key=gone)
    watch.put("_SUCCESS", b"")
    assert watch.look() == [(ARRIVED, (1, ["a.csv"]))]


def test_what_was_there_before_the_first_business_date_is_not_announced(watching):
    watch = watching("{complete: marker, marker: _SUCCESS, first_business_date: 2026-01-03}")
    watch.put("a.csv")
    watch.put("_SUCCESS", b"")
    assert watch.look() == []
    watch.put("b.csv")
    assert watch.look() == [(ARRIVED, (1, ["a.csv", "b.csv"]))]


def test_a_single_file_from_before_the_first_business_date_is_seen_and_ignored(watching):
    watch = watching("{first_business_date: 2026-01-03}")
    watch.put("a.csv")
    assert watch.look() == []
    watch.put("b.csv")
    assert watch.look() == [(ARRIVED, (1, ["b.csv"]))]


def test_while_digests_are_read_which_no_listing_waits_for_the_watcher_shows_that_it_lives(s3, tmp_path):
    watch = Watch(s3, tmp_path, "landing-digests", "{complete: manifest, manifest: manifest.json, within: 2h}")
    large = b"order_id\n" + b"1\n" * 2_000_000
    watch.put("a.csv", large)
    watch.put(
        "manifest.json", json.dumps([{"key": DAY + "a.csv", "sha256": hashlib.sha256(large).hexdigest()}]).encode()
    )
    done: list[str] = []
    listening = boto3.Session("test", "test", region_name=REGION).client("s3", endpoint_url=s3.meta.endpoint_url)
    listening.meta.events.register("before-call.s3.GetObject", lambda params, **_: done.append(params["url_path"]))
    with open_ledger(sqlite_url(tmp_path / "ledger.db")) as ledger:
        pace = Pace(timedelta(seconds=1))
        landing = Landing(ledger, listening, [watch.contract], pace, Liveness(stay_alive=lambda: done.append("alive")))
        landing.look(NOON)
        done.append("listed")
        landing.complete(NOON)
        assert len(ledger.announcements.due(10)) == 1
    read = next(number for number, each in enumerate(done) if each.endswith("a.csv"))
    assert done.index("listed") < read
    assert done[read:].count("alive") >= 4, "for every megabyte"
