"""The settings that travel: what a run on another host, or in another folder, is told by environment variables.

Credentials do not travel: they are in blocks. What is a fact of one host, such as a folder, is told there.
"""

from collections.abc import Mapping

from blocks.settings import ENV_PREFIX, Settings

HEARTBEAT_S = 30
"""Seconds between Prefect's own heartbeats of a run, the least that it allows. Without them a death goes unnoticed."""

STAY = frozenset(
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
    """Of Aceite those that are not the defaults, from the environment or the file `.env`; and the heartbeats."""
    told = settings.model_dump(mode="json", exclude=set(STAY), exclude_defaults=True)
    ours = {f"{ENV_PREFIX}{name.upper()}": str(value) for name, value in told.items()}
    return {**ours, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_S)}
