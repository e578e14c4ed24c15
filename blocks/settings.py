"""The settings of an installation: environment variables `ACEITE_*`, or a file `.env` in the current folder."""

import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any, Literal, Self, get_args, get_origin

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from acceptance.contract.aws_names import BUCKET, REGION, ROLE, NameKind
from acceptance.deliveries.delivery import MOST_TOGETHER
from acceptance.errors import SettingsError, did_you_mean
from acceptance.messages.languages import ENGLISH, Language

ENV_PREFIX = "ACEITE_"
_FILE = ".env"
_ENCODING = "utf-8-sig"
"""UTF-8, with or without the byte order mark that editors on Windows write."""

HEARTBEAT_S = 30
"""Seconds between Prefect's own heartbeats of a run, its minimum. Without them nobody notices that a run died."""

WATCHER_HEARTBEAT_S = 120
"""The same for a watcher, which also sends heartbeats of its own. Each is an event in Prefect's feed."""

SANDBOX_ACCESS_KEY = "sandbox"
"""Access key and secret of `aceite up --sandbox`, and of nobody on AWS, whose access keys are longer."""

_HOST_SETTINGS = frozenset(
    {
        "home",
        "contracts",
        "workers",
        "runner",
        "ledger_url",
        "seal_key_file",
        "seal_key_id",
        "aws_profile",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "aws_role_arn",
        "aws_role_external_id",
        "aws_role_session_s",
        "aws_region",
        "aws_endpoint_url",
    }
)
"""Facts of one host, and credentials, which are in blocks: they do not travel to other hosts."""

_HOST = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?"
_KMS_KEY = r"^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/)?[A-Za-z0-9-]+$"
_NEARLY = 0.8
"""difflib's similarity from which two names count as nearly equal."""


def _setting(default: Any, description: str, allowed: str | None = None, **constraints: Any) -> Any:
    """Return a field. `allowed` describes the constraints in words."""
    return Field(default, description=description, json_schema_extra={"allowed": allowed}, **constraints)


def _named(kind: NameKind, default: str | None, description: str) -> Any:
    """Return a field that names something of AWS."""
    return _setting(default, description, kind.allowed, pattern=f"^{kind.pattern}$")


class Settings(BaseSettings):
    """The settings: each field is the variable `ACEITE_<FIELD>`. Facts about a dataset belong in its contract."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_file=_FILE, env_file_encoding=_ENCODING, extra="ignore"
    )

    home: Path = _setting(Path.home() / ".aceite", "Folder of the ledger and of the embedded Prefect server's data.")
    contracts: Path = _setting(Path("contracts"), "Folder of the contracts, one ODCS file each.")

    aws_profile: str | None = _setting(None, "Profile of the AWS configuration files to use.")
    aws_access_key_id: str | None = _setting(None, "Access key, if there is no profile or role.")
    aws_secret_access_key: SecretStr | None = _setting(None, "Secret of the access key.")
    aws_session_token: SecretStr | None = _setting(None, "Token of temporary credentials.")
    aws_role_arn: str | None = _named(ROLE, None, "Role to assume with the credentials above.")
    aws_role_external_id: str | None = _setting(
        None,
        "External id that the role's trust policy demands.",
        "2 to 1224 letters, digits and + = , . @ : / - _",
        pattern=r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$",
    )
    aws_role_session_s: int | None = _setting(
        None,
        "Seconds that keys of the role are valid; Aceite renews them. If unset, an hour.",
        "a whole number from 900 to 43200, at most what the role allows",
        ge=900,
        le=43200,
    )
    aws_region: str | None = _named(REGION, None, "Region of the pipeline, for example sa-east-1.")
    aws_endpoint_url: str | None = _setting(
        None,
        "Another address for all of AWS, such as the sandbox's.",
        "http:// or https:// with a host, such as http://127.0.0.1:5000",
        pattern=rf"^https?://{_HOST}(/\S*)?$",
    )
    aws_account_id: str | None = _setting(
        None,
        "If set, Aceite refuses credentials of any other account.",
        "twelve digits, such as 111122223333",
        pattern=r"^\d{12}$",
    )

    landing_bucket: str = _named(BUCKET, "landing", "Bucket in which files land; ${LANDING_BUCKET} in contracts.")
    evidence_bucket: str = _named(BUCKET, "evidence", "Bucket that keeps the evidence.")
    evidence_retention_days: int | None = _setting(
        None,
        "Days for which S3 locks evidence if its bucket has Object Lock; if unset, the bucket's default.",
        "a whole number above 0",
        gt=0,
    )
    evidence_lock_mode: Literal["GOVERNANCE", "COMPLIANCE"] = _setting(
        "GOVERNANCE", "Object Lock mode for those days. Nobody can end COMPLIANCE early, not even root."
    )
    evidence_encryption: str | None = _setting(
        None,
        "Encryption that each put into the evidence bucket asks for; if unset, the bucket's default holds.",
        "AES256, or the ARN or id of a KMS key, not an alias",
        pattern=_KMS_KEY,
    )
    publish_reports: bool = _setting(
        False,
        "The watcher keeps the pages over all datasets current, in the evidence bucket below reports/.",
        "true or false",
    )
    seal_key_file: Path | None = _setting(
        None,
        "File of the Ed25519 key that seals evidence; if unset, seal/key.pem in the home, made when needed.",
    )
    seal_kms_key: str | None = _setting(
        None,
        "AWS KMS key that seals evidence in place of a file: SIGN_VERIFY, ECC_NIST_P256.",
        "the key's ARN or id, not an alias",
        pattern=_KMS_KEY,
    )
    seal_key_id: str | None = _setting(
        None,
        "If set, this host seals only with the key of this id, and makes none. `aceite deploy` sets it for its runs.",
        "64 hexadecimal digits, as `aceite evidence key` prints them",
        pattern=r"^[0-9a-f]{64}$",
    )
    notification_block: str | None = _setting(
        None,
        "Prefect notification block that notifies people.",
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
        "SQS queue with S3's or EventBridge's notifications of the landing buckets; speeds up detection.",
        "http:// or https:// with a host, such as https://sqs.sa-east-1.amazonaws.com/111122223333/landed",
        pattern=rf"^https?://{_HOST}/[A-Za-z0-9_./-]+$",
    )
    language: Language = _setting(
        ENGLISH, "Language for people: reasons, notifications, pages. A contract's team may have another."
    )
    poll_s: float = _setting(10, "Seconds between two listings of the landing locations.", "a number above 0", gt=0)
    certify_within_s: float = _setting(
        1800,
        "Seconds within which the watcher lists every landed key again; it takes quiet prefixes in turns.",
        "a number above 0",
        gt=0,
    )
    patience_s: float = _setting(
        120, "Seconds after which the watcher announces an unclaimed delivery again.", "a number above 0", gt=0
    )
    together: int = _setting(
        MOST_TOGETHER,
        "Most deliveries of a dataset that one run judges if many wait; 1 for one run per delivery.",
        f"a whole number from 1 to {MOST_TOGETHER}",
        ge=1,
        le=MOST_TOGETHER,
    )
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        gt=0,
        description="Validations that one `aceite up` runs at the same time.",
        json_schema_extra={"allowed": "a whole number above 0"},
    )
    runner: Literal["warm", "process"] = _setting(
        "warm", "Processes for validations: warm ones that serve many runs, or a new one for each run."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object, info: ValidationInfo) -> object:
        """Treat an empty variable as unset: cmd.exe cannot unset one for a command, and it must overrule `.env`."""
        field = cls.model_fields[info.field_name or ""]
        return field.get_default(call_default_factory=True) if value == "" else value

    @model_validator(mode="after")
    def _keys_come_in_pairs(self) -> Self:
        if (self.aws_access_key_id is None) != (self.aws_secret_access_key is None):
            raise ValueError("ACEITE_AWS_ACCESS_KEY_ID and ACEITE_AWS_SECRET_ACCESS_KEY go together: set both or none")
        return self

    @model_validator(mode="after")
    def _of_a_role(self) -> Self:
        for name in ("aws_role_external_id", "aws_role_session_s"):
            if getattr(self, name) is not None and self.aws_role_arn is None:
                raise ValueError(f"{variable(name)} is about a role: set ACEITE_AWS_ROLE_ARN, or unset it")
        return self


def read_settings(**overrides: object) -> Settings:
    """Return the settings; `overrides` that are not None take precedence.

    Raises:
        SettingsError: a value is invalid, or a variable is not a setting. The message names each, but repeats no value:
            some are secret.
    """
    unknown = list(_unknown())
    if unknown:
        raise SettingsError("\n".join(unknown))
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [_describe(item["loc"], item["msg"]) for item in error.errors(include_input=False)]
        raise SettingsError("some settings are invalid:\n" + "\n".join(lines)) from None


def environment_of(settings: Settings) -> Mapping[str, str]:
    """Return the variables for runs on other hosts or in other folders: the changed settings, Prefect's heartbeat."""
    changed = settings.model_dump(mode="json", exclude=set(_HOST_SETTINGS), exclude_defaults=True)
    variables = {variable(name): str(value) for name, value in changed.items()}
    return {**variables, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_S)}


def dotenv() -> Mapping[str, str]:
    """Return the variables of the file `.env`; none if there is no such file.

    Raises:
        SettingsError: the file is not UTF-8. The message repeats no content: some is secret.
    """
    path = Path(_FILE)
    if not path.is_file():
        return {}
    content = path.read_bytes()
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise SettingsError(_not_utf8(path, "it is UTF-16"))
    try:
        text = content.decode(_ENCODING)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError(_not_utf8(path, f"line {line} has a byte that is not UTF-8")) from None
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(stream=StringIO(text)).items() if value is not None}


def _not_utf8(path: Path, reason: str) -> str:
    return (
        f"Aceite cannot read the file {path.absolute()}: {reason}; save it as UTF-8 (Notepad: Save as, Encoding; "
        "PowerShell: Set-Content -Encoding utf8)"
    )


def variable(field: str) -> str:
    """Return the name of the environment variable."""
    return f"{ENV_PREFIX}{field.upper()}"


def allowed(field: FieldInfo) -> str | None:
    """Return the allowed values in words, or None if any text is allowed."""
    if get_origin(field.annotation) is Literal:
        return " or ".join(get_args(field.annotation))
    extra = field.json_schema_extra
    return str(extra["allowed"]) if isinstance(extra, dict) and extra.get("allowed") else None


def _describe(location: tuple[int | str, ...], message: str) -> str:
    if not location:
        return message
    name = str(location[0])
    words = allowed(Settings.model_fields[name]) if name in Settings.model_fields else None
    return f"{variable(name)}: {f'allowed: {words}' if words else message}"


def _unknown() -> Iterator[str]:
    """Yield a message for each unknown variable: a mistyped ACEITE_AWS_ACCOUNT_ID would silently guard nothing.

    All lines of .env must be settings. In the environment, other programs may use the same prefix, so there only a name
    that is nearly a setting is refused.
    """
    settings = {variable(field).removeprefix(ENV_PREFIX): variable(field) for field in Settings.model_fields}
    for where, names in (("the environment", os.environ), (f"the file {Path(_FILE).absolute()}", dotenv())):
        for name in names:
            field = name.upper().removeprefix(ENV_PREFIX)
            if not name.upper().startswith(ENV_PREFIX) or field in settings:
                continue
            if names is not os.environ or get_close_matches(field, settings, n=1, cutoff=_NEARLY):
                near = did_you_mean(field, settings).replace("mean ", f"mean {ENV_PREFIX}")
                yield f"{name}, in {where}, is not a setting{near} correct or remove it; `aceite --help` lists all"
