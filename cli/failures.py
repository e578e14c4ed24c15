"""What a person is told when a command could not do its work, and the exit code of that.

1 is what a verb answers by itself: rejected, changed, a contract that is refused. Nothing here is, or a script would
take for a verdict what was never judged. 64 is for what the command was told wrongly: by an option, a setting, a file
or folder that it was given. 2 is for all that happened to it.
"""

import os
import traceback
from collections.abc import Iterator

import httpx
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from rich.console import Console

from acceptance.errors import AceiteError, ContractError, LedgerMisnamed, SettingsError
from aws.calls import describe_client_error, error_code
from blocks.settings import read_settings
from cli.doctor.looks import identity
from cli.options import EXIT_FAILURE, EXIT_USAGE, UsageProblem
from cli.serving.home import find_running

_TOLD_WRONGLY = (UsageProblem, SettingsError, ContractError, LedgerMisnamed)


def tell(error: Exception) -> int:
    """Says it on standard error, where what nobody foresaw keeps its traceback, and answers the exit code."""
    if not isinstance(error, _FORESEEN):
        traceback.print_exception(error)
    console = Console(stderr=True)
    console.print(f"aceite: {sentence(error)}", style="red", markup=False, highlight=False, soft_wrap=True)
    return exit_code(error)


def exit_code(error: Exception) -> int:
    told_wrongly = isinstance(error, _TOLD_WRONGLY)
    for each in _causes(error):
        if isinstance(each, BotoCoreError | ClientError) and identity.trouble(each, None) is not None:
            told_wrongly = identity.is_of_settings(each)
    return EXIT_USAGE if told_wrongly else EXIT_FAILURE


def sentence(error: Exception) -> str:
    """Of credentials, and of an AWS that is not reached, in the words of `aceite doctor`, whatever it kept from."""
    for each in _causes(error):
        if isinstance(each, BotoCoreError | ClientError):
            seen = identity.trouble(each, os.environ.get("ACEITE_AWS_PROFILE"))
            if seen is not None:
                return f"{seen.found}; {seen.remedy}{_nobody_serves() if isinstance(each, NoCredentialsError) else ''}"
            if isinstance(each, ClientError) and error_code(each) == "NoSuchBucket":
                return f"{error}; {_make_bucket(each)}"
    match error:
        case AceiteError():
            return str(error)
        case ClientError():
            return f"AWS refused {error.operation_name}: {describe_client_error(error)}"
        case BotoCoreError():
            return f"AWS was not asked: {_one_line(error)}; see what `aceite doctor` says"
        case httpx.HTTPError():
            return (
                f"Prefect's server did not do what it was asked for: {_one_line(error)}; see what `aceite doctor` says"
            )
        case OSError():
            return f"{_one_line(error)}; see that it is there and that this user may read and write it"
    return f"{type(error).__name__}, which nobody foresaw: see above; nothing was judged by this command"


def _nobody_serves() -> str:
    home = read_settings().home.expanduser()
    if find_running(home) is not None:
        return ""
    return f". No `aceite up` runs on the home {home}: if its AWS is meant, start it, or give its folder with --home"


def _make_bucket(error: ClientError) -> str:
    name = error.response["Error"].get("BucketName", "NAME")
    named_in = "the contract, ACEITE_LANDING_BUCKET or ACEITE_EVIDENCE_BUCKET"
    return f"there is no bucket {name}: `aws s3 mb s3://{name}` makes it, or correct its name in {named_in}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


_FORESEEN = (AceiteError, ClientError, BotoCoreError, httpx.HTTPError, OSError)
