"""The account of the story: with `--aws` a real one, otherwise a sandbox. Nothing else differs."""

import os
import time
from collections.abc import Callable, Iterator

import pytest
from account_aws import Account, Refused, environment_without, leftovers, open_account
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from cli.serving.child_process import ChildProcess

SANDBOX_WITHIN_S = 120
Say = Callable[[str], None]


@pytest.fixture(scope="session")
def say(pytestconfig: pytest.Config) -> Say:
    """A line that is seen at once, though pytest keeps what tests write."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    reporter = pytestconfig.pluginmanager.getplugin("terminalreporter")
    began = time.monotonic()

    def line(text: str) -> None:
        if capture and reporter:  # xdist's processes have no terminal
            with capture.global_and_fixture_disabled():
                reporter.ensure_newline()
                reporter.write_line(f"aws, {time.monotonic() - began:4.0f} s: {text}")

    return line


@pytest.fixture(scope="session")
def account(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory, say: Say) -> Iterator[Account]:
    real = bool(pytestconfig.getoption("--aws"))
    if real:
        yield _real(say)
        return
    log = tmp_path_factory.mktemp("sandbox") / "sandbox.log"
    environment = environment_without(os.environ, "AWS_", "ACEITE_")
    sandbox = ChildProcess("the sandbox", ("sandbox", "--port", "0", "--until-stdin-closes"), environment, log)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name in set(os.environ) - set(environment):
                patch.delenv(name)
            patch.setenv("AWS_ENDPOINT_URL", sandbox.await_ready(SANDBOX_WITHIN_S))
            patch.setenv("AWS_ACCESS_KEY_ID", "account")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "account")
            patch.setenv("AWS_CONFIG_FILE", os.devnull)
            patch.setenv("AWS_REGION", "us-east-1")
            yield open_account(os.environ, real=False)
    finally:
        sandbox.stop()


def _real(say: Say) -> Account:
    try:
        account = open_account(os.environ, real=True)
    except NoCredentialsError:
        say("no credentials, so nothing is run: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        pytest.skip("no AWS credentials")
    except (Refused, BotoCoreError, ClientError) as error:
        pytest.exit(f"--aws: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
    say(f"account {account.id}, region {account.region}, as {account.arn}")
    say(f"everything is named {account.name}..., and deleted at the end")
    left, unknown = leftovers(account)
    for each in left:
        say(f"left by an earlier run, or made by one that goes on, and not touched: {each}")
    for each in unknown:
        say(f"what earlier runs may have left is not known: {each}")
    return account
