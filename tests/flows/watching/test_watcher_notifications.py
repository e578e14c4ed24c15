"""A watcher that lists seldom learns at once of what a notification tells."""

import threading
from datetime import timedelta
from functools import partial

import boto3
import pytest
from polling import eventually
from prefect import flow
from watched_bucket import DAY, NOON, orders

from acceptance.errors import LeaseLost
from aws.s3.notifications import receive_notifications
from flows.ledger import Ledger, open_ledger
from flows.watching.announcing import Announcer
from flows.watching.keepalive import Keepalive
from flows.watching.listing import Landing, Pace
from flows.watching.watcher import HintedWait, RecurringLook, Watcher
from sandbox.server import REGION, LocalAws

SELDOM = Pace(timedelta(hours=1))
WITHIN_S = 60


def keys(ledger: Ledger) -> set[str]:
    return {key for delivery in ledger.status.deliveries() for key in delivery.keys}


@pytest.mark.usefixtures("prefect_server")
def test_what_a_notification_tells_of_is_announced_long_before_the_next_listing(new_sqlite):
    url = new_sqlite()
    with LocalAws() as aws, open_ledger(url) as ledger:
        session = boto3.Session("test", "test", region_name=REGION)
        s3, sqs = (session.client(service, endpoint_url=aws.endpoint) for service in ("s3", "sqs"))
        s3.create_bucket(Bucket="landing")
        queue = sqs.create_queue(QueueName="landed")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        notifying = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
        s3.put_bucket_notification_configuration(Bucket="landing", NotificationConfiguration=notifying)

        @flow
        def watch() -> None:
            with open_ledger(url) as own:
                keepalive = Keepalive(own.lease, "watcher")
                keepalive.await_lease()
                alive, announcer = keepalive.liveness, Announcer(own)
                landing = Landing(own, s3, [orders()], SELDOM, alive)
                announce = RecurringLook(
                    "telling", 1, lambda _: announcer.announce(alive.stay_alive, timedelta(seconds=5))
                )
                looks = (RecurringLook("listing", SELDOM.every.total_seconds(), landing.look), announce)
                hinted = HintedWait(partial(receive_notifications, sqs, queue), landing, [announce], alive)
                with pytest.raises(LeaseLost):
                    Watcher(alive, looks, hinted).watch()

        watching = threading.Thread(target=watch)
        watching.start()
        eventually(lambda: ledger.status.locations(), "the first listing")
        s3.put_object(Bucket="landing", Key=DAY + "orders", Body=b"1")
        eventually(lambda: keys(ledger) == {DAY + "orders"}, "the hinted key")
        sqs.delete_queue(QueueUrl=queue)  # a queue that is gone is trouble that the watcher outlives
        eventually(lambda: all(item.state == "announced" for item in ledger.status.deliveries()), "its announcement")
        ledger.lease.give_back("watcher")
        assert ledger.lease.take("another", NOON.replace(year=2100), NOON)
        watching.join(WITHIN_S)
        assert not watching.is_alive()
