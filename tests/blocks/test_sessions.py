"""A process lives longer than the keys of an assumed role, of which STS makes new ones."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from polling import eventually
from prefect_aws import AwsCredentials, S3Bucket
from prefect_aws.assume_role_parameters import AssumeRoleParameters
from prefect_aws.client_parameters import AwsClientParameters

from blocks.build import Caller
from flows.installation.clients import Clients
from sandbox.server import LocalAws

LAST = timedelta(seconds=2)


@pytest.fixture
def aws() -> Iterator[str]:
    with LocalAws() as local:
        yield local.endpoint


@pytest.fixture
def clients(aws: str) -> Clients:
    """Of a role whose keys last for two seconds."""
    credentials = AwsCredentials(
        aws_access_key_id="mine",
        aws_secret_access_key="secret",
        region_name="us-east-1",
        assume_role_arn="arn:aws:iam::123456789012:role/pipeline",
        assume_role_kwargs=AssumeRoleParameters(DurationSeconds=int(LAST.total_seconds())),
        # boto3 asks for no less than a quarter of an hour, unless it does not check what it asks for
        aws_client_parameters=AwsClientParameters(endpoint_url=aws, config={"parameter_validation": False}),
    )
    landing, evidence = (S3Bucket(bucket_name=name, credentials=credentials) for name in ("landing", "evidence"))
    return Clients(credentials, landing, evidence, Caller("123456789012", "arn"))


WAYS: dict[str, Callable[[Clients], Any]] = {
    "of the pipeline": lambda clients: clients.of("s3"),
    "of the landing buckets": lambda clients: clients.landing_s3,
    "of the evidence bucket": lambda clients: clients.evidence_s3,
    "that asks once": lambda clients: clients.once("s3", timedelta(seconds=20)),
    "of a library's own": lambda clients: clients.session().client("s3", endpoint_url=clients.endpoint_url),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_client_of_an_assumed_role_goes_on_with_new_keys_when_its_first_ones_have_expired(clients, way):
    client, signed_by = WAYS[way](clients), []

    def note(request: Any, **_: Any) -> None:
        signed_by.append(request.headers["Authorization"].decode().partition("Credential=")[2].partition("/")[0])

    client.meta.events.register("before-send.s3", note)
    client.list_buckets()
    expired = datetime.now(UTC) + LAST
    eventually(lambda: datetime.now(UTC) > expired, "the keys' end")
    client.list_buckets()
    first, second = signed_by
    assert {first[:4], second[:4]} == {"ASIA"}, "keys of a role"
    assert first != second
