"""Each step tells the ids of the requests that it made on AWS, those that AWS refused included."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from aws.calls import record_requests, recorded_request_ids
from flows.steps.timeline import ids_of
from sandbox.server import REGION, LocalAws


@pytest.fixture(scope="module")
def ssm() -> Iterator[Any]:
    with LocalAws() as aws:
        yield record_requests(
            boto3.Session("test", "test", region_name=REGION).client("ssm", endpoint_url=aws.endpoint)
        )


def request_id(answer: dict[str, Any]) -> str:
    found: str = answer["ResponseMetadata"]["RequestId"]
    return found


def test_of_each_operation_the_last_request_is_noted_and_nothing_outside(ssm: Any) -> None:
    ssm.put_parameter(Name="/before", Value="x", Type="String")
    with recorded_request_ids() as requests:
        put = ssm.put_parameter(Name="/a", Value="x", Type="String")
        ssm.get_parameter(Name="/before")
        got = record_requests(ssm).get_parameter(Name="/a")
    ssm.get_parameter(Name="/before")
    assert requests == {"ssm:PutParameter": request_id(put), "ssm:GetParameter": request_id(got)}


def test_a_request_that_aws_refused_is_noted_too(ssm: Any) -> None:
    with recorded_request_ids() as requests, pytest.raises(ClientError) as refused:
        ssm.get_parameter(Name="/absent")
    assert requests == {"ssm:GetParameter": request_id(refused.value.response)}


def test_a_steps_ids_are_those_that_it_tells_and_those_of_its_other_requests() -> None:
    requests = {"lambda:Invoke": "r-1", "ssm:GetParameter": "r-2"}
    assert ids_of({"request_id": "r-1"}, requests) == {"request_id": "r-1", "ssm:GetParameter": "r-2"}
