"""Connects a command to the `aceite up` of its home, or else to the Prefect server of the active profile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from acceptance.errors import SettingsError, Unreachable

if TYPE_CHECKING:
    from blocks.settings import Settings


def share_settings() -> Settings:
    """Return the settings, with those of a running `aceite up` of this home. This does not import Prefect."""
    from blocks.settings import read_settings
    from cli.serving.auth_string import read_auth_string
    from cli.serving.home import find_running

    running = find_running(read_settings().home.expanduser())
    if running is not None:
        os.environ.update(running.environment, PREFECT_API_URL=running.prefect_api_url)
        if running.auth_file:
            os.environ["PREFECT_API_AUTH_STRING"] = read_auth_string(Path(running.auth_file))
        elif auth := os.environ.get("PREFECT_SERVER_API_AUTH_STRING"):
            os.environ.setdefault("PREFECT_API_AUTH_STRING", auth)
    settings = read_settings()
    if running is not None and "ACEITE_LEDGER_URL" not in running.environment and settings.ledger_url is None:
        raise SettingsError(
            f"`aceite up` of this home (process {running.pid}) has its ledger in a database, and does not share "
            "the password: set ACEITE_LEDGER_URL here to the same value as there"
        )
    return settings


def connect() -> Settings:
    """Return the settings after a request to Prefect's server has succeeded.

    Raises:
        Unreachable: no server is chosen, or it does not answer.
        SettingsError: the server refuses the credentials.
    """
    settings = share_settings()
    import httpx
    from prefect.settings import get_current_settings

    url = get_current_settings().api.url
    if not url:
        raise Unreachable(
            "no Prefect server is chosen: start `aceite up`, which starts one; or choose one: "
            "`prefect profile use NAME`, or PREFECT_API_URL"
        )
    try:
        httpx.get(f"{url}/health", timeout=10).raise_for_status()
    except httpx.HTTPError as error:
        raise Unreachable(
            f"the Prefect server {url} does not answer: {' '.join(str(error).split()) or type(error).__name__}; start "
            "`aceite up`, or that server; or choose another one: `prefect profile use NAME`, PREFECT_API_URL"
        ) from error
    refuse_wrong_auth(url)
    return settings


def refuse_wrong_auth(url: str) -> None:
    """Check that the Prefect server at this URL accepts the credentials of the active settings.

    Raises:
        SettingsError: it refuses them.
        Unreachable: it answers with another error, as a server that is not Prefect's does.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError
    from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

    with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
        try:
            client.request("GET", "/admin/version")
        except PrefectHTTPStatusError as error:
            if error.response.status_code not in (401, 403):
                raise Unreachable(
                    f"the Prefect server {url} answers {error.response.status_code}: it may not be a Prefect server; "
                    "correct PREFECT_API_URL or the active profile, whose URL ends in /api"
                ) from None
            auth = get_current_settings().api.auth_string
            problem = "it is not set here" if auth is None else "its value here is another one"
            raise SettingsError(
                f"the Prefect server {url} requires PREFECT_API_AUTH_STRING, and {problem}: set it to the "
                "user:password that the server has as PREFECT_SERVER_API_AUTH_STRING"
            ) from None


def refuse_another_account(settings: Settings) -> None:
    """Raise WrongAccount if `ACEITE_AWS_ACCOUNT_ID` is set and the credentials belong to another account."""
    if settings.aws_account_id is not None:
        from blocks.build import aws_credentials, identify

        identify(aws_credentials(settings), settings.aws_account_id)
