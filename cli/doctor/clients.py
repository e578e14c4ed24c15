"""The AWS of the settings, as `aceite doctor` asks it: by clients that give up soon."""

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
    """Makes clients when they are first asked for, one thread at a time, as a session wants it."""

    def __init__(self, settings: Settings) -> None:
        self._credentials = aws_credentials(settings)
        self._options: dict[str, Any] = {**self._credentials.aws_client_parameters.get_params_override()}
        self._region = settings.aws_region
        self._turn = threading.Lock()
        self._session: boto3.Session | None = None
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._where = settings.aws_endpoint_url or "AWS"

    def client(self, service: str, region: str | None = None) -> Any:
        with self._turn:
            if self._session is None:
                self._session = self._credentials.get_boto3_session()
            if (service, region) not in self._clients:
                session: Any = self._session
                options = {**self._options, "config": _PROMPT}
                self._clients[service, region] = session.client(service, region_name=region, **options)
            return self._clients[service, region]

    def profile_session(self) -> boto3.Session:
        """Without the role, which only AWS can give."""
        return self._credentials.model_copy(update={"assume_role_arn": None}).get_boto3_session()

    def unsigned_s3(self) -> Any:
        """For what needs no credentials."""
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
        """One that is looked at with clients of the services, which `look` takes first."""
        return Precondition(
            name, lambda: look(*(self.client(each, region) for each in services), *arguments), needs, self._where
        )

    def unsigned(self, name: str, look: Callable[[], Look], needs: tuple[str, ...] = ()) -> Precondition:
        """One that makes its clients by itself, because that may fail."""
        return Precondition(name, look, needs, self._where)
