"""Hints that something may have landed: S3's notifications in an SQS queue. What landed is what a listing shows.

A hint may be lost, late or doubled, and lacks the time of the object; so it only says where to look at once.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from aws.calls import Client, aws_call

AT_ONCE = 10
"""Messages that SQS hands over in one answer at most."""

MOST_BATCHES = 50


@dataclass(frozen=True, slots=True)
class Hint:
    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class Hints:
    """`strange` are the beginnings of messages that are no notifications of S3: they stay in the queue."""

    found: frozenset[Hint] = frozenset()
    strange: Sequence[str] = ()


def receive_hints(sqs: Client, queue_url: str, wait_s: int) -> Hints:
    """Waits up to `wait_s` seconds (0 to 20) for a first message, and takes what else is there.

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
                found.update(hints_of(message["Body"]))
                read.append(message)
            except (ValueError, LookupError, TypeError, AttributeError):
                strange.append(message["Body"][:200])
        _delete(sqs, queue_url, read)
        if not messages:
            break
    return Hints(frozenset(found), strange)


def hints_of(body: str) -> Iterator[Hint]:
    """From a message of S3 itself, of EventBridge, or of either through SNS.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html

    Raises:
        ValueError, LookupError, TypeError, AttributeError: it is none of these.
    """
    message: Any = json.loads(body)
    if message.get("Type") == "Notification":
        yield from hints_of(message["Message"])
    elif message.get("Event") == "s3:TestEvent":
        return  # S3 sends it when the notification is set up
    elif message.get("source") == "aws.s3":
        yield Hint(message["detail"]["bucket"]["name"], message["detail"]["object"]["key"])
    else:
        for record in message["Records"]:
            # Only S3's own notifications have their keys encoded, as in a form: a space is a plus.
            yield Hint(record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"]))


def _delete(sqs: Client, queue_url: str, messages: Sequence[Any]) -> None:
    if not messages:
        return
    entries = [{"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]} for at, each in enumerate(messages)]
    with aws_call(f"delete from the queue {queue_url}"):
        sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)
