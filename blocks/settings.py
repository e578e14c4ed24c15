"""What an installation is told: environment variables `ACEITE_*`, or a file `.env` in the current folder."""

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from acceptance.delivery import MOST_TOGETHER
from acceptance.errors import SettingsError

ENV_PREFIX = "ACEITE_"


class Settings(BaseSettings):
    """Each field is the variable `ACEITE_<FIELD>`. Facts about a dataset are not here but in its contract."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_file=".env", env_file_encoding="utf-8", extra="ignore")

    home: Path = Field(
        Path.home() / ".aceite",
        description="Folder of the ledger and of the embedded Prefect server's data.",
    )
    contracts: Path = Field(Path("contracts"), description="Folder of the contracts, one ODCS file each.")

    aws_profile: str | None = Field(None, description="Profile of the AWS configuration files to use.")
    aws_access_key_id: str | None = Field(None, description="Access key, if there is no profile or role.")
    aws_secret_access_key: SecretStr | None = Field(None, description="Secret of the access key.")
    aws_session_token: SecretStr | None = Field(None, description="Token of temporary credentials.")
    aws_role_arn: str | None = Field(None, description="Role to assume with the credentials above.")
    aws_region: str | None = Field(None, description="Region of the pipeline, for example sa-east-1.")
    aws_endpoint_url: str | None = Field(None, description="Another address for all of AWS, such as the sandbox's.")
    aws_account_id: str | None = Field(
        None, pattern=r"^\d{12}$", description="If set, credentials of any other account are refused."
    )

    landing_bucket: str = Field("landing", description="Bucket in which files land; ${LANDING_BUCKET} in contracts.")
    evidence_bucket: str = Field("evidence", description="Bucket that keeps the evidence.")
    evidence_retention_days: int | None = Field(
        None,
        gt=0,
        description="Days for which evidence is locked if its bucket has Object Lock; else the bucket's own.",
    )
    evidence_lock_mode: Literal["GOVERNANCE", "COMPLIANCE"] = Field(
        "GOVERNANCE", description="Object Lock's mode for those days. Nobody can end COMPLIANCE early, root included."
    )
    notification_block: str | None = Field(
        None,
        pattern=r"^[a-z0-9-]+/[^/]+$",
        description="Prefect notification block through which people are told, as type/name: slack-webhook/squad-sor.",
    )
    ledger_url: str | None = Field(None, description="Database URL of the ledger; SQLite in the home folder if unset.")
    landing_queue_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="SQS queue with S3's or EventBridge's notifications of the landing buckets: to look there at once.",
    )
    poll_s: float = Field(10, gt=0, description="Seconds between two listings of the landing locations.")
    certify_within_s: float = Field(
        1800, gt=0, description="Seconds within which every landed key is looked at again; quiet ones go by turns."
    )
    patience_s: float = Field(
        120, gt=0, description="Seconds after which a delivery that no run claimed is announced again."
    )
    together: int = Field(
        MOST_TOGETHER,
        ge=1,
        le=MOST_TOGETHER,
        description="Deliveries of a dataset that one run judges if many wait; 1 for a run of its own each.",
    )
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        gt=0,
        description="Validations that run at the same time in one `aceite up`; as many as there are cores if unset.",
    )
    runner: Literal["warm", "process"] = Field(
        "warm",
        description="What validations run in: processes that are up already, or Prefect's own, one for each run.",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object, info: ValidationInfo) -> object:
        """cmd.exe cannot unset a variable for one command, and a file .env should be overruled by an empty one."""
        field = cls.model_fields[info.field_name or ""]
        return field.get_default(call_default_factory=True) if value == "" else value

    @model_validator(mode="after")
    def _keys_come_in_pairs(self) -> Self:
        if (self.aws_access_key_id is None) != (self.aws_secret_access_key is None):
            raise ValueError("ACEITE_AWS_ACCESS_KEY_ID and ACEITE_AWS_SECRET_ACCESS_KEY go together: set both or none")
        return self


def read_settings(**overrides: object) -> Settings:
    """The settings, with `overrides` that are not None on top.

    Raises:
        SettingsError: a value cannot be used; the message names each variable, and repeats no value: some are secret.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"{_variable(item['loc'])}{item['msg']}" for item in error.errors(include_input=False)]
        raise SettingsError("settings cannot be used:\n" + "\n".join(lines)) from None


def _variable(location: tuple[int | str, ...]) -> str:
    return f"{ENV_PREFIX}{str(location[0]).upper()}: " if location else ""
