"""boto3 sessions and clients of a block's credentials that stay valid as long as the process runs.

prefect-aws assumes a role once and keeps those keys, which expire after an hour. It also makes a session for each
client, and a session reads the models of services and endpoints for itself: 8 to 14 MB and 0.1 s of CPU each time.
The sessions of this process share what they read.
"""

from functools import lru_cache
from threading import Lock
from typing import Any, cast
from uuid import uuid4

import boto3
from botocore.credentials import (
    CredentialProvider,
    CredentialResolver,
    RefreshableCredentials,
    create_assume_role_refresher,
)
from botocore.loaders import Loader, create_loader
from botocore.session import get_session
from prefect_aws import AwsCredentials, MinIOCredentials

Credentials = AwsCredentials | MinIOCredentials
_ONE_BY_ONE = Lock()
"""Two threads that want the first client of a service get the same one."""


def session_of(credentials: Credentials) -> boto3.Session:
    """Return the block's own session, or, if it assumes a role, one that assumes it again before the keys expire."""
    if not _has_role(credentials):
        return _sharing_models(credentials.get_boto3_session())
    session: Any = get_session()
    session.register_component("credential_provider", CredentialResolver([_Assumed(_keys_of(credentials))]))
    return _sharing_models(boto3.Session(botocore_session=session, region_name=credentials.region_name))


def client_of(credentials: Credentials, service: str) -> Any:
    """Return a client with the block's parameters, as its `get_client` does: one for all threads."""
    with _ONE_BY_ONE:
        return _client(credentials, service)


@lru_cache(maxsize=32)
def _client(credentials: Credentials, service: str) -> Any:
    session: Any = session_of(credentials)
    parameters = credentials.aws_client_parameters.get_params_override()
    if credentials.region_name is not None:
        parameters["region_name"] = credentials.region_name
    return session.client(service, **parameters)


def _has_role(credentials: Credentials) -> bool:
    return isinstance(credentials, AwsCredentials) and bool(credentials.assume_role_arn)


def _sharing_models(session: boto3.Session) -> boto3.Session:
    inner: Any = session._session
    inner.register_component("data_loader", _loader(inner.get_config_variable("data_path")))
    return session


@lru_cache(maxsize=4)
def _loader(data_path: str | None) -> Loader:
    """Return what reads the models below this path: once each. What it has read is never changed."""
    return create_loader(data_path)


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
