"""Sessions and clients of a block's credentials that last as long as the process.

prefect-aws assumes a role once, and its session keeps the keys that it was given: after an hour they have expired.
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
    """The block's own, unless it assumes a role: then one that assumes it again before the keys expire."""
    if isinstance(credentials, MinIOCredentials) or not credentials.assume_role_arn:
        return credentials.get_boto3_session()
    session: Any = get_session()
    session.register_component("credential_provider", CredentialResolver([_Assumed(_keys_of(credentials))]))
    return boto3.Session(botocore_session=session, region_name=credentials.region_name)


def client_of(credentials: Credentials, service: str) -> Any:
    """As the block's `get_client`: one for all threads, with the block's parameters."""
    if isinstance(credentials, MinIOCredentials) or not credentials.assume_role_arn:
        return credentials.get_client(service)
    return _lasting_client(credentials, service)


@lru_cache(maxsize=32)
def _lasting_client(credentials: AwsCredentials, service: str) -> Any:
    session: Any = session_of(credentials)
    return session.client(service, **credentials.aws_client_parameters.get_params_override())


@lru_cache(maxsize=8)
def _keys_of(credentials: AwsCredentials) -> RefreshableCredentials:
    """Of all sessions of a process. What assumes the role lasts by itself: keys, a profile, or what the host has."""
    sts = credentials.model_copy(update={"assume_role_arn": None}).get_client("sts")
    asked = {"RoleSessionName": f"aceite-{uuid4().hex[:8]}", **credentials.assume_role_kwargs.get_params_override()}
    assume = create_assume_role_refresher(sts, {**asked, "RoleArn": credentials.assume_role_arn})
    return cast(RefreshableCredentials, RefreshableCredentials.create_from_metadata(assume(), assume, _Assumed.METHOD))


class _Assumed(CredentialProvider):  # type: ignore[misc]  # botocore has no types
    """botocore's way to say where a session has its keys from."""

    METHOD = "assume-role"

    def __init__(self, keys: RefreshableCredentials) -> None:
        super().__init__()
        self._keys = keys

    def load(self) -> RefreshableCredentials:
        return self._keys
