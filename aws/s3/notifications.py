"""S3 event notifications in an SQS queue: hints of what may have landed. Only a listing shows what did.

A notification may be lost, late or doubled and lacks the object's time, so it only tells the watcher where to look now.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from aws.calls import Client, aws_call

AT_ONCE = 10
"""SQS returns at most this many messages in one response."""

MOST_BATCHES = 50


@dataclass(frozen=True, slots=True)
class Hint:
    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class Hints:
    """`strange` holds the beginnings of messages that are not S3 notifications: they stay in the queue."""

    found: frozenset[Hint] = frozenset()
    strange: Sequence[str] = ()


def receive_notifications(sqs: Client, queue_url: str, wait_s: int) -> Hints:
    """Wait up to `wait_s` seconds (0 to 20) for a first message, then take the others that are in the queue.

    Raises:
        StepFailed: SQS does not answer.
    """
    found: set[Hint] = set()
    strange: list[str] = []
    for batch in range(MOST_BATCHES):
        with aws_call(f"receive from the queue {queue_url}"):
            answer = sqs.receive_message(
                QueueUrl=queue_url, MaxNumberOfMessages=AT_ONCE, WaitTimeSeconds=0 if batch else wait_s
            )
        messages = answer.get("Messages", [])
        read = []
        for message in messages:
            try:
                found.update(parse_notifications(message["Body"]))
                read.append(message)
            except (ValueError, LookupError, TypeError, AttributeError):
                strange.append(message["Body"][:200])
        if read:
            entries = [{"Id": str(at), "ReceiptHandle": message["ReceiptHandle"]} for at, message in enumerate(read)]
            with aws_call(f"delete from the queue {queue_url}"):
                sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)
        if not messages:
            break
    return Hints(frozenset(found), strange)


def parse_notifications(body: str) -> Iterator[Hint]:
    """Yield the objects that a message of S3, of EventBridge, or of either through SNS names.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html

    Raises:
        ValueError, LookupError, TypeError, AttributeError: the message is none of these.
    """
    message: Any = json.loads(body)
    if message.get("Type") == "Notification":
        yield from parse_notifications(message["Message"])
    elif message.get("Event") == "s3:TestEvent":
        return  # S3 sends it when the notification is set up
    elif message.get("source") == "aws.s3":
        yield Hint(message["detail"]["bucket"]["name"], message["detail"]["object"]["key"])
    else:
        for record in message["Records"]:
            # Only S3's own notifications encode keys, as an HTML form does: a space is a plus.
            yield Hint(record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"]))
