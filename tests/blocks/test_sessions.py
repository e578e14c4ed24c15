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
from blocks.sessions import client_of, session_of
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


@pytest.mark.parametrize("role", [None, "arn:aws:iam::123456789012:role/pipeline"])
def test_the_clients_of_a_process_share_the_models_of_the_services(aws, role):
    credentials = AwsCredentials(
        aws_access_key_id="mine",
        aws_secret_access_key="secret",
        region_name="us-east-1",
        assume_role_arn=role,
        aws_client_parameters=AwsClientParameters(endpoint_url=aws),
    )
    first = client_of(credentials, "ssm")
    assert client_of(credentials, "ssm") is first
    others = [session_of(credentials).client("ssm", endpoint_url=aws) for _ in range(2)]
    models = [client.meta.service_model._service_description for client in (first, *others)]
    assert [model is models[0] for model in models] == [True, True, True]
    for client in (first, *others):
        client.put_parameter(Name="/a", Value="b", Type="String", Overwrite=True)


def test_the_clients_of_other_keys_or_of_another_region_are_others(aws):
    def region(name: str, key: str = "mine") -> Any:
        parameters = AwsClientParameters(endpoint_url=aws)
        return client_of(
            AwsCredentials(
                aws_access_key_id=key,
                aws_secret_access_key="secret",
                region_name=name,
                aws_client_parameters=parameters,
            ),
            "s3",
        )

    assert region("sa-east-1").meta.region_name == "sa-east-1"
    assert region("sa-east-1") is not region("us-east-1")
    assert region("us-east-1") is not region("us-east-1", key="another")
