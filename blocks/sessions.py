"""boto3 sessions and clients of a block's credentials that stay valid as long as the process runs.

prefect-aws assumes a role once and keeps those keys, which expire after an hour.
"""

from functools import lru_cache
from typing import Any, cast
from uuid import uuid4

import boto3
from botocore.credentials import (
    CredentialProvider,
    CredentialResolver,
    RefreshableCredentials,
    create_assume_role_refresher,
)
from botocore.session import get_session
from prefect_aws import AwsCredentials, MinIOCredentials

Credentials = AwsCredentials | MinIOCredentials


def session_of(credentials: Credentials) -> boto3.Session:
    """Return the block's own session, or, if it assumes a role, one that assumes it again before the keys expire."""
    if isinstance(credentials, MinIOCredentials) or not credentials.assume_role_arn:
        return credentials.get_boto3_session()
    session: Any = get_session()
    session.register_component("credential_provider", CredentialResolver([_Assumed(_keys_of(credentials))]))
    return boto3.Session(botocore_session=session, region_name=credentials.region_name)


def client_of(credentials: Credentials, service: str) -> Any:
    """Return a client with the block's parameters, as its `get_client` does: one for all threads."""
    if isinstance(credentials, MinIOCredentials) or not credentials.assume_role_arn:
        return credentials.get_client(service)
    return _lasting_client(credentials, service)


@lru_cache(maxsize=32)
def _lasting_client(credentials: AwsCredentials, service: str) -> Any:
    session: Any = session_of(credentials)
    return session.client(service, **credentials.aws_client_parameters.get_params_override())


@lru_cache(maxsize=8)
def _keys_of(credentials: AwsCredentials) -> RefreshableCredentials:
    """Return the refreshing keys of all sessions of a process. The credentials that assume the role do not expire."""
    sts = credentials.model_copy(update={"assume_role_arn": None}).get_client("sts")
    asked = {"RoleSessionName": f"aceite-{uuid4().hex[:8]}", **credentials.assume_role_kwargs.get_params_override()}
    assume = create_assume_role_refresher(sts, {**asked, "RoleArn": credentials.assume_role_arn})
    return cast(RefreshableCredentials, RefreshableCredentials.create_from_metadata(assume(), assume, _Assumed.METHOD))


class _Assumed(CredentialProvider):  # type: ignore[misc]  # botocore has no types
    """The botocore credential provider that returns our refreshing keys."""

    METHOD = "assume-role"

    def __init__(self, keys: RefreshableCredentials) -> None:
        super().__init__()
        self._keys = keys

    def load(self) -> RefreshableCredentials:
        return self._keys
