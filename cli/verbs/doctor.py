"""`aceite doctor` checks every precondition, and prints a remedy for each that does not hold."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from cli.options import Contracts, Home, Json
from cli.terminal import Terminal, print_json, wrapped

if TYPE_CHECKING:
    from blocks.settings import Settings
    from cli.doctor.looks.findings import Finding
    from cli.doctor.runner import Precondition

_WORDS = {"green": ("ok", "green"), "red": ("FAILED", "bold red"), "grey": ("not checked", "dim")}
"""Words beside the colours, for logs, colour-blind people and an old cmd.exe."""
_WIDEST_WORD, _WIDEST_NAME, _GAP = len("not checked"), 38, 2


def doctor(
    within_s: Annotated[
        float, typer.Option("--within", metavar="SECONDS", min=1, help="Seconds that each look may take.")
    ] = 10,
    json: Json = False,
    contracts: Contracts = None,
    home: Home = None,
) -> int:
    """Check every precondition, and print remedies. Changes nothing.

    Exit code 0 if all hold, else 1.
    """
    from cli.doctor.looks.findings import LookOutcome
    from cli.doctor.runner import end_although_looks_hang

    findings = _findings(within_s)
    green = all(finding.outcome is LookOutcome.GREEN for finding in findings)
    if json:
        document = {"green": green, "findings": [asdict(finding) for finding in findings]}
        print_json(document)
    else:
        _print(findings, Terminal())
    end_although_looks_hang(int(not green))
    return int(not green)


def _findings(within_s: float) -> tuple[Finding, ...]:
    from acceptance.errors import SettingsError
    from cli.doctor.looks.findings import Finding, LookOutcome
    from cli.serving.connection import share_settings

    try:
        settings = share_settings()
    except SettingsError as error:
        remedy = (
            "correct them in the environment or in the file .env of the current folder, then run `aceite doctor` again"
        )
        return (Finding("settings", LookOutcome.RED, str(error), remedy),)
    from cli.doctor.runner import look_at

    return look_at(_preconditions(settings), within_s)


def _preconditions(settings: Settings) -> list[Precondition]:
    from acceptance.errors import ContractError
    from cli.doctor.clients import DoctorClients
    from cli.doctor.plan import of_contracts, of_installation
    from flows.installation.contracts import ContractFile, check_contracts, contract_variables

    try:
        files = check_contracts([settings.contracts], contract_variables(settings.landing_bucket))
    except ContractError as error:
        files = (ContractFile(settings.contracts, None, error.problems),)
    usable = [file.contract for file in files if file.contract is not None and not file.problems]
    return [*of_contracts(files), *of_installation(settings, usable, DoctorClients(settings))]


def _print(findings: tuple[Finding, ...], console: Terminal) -> None:
    """Print three columns. A remedy gets its own line, so that a command in it can be copied."""
    from cli.doctor.looks.findings import LookOutcome

    widest = min(max(len(finding.name) for finding in findings), _WIDEST_NAME)
    for finding in findings:
        word, style = _WORDS[finding.outcome]
        row = Table.grid(padding=(0, _GAP, 0, 0))
        row.add_column(width=_WIDEST_WORD)
        row.add_column(width=widest, overflow="fold")
        row.add_column(overflow="fold")
        row.add_row(Text(word, style=style), Text(finding.name, style=style), Text(finding.found))
        console.print(row)
        if finding.remedy:
            indent = _WIDEST_WORD + _GAP
            for part in wrapped(console, f"remedy: {finding.remedy}", indent):
                console.print(" " * indent + part, style="bold", soft_wrap=True)
    counts = {outcome: sum(finding.outcome is outcome for finding in findings) for outcome in LookOutcome}
    summary = (
        f"{counts[LookOutcome.GREEN]} ok, {counts[LookOutcome.RED]} failed, {counts[LookOutcome.GREY]} not checked"
    )
    console.print(summary, style="green" if counts[LookOutcome.GREEN] == len(findings) else "red")
