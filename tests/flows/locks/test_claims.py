"""One run has a delivery: claims."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from aws_clients import Aws

from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.evidence.object_keys import claim_key
from flows.locks.claims import read_claim, take_claim, take_from_nobody, take_over
from flows.locks.holder import LockHolder
from flows.threads import in_threads

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
UNTIL = NOW + timedelta(hours=1)
KEY = "orders/20260102/a+b %25 ação 'x'.csv"
DELIVERY = Delivery("orders", date(2026, 1, 2), (LandingObject("landing", KEY, "0" * 32, 3, NOW),))


@pytest.fixture
def bucket(s3_bucket: str) -> str:
    return s3_bucket


def holder(number: int) -> LockHolder:
    return LockHolder(
        flow_run_id=f"run-{number}", place="here", booted=1.0, pid=number, began=2.0, server="", folder=""
    )


def test_of_runs_that_claim_a_delivery_at_the_same_time_one_has_it(s3_server: Aws, bucket: str) -> None:
    def claims(number: int) -> bool:
        return take_claim(s3_server.client("s3"), bucket, DELIVERY, holder(number), NOW, UNTIL)

    won = [number for number, is_won in enumerate(in_threads(claims, range(8), at_once=8)) if is_won is True]
    claim = read_claim(s3_server.client("s3"), bucket, DELIVERY)
    assert claim is not None
    assert won == [claim.holder.pid]


def test_of_runs_that_take_over_from_a_dead_one_one_has_the_delivery(s3_server: Aws, s3: Any, bucket: str) -> None:
    take_claim(s3, bucket, DELIVERY, holder(1), NOW, UNTIL)
    dead = read_claim(s3, bucket, DELIVERY)
    assert dead is not None

    def takes_over(number: int) -> bool:
        return take_over(s3_server.client("s3"), bucket, DELIVERY, dead, holder(number), NOW, UNTIL)

    won = [number for number, is_won in zip(range(2, 10), in_threads(takes_over, range(2, 10), at_once=8), strict=True)
           if is_won is True]  # fmt: skip
    claim = read_claim(s3, bucket, DELIVERY)
    assert claim is not None
    assert won == [claim.holder.pid]
    assert not take_over(s3, bucket, DELIVERY, replace(dead, etag="0" * 32), holder(11), NOW, UNTIL)


def test_an_object_of_somebody_else_in_the_claims_place_is_set_aside_and_the_delivery_claimed(
    s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key=claim_key(DELIVERY), Body=b'{"flow_run_id": "mine"}')
    assert read_claim(s3, bucket, DELIVERY) is None
    assert not take_claim(s3, bucket, DELIVERY, holder(1), NOW, UNTIL)
    claimed, (told,) = take_from_nobody(s3, bucket, DELIVERY, holder(1), NOW, UNTIL)
    assert claimed
    aside = told.rpartition("it is kept as ")[2]
    kept = s3.get_object(Bucket=bucket, Key=f"{claim_key(DELIVERY).rpartition('/')[0]}/{aside}")
    assert kept["Body"].read() == b'{"flow_run_id": "mine"}'
    claim = read_claim(s3, bucket, DELIVERY)
    assert claim is not None
    assert claim.flow_run_id == "run-1"
