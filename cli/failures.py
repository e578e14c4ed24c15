"""Prints why a command failed, and chooses its exit code.

The exit code is never 1: that is a verb's own negative answer, such as rejected, and a script would take a failure for
a verdict. 64 is for wrong input: an option, a setting, a file or a folder. 2 is for every other failure.
"""

import os
import traceback
from collections.abc import Iterator

import httpx
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from acceptance.errors import AceiteError, ContractError, LedgerMisnamed, SettingsError
from aws.calls import describe_client_error
from aws.error_codes import error_code
from blocks.settings import read_settings
from cli.doctor.looks import identity
from cli.options import EXIT_FAILURE, EXIT_USAGE, UsageProblem
from cli.serving.home import find_running
from cli.terminal import Terminal

_WRONG_INPUT = (UsageProblem, SettingsError, ContractError, LedgerMisnamed)


def print_failure(error: Exception) -> int:
    """Print the failure to standard error, an unexpected one with its traceback, and return the exit code."""
    console = Terminal(stderr=True)
    if not isinstance(error, _EXPECTED):
        console.print_lines("".join(traceback.format_exception(error)))
    console.print_lines(f"aceite: {describe(error)}", style="red")
    return exit_code(error)


def exit_code(error: Exception) -> int:
    """Return EXIT_USAGE for wrong input, else EXIT_FAILURE."""
    is_wrong_input = isinstance(error, _WRONG_INPUT)
    for cause in _causes(error):
        if isinstance(cause, BotoCoreError | ClientError) and identity.trouble(cause, None) is not None:
            is_wrong_input = identity.is_of_settings(cause)
    return EXIT_USAGE if is_wrong_input else EXIT_FAILURE


def describe(error: Exception) -> str:
    """Return one sentence: what failed, and what to do.

    Wrong credentials and an AWS that cannot be reached are described as `aceite doctor` does.
    """
    for cause in _causes(error):
        if isinstance(cause, BotoCoreError | ClientError):
            look = identity.trouble(cause, os.environ.get("ACEITE_AWS_PROFILE"))
            if look is not None:
                hint = _hint_to_home() if isinstance(cause, NoCredentialsError) else ""
                return f"{look.found}; {look.remedy}{hint}"
            if isinstance(cause, ClientError) and error_code(cause) == "NoSuchBucket":
                return f"{error}; {_create_bucket(cause)}"
    match error:
        case AceiteError():
            return str(error)
        case ClientError():
            return f"AWS refused {error.operation_name}: {describe_client_error(error)}"
        case BotoCoreError():
            return f"the request to AWS could not be sent: {_one_line(error)}; run `aceite doctor` to find the cause"
        case httpx.HTTPError():
            return f"the request to Prefect's server failed: {_one_line(error)}; run `aceite doctor` to find the cause"
        case OSError(strerror=str(reason), filename=str(file)):
            return f"{file}: {reason}; check that it exists and that this user may read and write it"
        case OSError():
            return f"{_one_line(error)}; check that it exists and that this user may read and write it"
    return f"unexpected {type(error).__name__}, see the traceback above; this command judged nothing"


def _hint_to_home() -> str:
    home = read_settings().home.expanduser()
    if find_running(home) is not None:
        return ""
    sandbox = "`aceite up --sandbox` needs none: it makes an AWS on this machine"
    return f". No `aceite up` runs on the home {home}: to use its AWS, give its home with --home. {sandbox}"


def _create_bucket(error: ClientError) -> str:
    name = error.response["Error"].get("BucketName", "NAME")
    named_in = "the contract, ACEITE_LANDING_BUCKET or ACEITE_EVIDENCE_BUCKET"
    return (
        f"the bucket {name} does not exist: create it with `aws s3 mb s3://{name}`, or correct its name in {named_in}"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


_EXPECTED = (AceiteError, ClientError, BotoCoreError, httpx.HTTPError, OSError)
