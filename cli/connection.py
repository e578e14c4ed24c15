"""Connects a command to the `aceite up` of its home, or else to the Prefect server of the active profile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from acceptance.errors import SettingsError

if TYPE_CHECKING:
    from blocks.settings import Settings


def share_settings() -> Settings:
    """The settings, those of the `aceite up` of this home included, if one is running. Does not import Prefect."""
    from blocks.settings import read_settings
    from cli.running import find_running

    running = find_running(read_settings().home.expanduser())
    if running is not None:
        os.environ.update(running.environment, PREFECT_API_URL=running.prefect_api_url)
    return read_settings()


def connect() -> Settings:
    """The settings, once it is certain that this process has a Prefect server.

    Raises:
        SettingsError: none is running, neither here nor in the active profile.
    """
    settings = share_settings()
    import httpx
    from prefect.settings import get_current_settings

    url = get_current_settings().api.url
    if url is None:
        raise SettingsError("there is no Prefect server: start `aceite up`, or choose a profile that has one")
    try:
        httpx.get(f"{url}/health", timeout=10).raise_for_status()
    except httpx.HTTPError as error:
        raise SettingsError(f"the Prefect server {url} does not answer ({error}): start it, or `aceite up`") from error
    return settings


def refuse_another_account(settings: Settings) -> None:
    """Raises WrongAccount if `ACEITE_AWS_ACCOUNT_ID` is set and the credentials are of another account."""
    if settings.aws_account_id is not None:
        from blocks.build import aws_credentials, identify

        identify(aws_credentials(settings), settings.aws_account_id)
