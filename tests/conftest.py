"""What tests of several folders share: one Prefect server a process, and one AWS a file."""

import gc
import os
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from auth_strings import AUTH_STRING
from aws_clients import Aws
from versity_gateway import NotThere, built, running_gateway
from xdist.scheduler import LoadFileScheduling

hypothesis.settings.register_profile("repeatable", derandomize=True, print_blob=True)
hypothesis.settings.load_profile("repeatable")
"""A run draws what the last one drew, but for the constants that Hypothesis finds in modules imported by then.

`--hypothesis-profile default --hypothesis-seed random` looks for new failures.
"""

PROOF = "proof"

LONGEST = (
    "test_least_privilege.py",
    "test_faults_soak.py",
    "test_several_hosts.py",
    "test_chaos.py",
    "test_story.py",
    "test_burst_of_events.py",
    "test_watcher_death.py",
    "test_formats_judged.py",
    "test_burst_judged.py",
    "test_demo.py",
    "test_death_of_overrides.py",
    "test_faults_flows.py",
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
    if config.option.markexpr == "engine":
        config.option.numprocesses = 0  # one engine is as much as two processors can feed


def pytest_xdist_auto_num_workers() -> int:
    """Tests compute, so that more processes than cores gain nothing; proofs that bring hosts and servers lose time."""
    return min(4, max(2, os.cpu_count() or 2))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling:
    return FilesTogether(config, log)


class FilesTogether(LoadFileScheduling):
    """Gives a process one file after the other. Of a test whose id begins with `apart`, each parameter is as a file."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if "[apart " in nodeid else super()._split_scope(nodeid)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Each process imports what it collects: of all files, those without a proof take longer than many a proof."""
    if config.option.markexpr != PROOF or collection_path.suffix != ".py":
        return None
    return True if f"mark.{PROOF}" not in collection_path.read_text(encoding="utf-8") else None


def pytest_collection_finish() -> None:
    """What is imported by now stays: the garbage collector need not go through it again and again."""
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take minutes begin first, and the short ones fill up.

    Beside each of them stands a part of a proof that waits: two that bring hosts and servers starve each other.
    """
    places = {name: place for place, name in enumerate(LONGEST)}

    def place(item: pytest.Item) -> float:
        if part := re.search(r"\[apart (\d+)\]", item.nodeid):
            return int(part[1]) + 0.5
        return places.get(item.path.name, len(LONGEST))

    items.sort(key=place)


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
    from prefect_database import with_tables

    from cli.serving.child_process import ChildProcess

    home = with_tables(tmp_path_factory.mktemp("prefect"))
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


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """An S3 that is not moto. Where it cannot be built, its tests are skipped, and say why."""
    try:
        program = built()
    except NotThere as why:
        pytest.skip(str(why))
    with running_gateway(program, tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


@pytest.fixture(scope="module", params=["sandbox", pytest.param("gateway", marks=pytest.mark.engine)])
def s3_server(request: pytest.FixtureRequest) -> Aws:
    """An S3, for tests that need no other service of AWS: the sandbox's, and Versity's gateway (`-m engine`)."""
    servers: dict[str, str] = {"sandbox": "local_aws", "gateway": "gateway"}
    server: Aws = request.getfixturevalue(servers[request.param])
    return server


@pytest.fixture(scope="module")
def s3(s3_server: Aws) -> Any:
    return s3_server.client("s3")


@pytest.fixture
def s3_bucket(s3: Any) -> str:
    """A new bucket of `s3`."""
    name = f"bucket-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name
