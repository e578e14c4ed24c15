"""`aceite up` serves the flows until Ctrl-C."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from blocks.temporary_folders import interrupt_on
from cli.options import AwsPort, Contracts, Home, Only, PrefectPort, Runner, Workers
from cli.terminal import Terminal

if TYPE_CHECKING:
    from cli.serving.home import Running
    from cli.serving.installation import Installation


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
) -> int:
    """Watch and judge until Ctrl-C.

    Registers blocks, deployments and automations, watches the landing locations and runs the validations.
    """
    from cli.serving.installation import InstallationOptions, started

    console = Terminal(stderr=True)
    interrupt_on("SIGINT")  # a command that a script starts in the background inherits an ignored one
    options = InstallationOptions(sandbox, aws_port, prefect_port, only=only, no_auth=no_auth)
    with started(options, console) as installation:
        print_addresses(console, installation.running)
        console.print("Drop files with `aceite drop FILE --dataset ID`. Ctrl-C ends everything.")
        return keep_serving(installation, console)


def print_addresses(console: Terminal, running: Running) -> None:
    """Print the addresses of the Prefect UI and of AWS, and the home, none of them broken: people copy them."""
    lines = {"Prefect UI": running.ui_url}
    if running.auth_file:
        lines["Password"] = f"the line in the file {running.auth_file}: paste it where the page asks"
    lines["AWS"] = running.aws_endpoint or "the account of the credentials"
    lines["Home"] = running.environment["ACEITE_HOME"]
    width = max(map(len, lines)) + 2
    for label, value in lines.items():
        console.print(f"{label:<{width}}{value}", soft_wrap=True)


def keep_serving(installation: Installation, console: Terminal) -> int:
    """Wait until a process ends by itself, and return the exit code. Ctrl-C raises KeyboardInterrupt."""
    while (ended := installation.ended()) is None:
        time.sleep(0.5)
    console.print(f"{ended.name} ended with code {ended.returncode}; ending all others", style="red")
    return 1
