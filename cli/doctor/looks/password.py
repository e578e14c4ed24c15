"""Looks at who may ask Prefect's server, which holds the AWS credentials in its blocks. The looks change nothing."""

from typing import Any

import httpx
from prefect.client.base import ServerType
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_CLIENT_CUSTOM_HEADERS,
    temporary_settings,
)

from automations import pause_what_keeps_failing
from cli.doctor.looks.findings import Look, met, unmet
from cli.doctor.looks.prefect import api_url, connected

_OF_PREFECT = {"exception_message": "Unauthorized"}
"""The answer of Prefect's server itself. That of a proxy before it is another one."""


def asked_for(in_sandbox: bool) -> Look:
    """Check that the server gives the secrets of blocks to nobody who has no password."""
    answer = _answer_to_a_stranger()
    if answer is None or not answer.is_success:
        return met("nobody reads the secrets of blocks without it")
    if in_sandbox:
        return met("not asked for, and not needed: the credentials are the sandbox's")
    return unmet(
        f"{api_url()} gives the secrets of its blocks to whoever asks, without a password: the AWS credentials, and "
        "with them the right to run commands as the user who serves the flows",
        "start `aceite up` without --no-auth; or give a server of your own PREFECT_SERVER_API_AUTH_STRING=user:password"
        ", and everybody who uses it PREFECT_API_AUTH_STRING with the same value",
    )


def lets_automations_pause() -> Look:
    """Check that the circuit breaker works: Prefect's own password stops its action that pauses an automation."""
    answer = _answer_to_a_stranger()
    if answer is None or not _is_refused_by_prefect(answer) or pause_what_keeps_failing.PAUSES in answer.headers:
        return met("a dataset that keeps failing is paused")
    return unmet(
        f"{api_url()} asks for the password of PREFECT_SERVER_API_AUTH_STRING, and Prefect forgets it in the action "
        "that pauses an automation, which ends with 401: a dataset that keeps failing goes on",
        "let a reverse proxy ask for the password instead of Prefect's server, and send it by "
        "PREFECT_CLIENT_CUSTOM_HEADERS; or use the server that `aceite up` starts; until then pause by hand",
    )


def _is_refused_by_prefect(answer: httpx.Response) -> bool:
    try:
        return answer.status_code == httpx.codes.UNAUTHORIZED and answer.json() == _OF_PREFECT
    except ValueError:
        return False


def _answer_to_a_stranger() -> httpx.Response | None:
    """Ask for a block with its secrets, without any credentials. Return None for Prefect Cloud, which is never open."""
    without: dict[Any, Any] = {PREFECT_API_KEY: None, PREFECT_API_AUTH_STRING: None, PREFECT_CLIENT_CUSTOM_HEADERS: {}}
    asked = {"include_secrets": True, "limit": 1}
    with temporary_settings(without), connected() as client:
        if client.server_type is ServerType.CLOUD:
            return None
        try:
            return client.request("POST", "/block_documents/filter", json=asked)
        except PrefectHTTPStatusError as error:
            return error.response
