"""What an installation is told: environment variables `ACEITE_*`, or a file `.env` in the current folder."""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self, get_args, get_origin

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from acceptance.deliveries.delivery import MOST_TOGETHER
from acceptance.errors import SettingsError, did_you_mean
from blocks.dotenv import ENCODING, FILE, dotenv

ENV_PREFIX = "ACEITE_"
_HOST = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?"
_NEARLY = 0.8
"""Of difflib's likeness of two names."""


def _setting(default: Any, description: str, allowed: str | None = None, **constraints: Any) -> Any:
    """`allowed` says in words what the constraints want."""
    return Field(default, description=description, json_schema_extra={"allowed": allowed}, **constraints)


class Settings(BaseSettings):
    """Each field is the variable `ACEITE_<FIELD>`. Facts about a dataset are not here but in its contract."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_file=FILE, env_file_encoding=ENCODING, extra="ignore")

    home: Path = _setting(Path.home() / ".aceite", "Folder of the ledger and of the embedded Prefect server's data.")
    contracts: Path = _setting(Path("contracts"), "Folder of the contracts, one ODCS file each.")

    aws_profile: str | None = _setting(None, "Profile of the AWS configuration files to use.")
    aws_access_key_id: str | None = _setting(None, "Access key, if there is no profile or role.")
    aws_secret_access_key: SecretStr | None = _setting(None, "Secret of the access key.")
    aws_session_token: SecretStr | None = _setting(None, "Token of temporary credentials.")
    aws_role_arn: str | None = _setting(None, "Role to assume with the credentials above.")
    aws_region: str | None = _setting(None, "Region of the pipeline, for example sa-east-1.")
    aws_endpoint_url: str | None = _setting(
        None,
        "Another address for all of AWS, such as the sandbox's.",
        "http:// or https:// with a host, such as http://127.0.0.1:5000",
        pattern=rf"^https?://{_HOST}(/\S*)?$",
    )
    aws_account_id: str | None = _setting(
        None,
        "If set, credentials of any other account are refused.",
        "twelve digits, such as 111122223333",
        pattern=r"^\d{12}$",
    )

    landing_bucket: str = _setting("landing", "Bucket in which files land; ${LANDING_BUCKET} in contracts.")
    evidence_bucket: str = _setting("evidence", "Bucket that keeps the evidence.")
    evidence_retention_days: int | None = _setting(
        None,
        "Days for which evidence is locked if its bucket has Object Lock; else the bucket's own.",
        "a whole number above 0",
        gt=0,
    )
    evidence_lock_mode: Literal["GOVERNANCE", "COMPLIANCE"] = _setting(
        "GOVERNANCE", "Object Lock's mode for those days. Nobody can end COMPLIANCE early, root included."
    )
    notification_block: str | None = _setting(
        None,
        "Prefect notification block through which people are told.",
        "its type and name, such as slack-webhook/squad-sor",
        pattern=r"^[a-z0-9-]+/[^/]+$",
    )
    ledger_url: str | None = _setting(
        None,
        "Database of the ledger; SQLite in the home folder if unset.",
        "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME",
    )
    landing_queue_url: str | None = _setting(
        None,
        "SQS queue with S3's or EventBridge's notifications of the landing buckets: to look there at once.",
        "http:// or https:// with a host, such as https://sqs.sa-east-1.amazonaws.com/111122223333/landed",
        pattern=r"^https?://",
    )
    poll_s: float = _setting(10, "Seconds between two listings of the landing locations.", "a number above 0", gt=0)
    certify_within_s: float = _setting(
        1800,
        "Seconds within which every landed key is looked at again; quiet ones go by turns.",
        "a number above 0",
        gt=0,
    )
    patience_s: float = _setting(
        120, "Seconds after which a delivery that no run claimed is announced again.", "a number above 0", gt=0
    )
    together: int = _setting(
        MOST_TOGETHER,
        "Deliveries of a dataset that one run judges if many wait; 1 for a run of its own each.",
        f"a whole number from 1 to {MOST_TOGETHER}",
        ge=1,
        le=MOST_TOGETHER,
    )
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        gt=0,
        description="Validations that run at the same time in one `aceite up`.",
        json_schema_extra={"allowed": "a whole number above 0"},
    )
    runner: Literal["warm", "process"] = _setting(
        "warm", "What validations run in: processes that are up already, or Prefect's own, one for each run."
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
        SettingsError: a value cannot be used, or a variable is no setting; the message names each, and repeats no
            value: some are secret.
    """
    unknown = list(_unknown())
    if unknown:
        raise SettingsError("\n".join(unknown))
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [_told(item["loc"], item["msg"]) for item in error.errors(include_input=False)]
        raise SettingsError("settings cannot be used:\n" + "\n".join(lines)) from None


def variable(field: str) -> str:
    """The name of the environment variable."""
    return f"{ENV_PREFIX}{field.upper()}"


def allowed(field: FieldInfo) -> str | None:
    """In words; None where any text will do."""
    if get_origin(field.annotation) is Literal:
        return " or ".join(get_args(field.annotation))
    said = field.json_schema_extra
    return str(said["allowed"]) if isinstance(said, dict) and said.get("allowed") else None


def _told(location: tuple[int | str, ...], message: str) -> str:
    if not location:
        return message
    name = str(location[0])
    words = allowed(Settings.model_fields[name]) if name in Settings.model_fields else None
    return f"{variable(name)}: {f'allowed is {words}' if words else message}"


def _unknown() -> Iterator[str]:
    """A mistyped ACEITE_AWS_ACCOUNT_ID would be no guard, and nobody would be told.

    Lines of .env are ours. In an environment others may have variables that begin like ours: of those only what is
    nearly the name of a setting is refused.
    """
    ours = {variable(field).removeprefix(ENV_PREFIX): variable(field) for field in Settings.model_fields}
    for where, names in (("the environment", os.environ), (f"the file {Path(FILE).absolute()}", dotenv())):
        for name in names:
            written = name.upper().removeprefix(ENV_PREFIX)
            if not name.upper().startswith(ENV_PREFIX) or written in ours:
                continue
            if names is not os.environ or get_close_matches(written, ours, n=1, cutoff=_NEARLY):
                near = did_you_mean(written, ours).replace("mean ", f"mean {ENV_PREFIX}")
                yield f"{name}, in {where}, is no setting{near} correct or remove it; `aceite --help` lists them all"
