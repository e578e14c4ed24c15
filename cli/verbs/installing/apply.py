"""`aceite apply` creates or updates blocks, deployments and automations on Prefect's server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import Contracts, Home
from cli.terminal import Terminal

if TYPE_CHECKING:
    from automations.apply import Change
    from blocks.settings import Settings

_SIGNS = {"created": "+", "updated": "~", "unchanged": "=", "switched off": "-", "deleted": "-"}


def apply(
    contracts: Contracts = None,
    home: Home = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the changes, and make none.")] = False,
) -> None:
    """Create or update Aceite's objects on Prefect's server.

    These are blocks, deployments and automations. Prints each with what changed.
    """
    from cli.serving.connection import connect

    settings = connect()
    from automations.apply import apply as apply_to_server
    from blocks.build import aws_credentials, identify
    from flows.installation.contracts import contracts_of

    identify(aws_credentials(settings), settings.aws_account_id)
    found = contracts_of(settings)
    datasets = [contract.dataset for contract in found]
    show(Terminal(), apply_to_server(settings, found, datasets=datasets, dry_run=dry_run), dry_run)
    say_if_nobody_is_notified(settings)


def show(console: Terminal, changes: Iterable[Change], dry_run: bool) -> None:
    """Print one line for each change."""
    for change in changes:
        fields = f" ({', '.join(change.fields)})" if change.fields else ""
        verb = f"would be {change.change}" if dry_run and change.change != "unchanged" else change.change
        console.print(f"{_SIGNS[change.change]} {change.kind} {change.name}: {verb}{fields}")


def say_if_nobody_is_notified(settings: Settings) -> None:
    """Print on standard error why there is no automation that notifies people, if there is none."""
    if settings.notification_block is None:
        Terminal(stderr=True).print_lines(
            "nobody is notified, and there is no automation for it: ACEITE_NOTIFICATION_BLOCK is not set. Create a "
            "notification block on the page Blocks of the Prefect UI, set the setting to its type/name, and run "
            "`aceite apply`"
        )
