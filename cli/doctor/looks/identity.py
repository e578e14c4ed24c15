"""Looks at the credentials, their account, the region, and this machine's clock."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from aws.calls import Client, describe_client_error
from aws.error_codes import error_code
from cli.doctor.looks.findings import Look, advised, duration, met, unchecked, unmet
from cli.doctor.looks.questions import Refusal, ask

MOST_SKEW = timedelta(minutes=1)
_GIVE = (
    "set ACEITE_AWS_PROFILE to one of `aws configure list-profiles`, or ACEITE_AWS_ACCESS_KEY_ID and "
    "ACEITE_AWS_SECRET_ACCESS_KEY"
)
_REACH = "check the network and HTTPS_PROXY; on the sandbox start `aceite up --sandbox`; see ACEITE_AWS_ENDPOINT_URL"
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"})
_WRONG_SECRET = frozenset({"SignatureDoesNotMatch"})
_ABOUT_CREDENTIALS = _EXPIRED | _UNKNOWN | _WRONG_SECRET
_SETTINGS_ERRORS = (boto.NoCredentialsError, boto.PartialCredentialsError, boto.ProfileNotFound, boto.NoRegionError)


def trouble(error: BotoCoreError | ClientError, profile: str | None) -> Look | None:
    """Return what is wrong with the credentials, the region or the network; None for an error of another kind."""
    if isinstance(error, BotoCoreError):
        return _known(error, profile)
    about_us = error_code(error) in _ABOUT_CREDENTIALS or error.operation_name in ("AssumeRole", "GetCallerIdentity")
    return _refused(error, profile) if about_us else None


def is_of_settings(error: BaseException) -> bool:
    """Return True if other settings would help; else AWS or the network has to change."""
    if isinstance(error, ClientError):
        return error_code(error) in _UNKNOWN | _WRONG_SECRET
    return isinstance(error, _SETTINGS_ERRORS)


def caller(make_sts: Callable[[], Client], profile: str | None) -> Look:
    """Check that AWS accepts the credentials. `make_sts` fails too if a profile or a role does not exist."""
    try:
        answer: Any = make_sts().get_caller_identity()
    except ClientError as error:
        return _refused(error, profile)
    except BotoCoreError as error:
        return _not_asked(error, profile)
    return met(f"AWS identifies them as {answer['Arn']}")


def account(sts: Client, expected: str | None, in_sandbox: bool) -> Look:
    answer = ask(lambda: sts.get_caller_identity())
    if isinstance(answer, Refusal):
        return unchecked(f"AWS does not identify them: {answer.message}")
    actual = answer["Account"]
    if expected is None and in_sandbox:
        return met(f"{actual}, the sandbox's")
    if expected is None:
        return advised(
            f"{actual}; any other one would do, as ACEITE_AWS_ACCOUNT_ID is not set",
            f"set ACEITE_AWS_ACCOUNT_ID={actual}: Aceite then refuses the credentials of another account",
        )
    if actual != expected:
        return unmet(
            f"the credentials belong to account {actual}, and ACEITE_AWS_ACCOUNT_ID is {expected}",
            f"use credentials of account {expected} (ACEITE_AWS_PROFILE), or set ACEITE_AWS_ACCOUNT_ID={actual}",
        )
    return met(f"{actual}, as ACEITE_AWS_ACCOUNT_ID requires")


def region(make_session: Callable[[], Any], profile: str | None) -> Look:
    """Check that the profile can be read and a region is set.

    Without a region the credentials are not checked, so this look reports missing credentials too.
    """
    try:
        session = make_session()
        name = session.region_name
        has_credentials = bool(name) or session.get_credentials() is not None
    except BotoCoreError as error:
        return _not_asked(error, profile)
    if name:
        return met(name)
    result = _not_asked(boto.NoRegionError(), profile)
    if has_credentials:
        return result
    return unmet(f"{result.found}, and there are no credentials for AWS", f"{result.remedy}; {_GIVE}")


def clock(unsigned_s3: Client, bucket: str, now: Callable[[], datetime]) -> Look:
    """Compare this machine's clock with the Date header of AWS's answer, even of a refusal, so any bucket will do."""
    before = now()
    answer = ask(lambda: unsigned_s3.head_bucket(Bucket=bucket))
    here = before + (now() - before) / 2
    headers = answer.headers if isinstance(answer, Refusal) else answer["ResponseMetadata"]["HTTPHeaders"]
    if "date" not in headers:
        problem = answer.message if isinstance(answer, Refusal) else "its answer has no Date header"
        return unchecked(f"the time of AWS is unknown: {problem}", _REACH)
    ahead = here - parsedate_to_datetime(headers["date"]).astimezone(UTC)
    if abs(ahead) <= MOST_SKEW:
        return met("this machine's clock agrees with AWS's, to the minute")
    direction = "ahead of" if ahead > timedelta(0) else "behind"
    return unmet(
        f"this machine's clock is {duration(abs(ahead))} {direction} AWS's; AWS refuses requests from 5 minutes on",
        "set the clock by the network: `w32tm /resync` (Windows, as administrator), `timedatectl set-ntp true` (Linux)",
    )


def _refused(error: ClientError, profile: str | None) -> Look:
    code = error_code(error)
    if code in _EXPIRED:
        return unmet("the token of the credentials has expired", _renewed(profile))
    if code in _UNKNOWN:
        return unmet("AWS does not know the access key", f"it may be deleted or mistyped: {_GIVE}")
    if code in _WRONG_SECRET:
        return unmet(
            "AWS knows the access key, but the secret is not its own",
            "correct ACEITE_AWS_SECRET_ACCESS_KEY (cmd.exe: no quotes around it); check the finding of the clock too",
        )
    if error.operation_name == "AssumeRole":
        return unmet(
            f"the role ACEITE_AWS_ROLE_ARN cannot be assumed: {describe_client_error(error)}",
            "allow sts:AssumeRole on it to the credentials, and name them in its trust policy; or correct the setting",
        )
    return unmet(f"AWS does not accept the credentials: {describe_client_error(error)}", _GIVE)


def _not_asked(error: BotoCoreError, profile: str | None) -> Look:
    return _known(error, profile) or unmet(f"the credentials cannot be read: {' '.join(str(error).split())}", _GIVE)


def _known(error: BotoCoreError, profile: str | None) -> Look | None:
    message = " ".join(str(error).split())
    match error:
        case boto.NoCredentialsError() | boto.PartialCredentialsError():
            return unmet(f"there are no credentials for AWS: {message}", _GIVE)
        case boto.ProfileNotFound():
            return unmet(message, f"`aws configure --profile {profile}` creates it; or correct ACEITE_AWS_PROFILE")
        case boto.SSOError() | boto.TokenRetrievalError() | boto.UnauthorizedSSOTokenError():
            return unmet(f"the session of the profile is over: {message}", _renewed(profile))
        case boto.NoRegionError():
            return unmet("no region is set", "set ACEITE_AWS_REGION to that of the pipeline, such as sa-east-1")
        case boto.HTTPClientError() | boto.EndpointConnectionError():
            return unmet(f"AWS cannot be reached: {message}", _REACH)
    return None


def _renewed(profile: str | None) -> str:
    if profile:
        return f"`aws sso login --profile {profile}` (or what else renews it), then `aceite apply`"
    return (
        "get new ones, set ACEITE_AWS_ACCESS_KEY_ID, ACEITE_AWS_SECRET_ACCESS_KEY and ACEITE_AWS_SESSION_TOKEN, "
        "then `aceite apply`"
    )
