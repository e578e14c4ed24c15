"""What tests of several folders share: one Prefect server a process, and one AWS a file."""

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from auth_strings import AUTH_STRING
from aws_clients import Aws

hypothesis.settings.register_profile("repeatable", derandomize=True, print_blob=True)
hypothesis.settings.load_profile("repeatable")
"""A run draws what the last one drew, but for the constants that Hypothesis finds in modules imported by then.

`--hypothesis-profile default --hypothesis-seed random` looks for new failures.
"""

LONGEST = (
    "test_faults_soak.py",
    "test_least_privilege.py",
    "test_several_hosts.py",
    "test_story.py",
    "test_burst_of_events.py",
    "test_formats_judged.py",
    "test_burst_judged.py",
    "test_demo.py",
    "test_watcher_death.py",
    "test_worker_runs.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    told = "run the story of tests/account, and nothing else, on the AWS account of the environment's credentials"
    parser.addoption("--aws", action="store_true", help=told)
    told = "skip each test that would begin after this moment, in seconds since 1970; the summary names them"
    parser.addoption("--begin-until", type=float, metavar="SECONDS", help=told)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """A real account is for its own tests, and for this process: what deletes must hear of a Ctrl-C."""
    if config.getoption("--aws"):
        config.args[:] = [str(Path(__file__).parent / "account" / "test_account_story.py")]
        config.option.markexpr, config.option.numprocesses = "", 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take minutes begin first, one beside the other, and the short ones fill up."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """CI has a limit: on a slow machine it says what it did not prove, instead of being killed in the middle."""
    until: float | None = item.config.getoption("--begin-until")
    if until is not None and time.time() > until:
        pytest.skip(f"the time for tests is over (--begin-until): {item.nodeid}")


@pytest.fixture(scope="session", autouse=True)
def home_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home for the tests that name none: its key seals, and nothing is left in the home of whoever tests."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("ACEITE_HOME", str(home))
        yield home


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the embedded server, on SQLite in a folder of its own, use it in this process and return its API's URL.

    It asks for a password, as it does wherever the AWS credentials are real.
    """
    from prefect.context import _temporary_global_settings_context, get_settings_context
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    from cli.serving.child_process import ChildProcess

    home = tmp_path_factory.mktemp("prefect")
    environment = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    environment["PREFECT_SERVER_API_AUTH_STRING"] = AUTH_STRING
    server = ChildProcess(
        "Prefect's server", ("cli.serving.prefect_server", "--port", "0"), environment, home / "server.log"
    )
    try:
        api = server.await_ready(180)
        # The global context is that of threads which begin with none.
        settings = {PREFECT_API_URL: api, PREFECT_API_AUTH_STRING: AUTH_STRING}
        with temporary_settings(settings), _temporary_global_settings_context(get_settings_context()):
            yield api
    finally:
        server.stop()


@pytest.fixture(scope="module")
def local_aws() -> Iterator[Aws]:
    """Clients of a sandbox of this file's own."""
    from sandbox.server import LocalAws

    with LocalAws() as local:
        yield Aws(local.endpoint)


@pytest.fixture
def bucket(local_aws: Aws) -> str:
    """A new bucket."""
    name = f"bucket-{uuid.uuid4().hex}"
    local_aws.client("s3").create_bucket(Bucket=name)
    return name
