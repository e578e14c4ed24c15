"""`aceite drop` uploads files to the landing location of their contract, and can wait for their verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from acceptance.errors import did_you_mean
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
        help="Sandbox only: let the pipeline make this fault; list prints all of them.",
        callback=_list_faults,
        is_eager=True,
    ),
]

Dataset = Annotated[str, typer.Option("--dataset", metavar="ID", help="The id of the contract.", show_default=False)]
Timeout = Annotated[float, typer.Option("--timeout", metavar="SECONDS", min=0, help="Seconds to wait for verdicts.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the verdicts; the exit code is that of the worst.")]


def drop(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Files to land.", show_default=False)],
    dataset: Dataset,
    business_date: BusinessDate = None,
    fields: Fields = None,
    fault: FaultName = None,
    wait: Wait = False,
    timeout_s: Timeout = 3600,
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
    _refuse_no_files(files)
    console = Terminal(stderr=True)
    day = business_date or date.today()  # noqa: DTZ011 - today in the user's own time zone
    deliveries = land(settings, files, dataset, day, read_fields(fields or []), fault)
    for file, delivery in zip(files, deliveries, strict=True):
        told = f"landed {delivery.first.uri} as delivery {delivery.id}{_renamed(file, delivery.first.key)}"
        console.print(told, soft_wrap=True)
    if wait:
        _warn_if_not_served(settings, timeout_s, console)
    judged = await_verdicts(settings, deliveries, timeout_s, console) if wait else {}
    if json:
        print_as_json(deliveries, judged)
    elif wait:
        print_verdicts(deliveries, judged, Terminal(), addresses_of(settings))
    return exit_code(deliveries, judged) if wait else 0


def _refuse_no_files(files: Sequence[Path]) -> None:
    if folders := [file for file in files if file.is_dir()]:
        inside = sorted(str(file) for file in _some_in(folders[0]) if file.is_file())
        more = ", and others" if len(inside) > 2 else ""
        told = f"it has {', '.join(inside[:2])}{more}" if inside else "it holds no file"
        raise UsageProblem(f"{folders[0]} is a folder: name the files in it; {told}")
    if missing := [file for file in files if not file.is_file()]:
        near = did_you_mean(missing[0].name, [file.name for file in _some_in(missing[0].parent)]).removesuffix(";")
        raise UsageProblem(f"these files do not exist: {', '.join(map(str, missing))}{near}")


def _some_in(folder: Path) -> list[Path]:
    """Return what is in the folder, a thousand at most; nothing if it cannot be read."""
    with suppress(OSError):
        return list(islice(folder.iterdir(), 1000))
    return []


def _check_fault(fault: str | None, *, in_sandbox: bool) -> None:
    if fault is None:
        return
    if fault not in _faults():
        known = "\n".join(f"  {name}: {what}" for name, what in _faults().items())
        near = did_you_mean(fault, _faults())
        raise UsageList(f"{fault!r} is not a fault of the sandbox{near} its faults are:\n{known}")
    if not in_sandbox:
        raise UsageProblem("--fault works in the sandbox only; start `aceite up --sandbox`")


def _faults() -> Mapping[str, str]:
    from cli.verbs.installing.sandbox import require_sandbox

    require_sandbox()
    from sandbox.pipeline.deployed.injected_faults import FAULTS

    return FAULTS


def _renamed(file: Path, key: str) -> str:
    """Return how the line about a landed file goes on if the key template gave it another suffix."""
    suffix = PurePosixPath(key).suffix
    if suffix.lower() == file.suffix.lower():
        return ""
    return f"; {file.name} is {PurePosixPath(key).name} there, as the key template says, with the same bytes"


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
