"""`aceite up` serves the flows until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from blocks.temporary_folders import interrupt_on
from cli.options import (
    AwsPort,
    Contracts,
    Engine,
    EngineKind,
    Home,
    Only,
    PrefectPort,
    Runner,
    ServedPart,
    UsageProblem,
    Workers,
)
from cli.terminal import Terminal, print_command

if TYPE_CHECKING:
    from blocks.settings import Settings
    from cli.serving.home import Running
    from cli.serving.installation import Installation


_SERVING = "Ctrl-C ends everything. To drop files, in another terminal:"


def up(
    contracts: Contracts = None,
    home: Home = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Use an AWS on this machine, made from the contracts.")
    ] = False,
    aws_port: AwsPort = None,
    prefect_port: PrefectPort = None,
    workers: Workers = None,
    runner: Runner = None,
    only: Only = None,
    no_auth: Annotated[
        bool,
        typer.Option(
            "--no-auth",
            help="Start the Prefect server without a password: every user of this machine can then read the AWS "
            "credentials, and run commands as you.",
        ),
    ] = False,
    engine: Engine = EngineKind.DUCKDB,
) -> int:
    """Watch and judge until Ctrl-C.

    Registers blocks, deployments and automations, watches the landing locations and runs the validations.
    """
    from blocks.settings import read_settings

    if engine is not EngineKind.DUCKDB and not sandbox:
        raise UsageProblem(f"--engine {engine} is for the sandbox's Athena; give --sandbox too, or leave it out")
    settings = read_settings()  # whoever gave a wrong one is told before Prefect is imported
    from cli.serving.installation import InstallationOptions, started

    console = Terminal(stderr=True)
    interrupt_on("SIGINT")  # a command that a script starts in the background inherits an ignored one
    options = InstallationOptions(sandbox, aws_port, prefect_port, only=only, no_auth=no_auth, engine=engine.value)
    with started(options, console) as installation:
        print_addresses(console, installation.running, None if only is ServedPart.VALIDATIONS else settings)
        print_command(console, _SERVING, "drop", "FILE", "--dataset", "ID")
        with verdicts_told(console, watched_here=only is not ServedPart.VALIDATIONS) as tell:
            return keep_serving(installation, console, tell)


def print_addresses(console: Terminal, running: Running, watching: Settings | None = None) -> None:
    """Print the addresses of the Prefect UI and of AWS, and the home, none of them broken: people copy them.

    With the settings of a watcher, also the address of the index over all datasets, if it publishes that.
    """
    from acceptance.evidence.object_keys import REPORTS, page_url

    lines = {"Prefect UI": running.ui_url}
    if running.auth_file:
        lines["Password"] = f"the line in the file {running.auth_file}: paste it where the page asks"
    lines["AWS"] = running.aws_endpoint or "the account of the credentials"
    if watching is not None and watching.publish_reports:
        index = f"s3://{watching.evidence_bucket}/{REPORTS}index.html"
        lines["Datasets"] = page_url(index, running.aws_endpoint, watching.aws_region)
    lines["Home"] = running.environment["ACEITE_HOME"]
    width = max(map(len, lines)) + 2
    for label, value in lines.items():
        console.print(f"{label:<{width}}{value}", soft_wrap=True)


@contextmanager
def verdicts_told(
    console: Terminal, besides: Collection[str] = (), *, watched_here: bool = True
) -> Iterator[Callable[[], None]]:
    """Yield a function that prints a line for each verdict that the watcher has read since the call before.

    `besides` are the ids of deliveries that are told elsewhere. A watcher on another host tells its verdicts there.
    """
    if not watched_here:
        yield lambda: None
        return
    from acceptance.errors import LedgerUnusable
    from cli.deliveries.addresses import addresses_of
    from cli.deliveries.news import News
    from cli.serving.connection import share_settings
    from flows.ledger import ledger_url, open_ledger

    settings = share_settings()
    with ExitStack() as opened:
        try:
            ledger = opened.enter_context(open_ledger(ledger_url(settings)))
        except LedgerUnusable as error:  # it serves all the same, and the watcher's run says what is wrong
            console.print(f"verdicts are not printed here: {error}", style="yellow", soft_wrap=True)
            yield lambda: None
            return
        yield News(ledger, settings, addresses_of(settings), console, verdicts_only=True, besides=besides).look


def keep_serving(installation: Installation, console: Terminal, tell: Callable[[], None] = lambda: None) -> int:
    """Wait until a process ends by itself, and return the exit code. Ctrl-C raises KeyboardInterrupt."""
    tell()
    while (ended := installation.ended()) is None:
        time.sleep(0.5)
        tell()
    console.print(f"{ended.name} ended with code {ended.returncode}; ending all others", style="red")
    return 1
