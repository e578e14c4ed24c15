"""`aceite contracts check`: every problem with its file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.options import Contracts, Home

app = typer.Typer(no_args_is_help=True, help="Read the contracts.")


@app.callback()
def _contracts() -> None:
    """Read the contracts."""


@app.command()
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH...]", help="Files or folders. [default: the contracts' folder]"),
    ] = None,
    contracts: Contracts = None,
    home: Home = None,
) -> int:
    """Check contracts. Exit code 0, or 1 with every problem as file:line."""
    from blocks.settings import read_settings
    from flows.contracts import check_contracts, contract_variables

    settings = read_settings()
    variables = contract_variables(settings.landing_bucket)
    console, failed = Console(soft_wrap=True, highlight=False), False
    for file in check_contracts(paths or [settings.contracts], variables):
        for problem in file.problems:
            console.print(str(problem), style="red", markup=False)
        if file.contract is not None and not file.problems:
            told = f"{file.contract.dataset} {file.contract.version}, {len(file.contract.checks)} checks"
            console.print(f"{file.path}: {told}", style="green", markup=False)
        elif not file.problems:
            note = "valid ODCS; not watched, as it has neither a landing server nor a pipeline"
            console.print(f"{file.path}: {note}", markup=False)
        failed = failed or bool(file.problems)
    return int(failed)
