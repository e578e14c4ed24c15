"""`aceite drop` uploads files to the landing location of their contract, and can wait for their verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import Contracts, Home, Json, UsageList, UsageProblem, read_date
from cli.terminal import Terminal

if TYPE_CHECKING:
    from blocks.settings import Settings


def _list_faults(fault: str | None) -> str | None:
    """Print all faults and exit if the value is `list`, before a file or a dataset is required."""
    if fault == "list":
        typer.echo("\n".join(f"{name}: {what}" for name, what in _faults().items()))
        raise typer.Exit
    return fault


BusinessDate = Annotated[
    date | None,
    typer.Option(
        "--date", parser=read_date, metavar="YYYY-MM-DD", help="Business date. [default: today]", show_default=False
    ),
]
Fields = Annotated[
    list[str] | None,
    typer.Option("--field", metavar="NAME=VALUE", help="Another field of the key template; may be repeated."),
]
FaultName = Annotated[
    str | None,
    typer.Option(
        "--fault",
        metavar="NAME",
        help="Sandbox only: let the pipeline make this fault. `--fault list` prints all of them.",
        callback=_list_faults,
        is_eager=True,
    ),
]

Wait = Annotated[bool, typer.Option("--wait", help="Wait for the verdicts; the exit code is that of the worst.")]


def drop(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Files to land.", show_default=False)],
    dataset: Annotated[str, typer.Option("--dataset", help="The id of the contract.", show_default=False)],
    business_date: BusinessDate = None,
    fields: Fields = None,
    fault: FaultName = None,
    wait: Wait = False,
    timeout_s: Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait for verdicts.")] = 3600,
    json: Json = False,
    contracts: Contracts = None,
    home: Home = None,
) -> int:
    """Upload files to the landing location of their contract.

    Exit codes with --wait: 0 accepted; 1 rejected; 2 inconclusive, or no verdict in time; 64 usage error.
    """
    from cli.serving.connection import refuse_another_account, share_settings

    settings = share_settings()  # whoever gave a wrong one is told before Prefect is imported
    from cli.deliveries.addresses import addresses_of
    from cli.verbs.landing_files import land, read_fields
    from cli.verbs.verdicts import await_verdicts, exit_code, print_as_json, print_verdicts

    refuse_another_account(settings)
    _check_fault(fault, in_sandbox=settings.aws_endpoint_url is not None)
    if missing := [str(file) for file in files if not file.is_file()]:
        raise UsageProblem(f"these files do not exist: {', '.join(missing)}")
    console = Terminal(stderr=True)
    day = business_date or date.today()  # noqa: DTZ011 - today in the user's own time zone
    deliveries = [land(settings, file, dataset, day, read_fields(fields or []), fault) for file in files]
    for delivery in deliveries:
        console.print(f"landed {delivery.first.uri} as delivery {delivery.id}", soft_wrap=True)
    if wait:
        _warn_if_not_served(settings, timeout_s, console)
    judged = await_verdicts(settings, deliveries, timeout_s, console) if wait else {}
    if json:
        print_as_json(deliveries, judged)
    elif wait:
        print_verdicts(deliveries, judged, console, addresses_of(settings))
    return exit_code(deliveries, judged) if wait else 0


def _check_fault(fault: str | None, *, in_sandbox: bool) -> None:
    if fault is None:
        return
    if fault not in _faults():
        known = "\n".join(f"  {name}: {what}" for name, what in _faults().items())
        raise UsageList(f"{fault!r} is not a fault of the sandbox; its faults are:\n{known}")
    if not in_sandbox:
        raise UsageProblem("--fault works in the sandbox only; start `aceite up --sandbox`")


def _faults() -> Mapping[str, str]:
    from cli.verbs.installing.sandbox import require_sandbox

    require_sandbox()
    from sandbox.pipeline.deployed.injected_faults import FAULTS

    return FAULTS


def _warn_if_not_served(settings: Settings, timeout_s: float, console: Terminal) -> None:
    from cli.serving.home import find_running

    home = settings.home.expanduser()
    if find_running(home) is None:
        console.print(
            f"no `aceite up` runs on the home {home}: unless another host serves it, start `aceite up`, or give its "
            f"home with --home. Waiting for up to {timeout_s:g} s",
            style="yellow",
            soft_wrap=True,
        )
