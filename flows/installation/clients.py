"""Turns the saved blocks into boto3 clients, once per process. Only this module loads blocks."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from threading import get_ident
from typing import Any, cast

import boto3
from botocore.config import Config
from prefect_aws import AwsCredentials, S3Bucket

from acceptance.errors import SettingsError
from aws.calls import no_retry_config, record_requests, retry_when_denied
from aws.s3.encryption import encrypt_writes
from blocks import names
from blocks.build import Caller, aws_credentials, give_session_token, identify
from blocks.sessions import client_of, session_of
from blocks.settings import Settings, read_settings
from flows.installation.block_changes import Changes, last_changes


@dataclass(frozen=True)
class Clients:
    """Clients of the account in which the pipeline runs, of the landing buckets, and of the evidence bucket."""

    credentials: AwsCredentials
    landing: S3Bucket
    evidence: S3Bucket
    caller: Caller
    evidence_encryption: str | None = None
    blocks: Changes = ()
    """When the saved blocks were last changed, as of before they were loaded: what changes meanwhile is not missed."""
    _sessions: dict[int, boto3.Session] = field(default_factory=dict, compare=False, repr=False)
    _once: dict[tuple[str, timedelta], Any] = field(default_factory=dict, compare=False, repr=False)

    def of(self, service: str) -> Any:
        return record_requests(retry_when_denied(client_of(self.credentials, service)))

    @property
    def landing_s3(self) -> Any:
        return record_requests(retry_when_denied(client_of(self.landing.credentials, "s3")))

    @property
    def landing_sqs(self) -> Any:
        return client_of(self.landing.credentials, "sqs")

    @property
    def evidence_s3(self) -> Any:
        client = record_requests(retry_when_denied(client_of(self.evidence.credentials, "s3")))
        return encrypt_writes(client, self.evidence_bucket, self.evidence_encryption)

    @property
    def evidence_bucket(self) -> str:
        return self.evidence.bucket_name

    def once(self, service: str, within: timedelta) -> Any:
        """Return a client that never retries, and waits for an answer as long as the step may take.

        The block's own client retries a call whose answer is late, and so would run a function or a job twice.
        """
        if (service, within) in self._once:
            return self._once[service, within]
        parameters: dict[str, Any] = self.credentials.aws_client_parameters.get_params_override()
        once = Config(**no_retry_config(within))
        parameters["config"] = parameters["config"].merge(once) if parameters.get("config") else once
        session: Any = self.session()
        client = self._once[service, within] = record_requests(retry_when_denied(session.client(service, **parameters)))
        return client

    def session(self) -> boto3.Session:
        """Return this thread's session: threads must not share one. It caches what it loaded of each service."""
        made = self._sessions.get(get_ident())
        if made is None:
            made = self._sessions[get_ident()] = session_of(self.credentials)
        return made

    @property
    def config(self) -> Config | None:
        """Timeouts and retries of the block's clients, for a library that makes its own clients."""
        config: Config | None = self.credentials.aws_client_parameters.get_params_override().get("config")
        return config

    @property
    def endpoint_url(self) -> str | None:
        return self.credentials.aws_client_parameters.endpoint_url


def clients_of(settings: Settings) -> Clients:
    """Return the clients of these settings, whatever blocks Prefect's server has. Raises as `load_clients` does."""
    credentials = aws_credentials(settings)
    landing, evidence = (
        S3Bucket(bucket_name=name, credentials=credentials)
        for name in (settings.landing_bucket, settings.evidence_bucket)
    )
    return Clients(credentials, landing, evidence, identify(credentials, settings.aws_account_id))


@cache
def load_clients() -> Clients:
    """Return the clients of the saved blocks.

    Raises:
        SettingsError: a block is missing, or AWS does not accept the credentials.
        WrongAccount: the credentials belong to another account than `ACEITE_AWS_ACCOUNT_ID`.
    """
    saved = last_changes()
    try:
        credentials = cast(AwsCredentials, AwsCredentials.load(names.CREDENTIALS))
        landing, evidence = (cast(S3Bucket, S3Bucket.load(name)) for name in (names.LANDING, names.EVIDENCE))
    except ValueError as error:
        raise SettingsError(f"{error} Run `aceite apply` to create the blocks from the settings") from error
    settings = read_settings()
    for each in (credentials, landing.credentials, evidence.credentials):
        if isinstance(each, AwsCredentials):  # MinIO credentials have no session token
            give_session_token(each, settings)
    retry_when_denied(client_of(credentials, "sts"))
    caller = identify(credentials, settings.aws_account_id)
    return Clients(credentials, landing, evidence, caller, settings.evidence_encryption, saved)
