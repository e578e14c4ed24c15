"""A queue of notifications says where to look, in every form in which S3 tells."""

import json
import uuid

import pytest

from acceptance.errors import StepFailed
from aws.s3.notifications import Hint, parse_notifications, receive_notifications

KEY = "in/20260102/a b+c%2Bação.csv"
EVENTBRIDGE = {
    "version": "0",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "detail": {"bucket": {"name": "landing"}, "object": {"key": KEY, "size": 5, "etag": "e"}},
}
OF_S3 = {
    "Records": [
        {
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "landing"}, "object": {"key": "in/20260102/a+b%2Bc%252Ba%C3%A7%C3%A3o.csv"}},
        }
    ]
}


@pytest.fixture
def sqs(local_aws):
    return local_aws.client("sqs")


@pytest.fixture
def queue(sqs) -> str:
    return sqs.create_queue(QueueName=f"hints-{uuid.uuid4().hex}")["QueueUrl"]


@pytest.mark.parametrize("message", [OF_S3, EVENTBRIDGE], ids=["S3", "EventBridge"])
def test_a_hint_names_the_bucket_and_the_key_as_a_listing_does(message):
    through_sns = {"Type": "Notification", "Message": json.dumps(message)}
    for body in (message, through_sns):
        assert set(parse_notifications(json.dumps(body))) == {Hint("landing", KEY)}


def test_the_message_that_s3_sends_when_notifications_are_set_up_is_no_hint():
    assert (
        set(parse_notifications(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "landing"})))
        == set()
    )


def test_what_is_put_into_a_bucket_that_notifies_a_queue_is_hinted_at_once(local_aws, bucket, sqs, queue):
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3 = local_aws.client("s3")
    notifying = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=notifying)
    names = {f"in/{number} {name}" for number in range(12) for name in ("a+b", "ação")}
    for name in names:
        s3.put_object(Bucket=bucket, Key=name, Body=b"x")
    received = receive_notifications(sqs, queue, 5)
    assert received.found == {Hint(bucket, name) for name in names}
    assert received.strange == []
    assert receive_notifications(sqs, queue, 0).found == set(), "what was taken is not handed over again"


@pytest.mark.parametrize(
    "body", ["hello", "[]", "{}", "7", '{"Records": [{}]}', '{"Type": "Notification", "Message": 1}']
)
def test_a_message_that_is_not_understood_is_shown_and_left_in_the_queue(sqs, queue, body):
    sqs.send_message(QueueUrl=queue, MessageBody=body)
    received = receive_notifications(sqs, queue, 0)
    assert (received.found, received.strange) == (set(), [body])
    waiting = "ApproximateNumberOfMessagesNotVisible"
    assert sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[waiting])["Attributes"][waiting] == "1"


def test_a_queue_that_does_not_exist_is_an_error_with_its_name(sqs, queue):
    with pytest.raises(StepFailed, match=rf"receive from the queue {queue}-gone: .*NonExistentQueue"):
        receive_notifications(sqs, queue + "-gone", 0)
