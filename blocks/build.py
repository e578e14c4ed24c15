"""Build credentials and blocks from settings, and save blocks on Prefect's server. No other module does either."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from botocore.exceptions import BotoCoreError, ClientError
from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from prefect_aws import AwsCredentials, S3Bucket
from prefect_aws.assume_role_parameters import AssumeRoleParameters
from prefect_aws.client_parameters import AwsClientParameters
from pydantic import SecretStr

from acceptance.errors import SettingsError, WrongAccount
from blocks import names
from blocks.sessions import client_of
from blocks.settings import Settings

B = TypeVar("B", bound=Block)

RETRY_CONFIG: dict[str, Any] = {
    "connect_timeout": 5,
    "read_timeout": 20,
    "retries": {"mode": "standard", "total_max_attempts": 5},
}
"""boto3's timeouts and retries: a request that AWS throttles, fails or never answers ends within two minutes.

If three of ten requests fail, one in four hundred still fails after the retries. boto3's own read timeout is a minute.
"""


@dataclass(frozen=True, slots=True)
class Caller:
    """The identity of the credentials, from STS."""

    account: str
    arn: str


def aws_credentials(settings: Settings) -> AwsCredentials:
    return AwsCredentials(
        aws_access_key_id=settings.aws_access_key_id,
        aws_secret_access_key=settings.aws_secret_access_key,
        aws_session_token=settings.aws_session_token.get_secret_value() if settings.aws_session_token else None,
        profile_name=settings.aws_profile,
        region_name=settings.aws_region,
        assume_role_arn=settings.aws_role_arn,
        assume_role_kwargs=AssumeRoleParameters(
            ExternalId=settings.aws_role_external_id, DurationSeconds=settings.aws_role_session_s
        ),
        aws_client_parameters=AwsClientParameters(endpoint_url=settings.aws_endpoint_url, config=RETRY_CONFIG),
    )


def identify(credentials: AwsCredentials, expected_account: str | None) -> Caller:
    """Return the identity of the credentials.

    Raises:
        WrongAccount: they belong to another account than the expected one.
        SettingsError: AWS does not accept them or does not answer.
    """
    try:
        answer = client_of(credentials, "sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise SettingsError(
            f"AWS does not accept the credentials: {error}. Check ACEITE_AWS_PROFILE or the keys, ACEITE_AWS_REGION "
            "and ACEITE_AWS_ENDPOINT_URL"
        ) from error
    if expected_account and answer["Account"] != expected_account:
        raise WrongAccount(
            f"the credentials belong to account {answer['Account']} ({answer['Arn']}), but ACEITE_AWS_ACCOUNT_ID is "
            f"{expected_account}: Aceite started nothing. Use credentials of {expected_account}, or correct the setting"
        )
    return Caller(answer["Account"], answer["Arn"])


def save_blocks(settings: Settings, *, dry_run: bool = False) -> Mapping[str, str]:
    """Create or update the blocks of the settings. Return "created", "updated" or "unchanged" by name.

    The bucket blocks refer to the saved credentials block, so that a secret is stored once. A dry run saves nothing.
    """
    saved = aws_credentials(settings)
    saved.aws_session_token = None  # see give_session_token
    credentials, change = _save(names.CREDENTIALS, saved, dry_run)
    changes = {names.CREDENTIALS: change}
    for name, bucket_name in ((names.LANDING, settings.landing_bucket), (names.EVIDENCE, settings.evidence_bucket)):
        block = S3Bucket(bucket_name=bucket_name, credentials=credentials)
        _, changes[name] = _save(name, block, dry_run)
    return changes


def give_session_token(credentials: AwsCredentials, settings: Settings) -> None:
    """Set the session token of temporary credentials on a loaded block, in memory only.

    prefect-aws stores it as plain text, so Prefect's server would show a saved one in the block and in its events.
    """
    if settings.aws_session_token and credentials.aws_access_key_id == settings.aws_access_key_id:
        credentials.aws_session_token = settings.aws_session_token.get_secret_value()


def save_secret(name: str, value: str, *, dry_run: bool = False) -> str:
    """Create or update a Secret block. Return "created", "updated" or "unchanged"."""
    _, change = _save(name, Secret(value=SecretStr(value)), dry_run)
    return change


def _save(name: str, block: B, dry_run: bool) -> tuple[B, str]:
    existing = _load(type(block), name)
    if existing is not None and _document(existing) == _document(block):
        return existing, "unchanged"
    if not dry_run:
        block.save(name, overwrite=True)
    return block, "created" if existing is None else "updated"


def _load(kind: type[B], name: str) -> B | None:
    try:
        return cast(B, kind.load(name))
    except ValueError:  # Prefect raises it if there is no such block
        return None


def _document(block: Block) -> Any:
    """Return a block's content without Prefect's bookkeeping."""
    return _without_bookkeeping(block.model_dump(context={"include_secrets": True}, mode="json"))


def _without_bookkeeping(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_bookkeeping(item) for key, item in value.items() if not key.startswith("_")}
    return value
