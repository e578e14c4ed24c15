"""The settings that runs on other hosts, or in other folders, get as environment variables.

Credentials are not among them: they are in blocks. Neither are facts of one host, such as a folder.
"""

from collections.abc import Mapping

from blocks.settings import ENV_PREFIX, Settings

HEARTBEAT_S = 30
"""Seconds between Prefect's own heartbeats of a run, its minimum. Without them nobody notices that a run died."""

HOST_SETTINGS = frozenset(
    {
        "home",
        "contracts",
        "workers",
        "runner",
        "ledger_url",
        "aws_profile",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "aws_role_arn",
        "aws_region",
        "aws_endpoint_url",
    }
)


def environment_of(settings: Settings) -> Mapping[str, str]:
    """Return the variables of all settings that differ from their defaults, and Prefect's heartbeat variable."""
    changed = settings.model_dump(mode="json", exclude=set(HOST_SETTINGS), exclude_defaults=True)
    variables = {f"{ENV_PREFIX}{name.upper()}": str(value) for name, value in changed.items()}
    return {**variables, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_S)}
