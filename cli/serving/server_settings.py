"""Chooses the settings of the Prefect server that `aceite up` starts, and those of its clients."""

import os

_RETENTION = {
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(30 * 24 * 60 * 60),
}
"""By default Prefect deletes events only. These settings also delete ended runs, with their logs and artifacts."""


def server_settings(*, csrf_protection: bool) -> dict[str, str]:
    """Return environment variables for the server and its clients."""
    return {
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # Otherwise each new client first requests a token that the server may not require.
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": str(csrf_protection),
        **{name: os.environ.get(name, value) for name, value in _RETENTION.items()},
    }
