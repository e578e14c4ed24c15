"""A ledger can be lost. What is in S3 says what was judged, and nothing is judged again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from evidence_builder import accepted
from watched_bucket import orders

from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.deliveries.routing import route
from acceptance.evidence.object_keys import EVIDENCE, evidence_prefix
from aws.s3.objects import list_objects
from flows.evidence.files import put_evidence
from flows.evidence.verdicts import StandingVerdicts
from flows.ledger import open_ledger, sqlite_url
from flows.watching.listing import Landing, Pace
from sandbox.fault_injection.aws_faults import AwsFault, AwsFaultKind
from sandbox.server import REGION, LocalAws

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as aws:
        yield aws


@pytest.fixture(scope="module")
def s3(aws: LocalAws) -> Any:
    client = boto3.Session("test", "test", region_name=REGION).client("s3", endpoint_url=aws.endpoint)
    for bucket in ("landing", "evidence"):
        client.create_bucket(Bucket=bucket)
    return client


def look_with_a_new_ledger(s3: Any, home: Path) -> tuple[list[Delivery], dict[str, tuple[str, int]]]:
    """What is announced, and the states and revisions by key."""
    with open_ledger(sqlite_url(home / "ledger.db")) as ledger:
        standing = StandingVerdicts(s3, "evidence")
        Landing(ledger, s3, [orders()], Pace(timedelta(seconds=1)), standing=standing).look(NOON)
        drafts = [item.draft for item in ledger.announcements.due(100)]
        told = [DeliveryPointer.model_validate(draft.payload["delivery"]).delivery() for draft in drafts]
        return told, {item.keys[0]: (item.state, item.revision) for item in ledger.status.deliveries()}


def test_a_new_ledger_takes_the_verdicts_that_stand_and_announces_only_what_has_none(s3, tmp_path):
    for name in ("judged.csv", "open.csv"):
        s3.put_object(Bucket="landing", Key=f"in/20260102/{name}", Body=b"order_id\n1\n")
    judged = next(iter(list_objects(s3, "landing", "in/20260102/judged")))
    delivery = route(judged, [orders()])
    record = accepted()
    third = record.delivery.model_copy(update={"revision": 3})
    assert put_evidence(s3, "evidence", delivery, record.model_copy(update={"delivery": third}))[0]

    told, states = look_with_a_new_ledger(s3, tmp_path)
    assert [item.first.key for item in told] == ["in/20260102/open.csv"]
    assert states == {"in/20260102/judged.csv": ("judged", 3), "in/20260102/open.csv": ("landed", 1)}


def test_evidence_that_aceite_did_not_put_keeps_a_new_ledger_from_nothing(s3, tmp_path):
    s3.put_object(Bucket="landing", Key="in/20260103/strange.csv", Body=b"order_id\n1\n")
    strange = route(next(iter(list_objects(s3, "landing", "in/20260103/"))), [orders()])
    prefix = evidence_prefix(strange.dataset, strange.business_date, strange.id)
    s3.put_object(Bucket="evidence", Key=prefix + EVIDENCE, Body=b'{"verdict": "accepted"}')

    told, _ = look_with_a_new_ledger(s3, tmp_path)
    assert strange.id in {item.id for item in told}


def test_while_verdicts_are_looked_for_the_watcher_shows_that_it_lives(s3, aws):
    landed = LandingObject("landing", "in/20260104/late.csv", "e", 1, NOON)
    delivery, alive = route(landed, [orders()]), list[None]()
    assert put_evidence(s3, "evidence", delivery, accepted())[0]
    aws.fault_injection.set([AwsFault(AwsFaultKind.SLOW, "s3", "GetObject", seconds=3, callers=("test",))])
    standing = StandingVerdicts(s3, "evidence", lambda: alive.append(None))
    found = standing([delivery])
    aws.fault_injection.set([])
    assert found.keys() == {delivery.id}
    assert len(alive) > 2 + sum(1 for _ in list_objects(s3, "evidence", f"deliveries/{delivery.dataset}/"))
