"""Faults of the sandbox's AWS, asked for from outside and met by plain clients."""

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from sandbox.aws_requests import SERVICES
from sandbox.server import REGION, LocalAws

Client = Callable[..., Any]


@pytest.fixture(scope="module")
def ours(aws: LocalAws) -> Client:
    """A client as Aceite has it, but one that never repeats a request."""

    def client(service: str, key: str = "sandbox", **config: Any) -> Any:
        once = Config(retries={"total_max_attempts": 1}, **config)
        return boto3.Session(key, key, region_name=REGION).client(service, endpoint_url=aws.endpoint, config=once)

    return client


def control(aws: LocalAws, method: str, body: object = None) -> tuple[int, Any]:
    content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(aws.faults_url, content, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.fixture(autouse=True)
def no_faults_left(aws: LocalAws) -> Iterator[None]:
    yield
    assert control(aws, "DELETE") == (200, {"faults": []})


def test_faults_are_added_replaced_listed_with_counts_and_ended(aws: LocalAws, ours: Client) -> None:
    _, answer = control(aws, "POST", {"service": "s3", "kind": "throttled", "rate": 0, "seed": 7})
    _, answer = control(aws, "POST", [{"kind": "reset", "service": "ssm"}])
    assert [(each["service"], each["kind"]) for each in answer["faults"]] == [("s3", "throttled"), ("ssm", "reset")]
    ours("s3").list_buckets()
    _, answer = control(aws, "GET")
    assert [(each["requested"], each["made"]) for each in answer["faults"]] == [(1, 0), (0, 0)]
    assert answer["faults"][0]["seed"] == 7
    _, again = control(aws, "PUT", answer)  # what GET answers can be put back
    assert [each["kind"] for each in again["faults"]] == ["throttled", "reset"]
    assert len(control(aws, "PUT", {"kind": "slow"})[1]["faults"]) == 1


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "the body is not JSON"),
        ("s3", "a fault must be an object such as"),
        ({"faults": 3}, "a fault must be an object such as"),
        ({"service": "s3"}, "kind is missing; allowed: throttled, error, denied, reset, timeout, slow"),
        ({"kind": "tired"}, 'kind is "tired"; allowed: throttled'),
        ({"kind": "slow", "service": "ec2"}, 'service is "ec2"; allowed: s3, ssm'),
        ({"kind": "slow", "service": "s3", "operation": "GetParameter"}, "s3 has no such operation"),
        ({"kind": "slow", "operation": "PutObject"}, "without a service it can only be *"),
        ({"kind": "slow", "rate": 1.5}, "rate is 1.5; allowed: a number from 0 to 1"),
        ({"kind": "slow", "rate": True}, "allowed: a number from 0 to 1"),
        ({"kind": "slow", "at_most": -1}, "at_most is -1; allowed: a whole number"),
        ({"kind": "slow", "seconds": 9999}, "allowed: a number from 0 to 600"),
        ({"kind": "slow", "callers": []}, "callers is []; allowed: a list of access keys"),
        ({"kind": "denied", "after": True}, "a request that AWS answers with denied has no effect"),
        ({"kind": "slow", "when": "after"}, "when: unknown field; allowed are kind, service"),
    ],
)
def test_what_is_no_fault_is_refused_with_what_is_allowed(aws: LocalAws, body: object, told: str) -> None:
    status, answer = control(aws, "PUT", body)
    assert status == 400
    assert told in answer["error"]


def test_a_bad_fault_changes_nothing_and_a_strange_method_neither(aws: LocalAws) -> None:
    control(aws, "PUT", {"kind": "slow", "service": "s3"})
    assert control(aws, "PUT", [{"kind": "reset"}, {"kind": "?"}])[0] == 400
    assert control(aws, "PATCH")[0] == 405
    assert [each["kind"] for each in control(aws, "GET")[1]["faults"]] == ["slow"]


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "throttled", "error", "denied"),
    [
        ("s3", "ListBuckets", {}, "SlowDown", "InternalError", "AccessDenied"),
        ("lambda", "ListFunctions", {}, "TooManyRequestsException", "ServiceException", "AccessDeniedException"),
        ("glue", "GetJobs", {}, "ThrottlingException", "InternalServiceException", "AccessDeniedException"),
        (
            "athena",
            "ListWorkGroups",
            {},
            "TooManyRequestsException",
            "InternalServerException",
            "AccessDeniedException",
        ),
        ("ssm", "DescribeParameters", {}, "ThrottlingException", "InternalServerError", "AccessDeniedException"),
        ("sts", "GetCallerIdentity", {}, "Throttling", "InternalFailure", "AccessDenied"),
        ("sqs", "ListQueues", {}, "ThrottlingException", "InternalFailure", "AccessDeniedException"),
    ],
)
def test_each_service_says_no_by_its_own_codes(
    aws: LocalAws, ours: Client, service: str, operation: str, arguments: Any, throttled: str, error: str, denied: str
) -> None:
    assert service in SERVICES
    call = getattr(ours(service), re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower())
    for kind, code in (("throttled", throttled), ("error", error), ("denied", denied)):
        control(aws, "PUT", {"service": service, "operation": operation, "kind": kind})
        with pytest.raises(ClientError) as refused:
            call(**arguments)
        assert refused.value.response["Error"]["Code"] == code
        assert refused.value.response["Error"]["Message"] == "a fault that was set at /_aceite/faults"
        assert refused.value.response["ResponseMetadata"]["RequestId"]


def test_a_connection_is_reset_before_or_after_the_effect(aws: LocalAws, ours: Client) -> None:
    ssm = ours("ssm")
    for after in (False, True):
        name = f"/reset/{after}"
        control(aws, "PUT", {"service": "ssm", "operation": "PutParameter", "kind": "reset", "after": after})
        with pytest.raises(ConnectionClosedError):
            ssm.put_parameter(Name=name, Value="1", Type="String")
        assert bool(ssm.get_parameters(Names=[name])["Parameters"]) is after


def test_a_body_of_some_size_is_taken_also_where_the_connection_is_reset(aws: LocalAws, ours: Client) -> None:
    s3 = ours("s3")
    s3.create_bucket(Bucket="faulty")
    control(aws, "PUT", {"service": "s3", "operation": "PutObject", "kind": "error", "at_most": 1})
    with pytest.raises(ClientError, match="InternalError"):
        s3.put_object(Bucket="faulty", Key="big", Body=b"x" * 3_000_000)
    s3.put_object(Bucket="faulty", Key="big", Body=b"x" * 3_000_000)
    assert s3.head_object(Bucket="faulty", Key="big")["ContentLength"] == 3_000_000


def test_an_answer_is_late_or_never_comes(aws: LocalAws, ours: Client) -> None:
    control(aws, "PUT", {"service": "ssm", "kind": "slow", "seconds": 0.5})
    began = time.monotonic()
    ours("ssm").describe_parameters()
    assert time.monotonic() - began >= 0.5
    control(aws, "PUT", {"service": "ssm", "kind": "timeout", "after": True, "seconds": 60})
    with pytest.raises(ReadTimeoutError):
        ours("ssm", read_timeout=0.5).put_parameter(Name="/late", Value="1", Type="String")
    control(aws, "DELETE")
    assert ours("ssm").get_parameter(Name="/late")["Parameter"]["Value"] == "1"


def test_the_same_seed_hits_the_same_requests_and_the_limit_holds(aws: LocalAws, ours: Client) -> None:
    def hits(**fault: Any) -> list[bool]:
        control(aws, "PUT", {"service": "ssm", "kind": "throttled", "rate": 0.3, **fault})
        ssm, seen = ours("ssm"), []
        for _ in range(60):
            try:
                ssm.describe_parameters()
                seen.append(False)
            except ClientError:
                seen.append(True)
        return seen

    first = hits(seed=1)
    assert hits(seed=1) == first != hits(seed=2)
    assert 8 <= sum(first) <= 28
    assert sum(hits(seed=1, at_most=3)) == 3


def test_only_the_named_callers_are_hit(aws: LocalAws, ours: Client) -> None:
    control(aws, "PUT", {"kind": "denied"})
    ours("ssm", key="pipeline").describe_parameters()
    ours("ssm", key="testing").describe_parameters()
    control(aws, "PUT", {"kind": "denied", "callers": ["pipeline"]})
    ours("ssm").describe_parameters()
    with pytest.raises(ClientError, match="AccessDenied"):
        ours("ssm", key="pipeline").describe_parameters()


OPERATIONS = [
    ("s3", "head_object", {"Bucket": "b", "Key": "k"}),
    ("s3", "get_object", {"Bucket": "b", "Key": "a/b c/ç"}),
    ("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b"", "IfNoneMatch": "*"}),
    ("s3", "copy_object", {"Bucket": "b", "Key": "k", "CopySource": "b/j"}),
    ("s3", "upload_part", {"Bucket": "b", "Key": "k", "PartNumber": 1, "UploadId": "1"}),
    ("s3", "list_objects", {"Bucket": "b"}),
    ("s3", "list_objects_v2", {"Bucket": "b", "Prefix": "x"}),
    ("s3", "get_object_lock_configuration", {"Bucket": "b"}),
    ("s3", "delete_objects", {"Bucket": "b", "Delete": {"Objects": [{"Key": "k"}]}}),
    ("lambda", "invoke", {"FunctionName": "f", "Payload": b"{}"}),
    ("lambda", "get_function", {"FunctionName": "f"}),
    ("glue", "start_job_run", {"JobName": "j"}),
    ("athena", "start_query_execution", {"QueryString": "SELECT 1"}),
    ("sts", "get_caller_identity", {}),
    ("sqs", "receive_message", {"QueueUrl": "http://127.0.0.1/q"}),
]


@pytest.mark.parametrize(("service", "method", "arguments"), OPERATIONS, ids=lambda value: str(value)[:30])
def test_a_fault_of_one_operation_hits_that_one_alone(
    aws: LocalAws, ours: Client, service: str, method: str, arguments: dict[str, Any]
) -> None:
    client = ours(service)
    operation = client.meta.method_to_api_mapping[method]
    control(aws, "PUT", {"service": service, "operation": operation, "kind": "throttled", "rate": 1})
    with pytest.raises(ClientError):
        getattr(client, method)(**arguments)
    (counted,) = control(aws, "GET")[1]["faults"]
    assert (counted["requested"], counted["made"]) == (1, 1)
