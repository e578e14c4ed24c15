"""Events that are put on a bus, whose rules the sandbox really follows."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest

from acceptance.errors import AnswerLost, StepFailed, WaitTimedOut
from aws.calls import no_retry_config
from aws.event_bus import put_event

MINUTE = timedelta(minutes=1)
NOTHING = timedelta()


@pytest.fixture(scope="module")
def bus(local_aws) -> str:
    """A bus with a rule that hands on the events of one kind to a queue of the same name."""
    name, events = f"bus-{uuid.uuid4().hex}", local_aws.client("events")
    events.create_event_bus(Name=name)
    sqs = local_aws.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=name, EventBusName=name, EventPattern=json.dumps({"detail-type": ["Order landed"]}))
    events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "queue", "Arn": arn}])
    return name


def heard(local_aws: Any, bus: str) -> list[Any]:
    """What the queue got since it was asked last."""
    sqs = local_aws.client("sqs")
    told = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName=bus)["QueueUrl"], MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in told.get("Messages", ())]


def put(client: Any, bus: str, detail: Any, within: timedelta = MINUTE, source: str = "orders") -> str:
    return put_event(client, bus, source, "Order landed", detail, within=within)


def test_an_event_comes_to_those_who_listen_with_its_source_and_its_detail(local_aws, bus):
    id_ = put(local_aws.client("events", **no_retry_config(MINUTE)), bus, {"key": "Preço.csv"})
    (event,) = heard(local_aws, bus)
    assert (event["id"], event["source"], event["detail-type"]) == (id_, "orders", "Order landed")
    assert event["detail"] == {"key": "Preço.csv"}


def test_an_event_that_a_busy_bus_refused_is_put_again_and_is_put_once(mishaps, bus):
    aws, layer = mishaps
    layer.answers.append("400 ThrottlingException")
    put(aws.client("events", **no_retry_config(MINUTE)), bus, {"n": 1})
    assert [event["detail"] for event in heard(aws, bus)] == [{"n": 1}]


def test_an_event_whose_answer_is_lost_is_not_put_again(mishaps, bus):
    aws, layer = mishaps
    layer.answers.append("answer lost")
    with pytest.raises(AnswerLost, match="may or may not be on the bus, so Aceite did not put it again"):
        put(aws.client("events", **no_retry_config(MINUTE)), bus, {"n": 2})
    assert [event["detail"] for event in heard(aws, bus)] == [{"n": 2}]


def test_an_event_that_is_refused_alone_is_an_error_though_the_request_succeeded(local_aws, bus):
    client = local_aws.client("events", **no_retry_config(MINUTE))
    with pytest.raises(StepFailed, match=f"Order landed on the bus {bus}: InvalidArgument: Parameter Source is not va"):
        put(client, bus, {"n": 3}, source="")
    assert heard(local_aws, bus) == []


@pytest.mark.parametrize("bus", ["none-such", "arn:aws:events:us-east-1:123456789012:event-bus/none-such"])
def test_a_bus_that_is_not_there_is_told_by_its_name_and_asked_once(local_aws, bus):
    client, sent = local_aws.client("events", **no_retry_config(MINUTE)), list[Any]()
    client.meta.events.register("before-send.events.PutEvents", lambda request, **_: sent.append(request))
    with pytest.raises(StepFailed, match=f"put the event Order landed on the bus {bus}: .* none-such does not exist"):
        put(client, bus, {"n": 4})
    assert len(sent) == 1


def test_an_event_of_which_the_bus_says_that_it_did_not_take_it_is_put_again_until_the_time_is_over(local_aws, bus):
    client = local_aws.client("events", **no_retry_config(MINUTE))
    answered = iter([{"ErrorCode": "InternalFailure", "ErrorMessage": "oh"}] * 2)

    def refuse(parsed: dict[str, Any], **_: Any) -> None:
        if (entry := next(answered, None)) is not None:
            parsed["Entries"] = [entry]

    client.meta.events.register("after-call.events.PutEvents", refuse)
    with pytest.raises(WaitTimedOut, match="InternalFailure: oh; for 0 s, and EventBridge took no event"):
        put(client, bus, {}, within=NOTHING)
    assert put(client, bus, {})
    assert len(heard(local_aws, bus)) == 3, "this bus took what it said that it had refused"


def test_a_client_that_repeats_requests_is_refused(local_aws):
    with pytest.raises(ValueError, match="could put an event twice"):
        put(local_aws.client("events"), "default", {})
