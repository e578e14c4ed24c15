"""Makes AWS clients for `aceite doctor`, with short time-outs and few retries."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from blocks.build import aws_credentials
from blocks.settings import Settings
from cli.doctor.looks.findings import Look
from cli.doctor.runner import Precondition

_PROMPT = Config(connect_timeout=3, read_timeout=4, retries={"total_max_attempts": 2, "mode": "standard"})


class DoctorClients:
    """Makes each client at its first use, in one thread at a time, because a session is not thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._credentials = aws_credentials(settings)
        self._options: dict[str, Any] = {**self._credentials.aws_client_parameters.get_params_override()}
        self._region = settings.aws_region
        self._lock = threading.Lock()
        self._session: boto3.Session | None = None
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._where = settings.aws_endpoint_url or "AWS"

    def client(self, service: str, region: str | None = None) -> Any:
        with self._lock:
            if self._session is None:
                self._session = self._credentials.get_boto3_session()
            if (service, region) not in self._clients:
                session: Any = self._session
                options = {**self._options, "config": _PROMPT}
                self._clients[service, region] = session.client(service, region_name=region, **options)
            return self._clients[service, region]

    def profile_session(self) -> boto3.Session:
        """Return the session of the profile, without the role, which takes a request to AWS."""
        return self._credentials.model_copy(update={"assume_role_arn": None}).get_boto3_session()

    def unsigned_s3(self) -> Any:
        """Return an S3 client that needs no credentials."""
        session: Any = boto3.Session()
        config = _PROMPT.merge(Config(signature_version=UNSIGNED))
        return session.client("s3", region_name=self._region or "us-east-1", **{**self._options, "config": config})

    def precondition(
        self,
        name: str,
        look: Callable[..., Look],
        services: tuple[str, ...],
        *arguments: object,
        needs: tuple[str, ...],
        region: str | None = None,
    ) -> Precondition:
        """Return a precondition whose `look` takes clients of the services as its first arguments."""
        return Precondition(
            name, lambda: look(*(self.client(service, region) for service in services), *arguments), needs, self._where
        )

    def unsigned(self, name: str, look: Callable[[], Look], needs: tuple[str, ...] = ()) -> Precondition:
        """Return a precondition whose `look` makes its clients itself, because that may fail."""
        return Precondition(name, look, needs, self._where)
