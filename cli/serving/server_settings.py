"""Chooses the settings of the Prefect server that `aceite up` starts, and those of its clients."""

import os

from pydantic import SecretStr

from acceptance.errors import SettingsError

_RETENTION = {
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(30 * 24 * 60 * 60),
}
"""By default Prefect deletes events only. These settings also delete ended runs, with their logs and artifacts."""


def server_settings() -> dict[str, str]:
    """Return environment variables for the server and its clients.

    Raises:
        SettingsError: the credentials of the server and those of its clients differ, or are not ASCII.
    """
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    return {
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # Otherwise each new client first requests a token that the server may not require.
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": str(settings.server.api.csrf_protection_enabled),
        **{name: os.environ.get(name, value) for name, value in _RETENTION.items()},
        **_auth(settings.server.api.auth_string, settings.api.auth_string),
    }


def _auth(required: SecretStr | None, given: SecretStr | None) -> dict[str, str]:
    """Return the credentials of the server and its clients. Prefect's server cannot compare others than ASCII."""
    if required is None or not required.get_secret_value():
        return {}
    if given is not None and given != required:
        raise SettingsError(
            "PREFECT_API_AUTH_STRING differs from PREFECT_SERVER_API_AUTH_STRING, so the server would refuse the "
            "flows; set both to the same user:password, or only the latter"
        )
    auth = required.get_secret_value()
    if not auth.isascii():
        raise SettingsError(
            "PREFECT_SERVER_API_AUTH_STRING has characters that are not ASCII, and Prefect's server would fail at "
            "every request; use ASCII only, such as user:password"
        )
    return {"PREFECT_SERVER_API_AUTH_STRING": auth, "PREFECT_API_AUTH_STRING": auth}
