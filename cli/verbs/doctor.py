"""`aceite doctor` checks every precondition, and prints a remedy for each that does not hold."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from cli.options import Contracts, Home, Json
from cli.terminal import Terminal, print_json, wrapped

if TYPE_CHECKING:
    from blocks.settings import Settings
    from cli.doctor.looks.findings import Finding
    from cli.doctor.runner import Precondition

_WORDS = {
    "green": ("ok", "green"),
    "yellow": ("advice", "yellow"),
    "red": ("FAILED", "bold red"),
    "grey": ("not checked", "dim"),
}
"""Words beside the colours, for logs, colour-blind people and an old cmd.exe."""
_INDENT = len("not checked") + 2
_MOST_NAMES = 5
"""Checks that were not made are named up to this number; a long list of them hides what failed."""


def doctor(
    within_s: Annotated[
        float, typer.Option("--within", metavar="SECONDS", min=1, help="Seconds that each look may take.")
    ] = 10,
    json: Json = False,
    contracts: Contracts = None,
    home: Home = None,
) -> int:
    """Check every precondition, and print remedies. Changes nothing.

    Exit code 1 if one does not hold, else 0. Advice, and what could not be checked, are told and are no failure.
    """
    from cli.doctor.looks.findings import LookOutcome
    from cli.doctor.runner import end_although_looks_hang

    findings = _findings(within_s)
    failed = any(finding.outcome is LookOutcome.RED for finding in findings)
    if json:
        print_json({"green": not failed, "findings": [asdict(finding) for finding in findings]})
    else:
        _print(findings, Terminal())
    end_although_looks_hang(int(failed))
    return int(failed)


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
    from cli.doctor.plan import in_sandbox
    from cli.doctor.runner import look_at

    return look_at(_preconditions(settings), within_s, in_sandbox=in_sandbox(settings))


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
    """Print the findings in their order, then once what kept others from being looked at, and the counts."""
    from cli.doctor.looks.findings import LookOutcome

    not_made: dict[tuple[str, ...], list[str]] = {}
    for finding in findings:
        if finding.because:
            not_made.setdefault(finding.because, []).append(finding.name)
            continue
        word, style = _WORDS[finding.outcome]
        _print_finding(console, word, style, f"{finding.name}: {finding.found}")
        for part in wrapped(console, f"remedy: {finding.remedy}", _INDENT) if finding.remedy else ():
            console.print(" " * _INDENT + part, style="bold", soft_wrap=True)
    for because, names in not_made.items():
        _print_finding(console, *_WORDS[LookOutcome.GREY], _not_made(because, names))
    counts = {outcome: sum(finding.outcome is outcome for finding in findings) for outcome in LookOutcome}
    advice = f", {counts[LookOutcome.YELLOW]} with advice" if counts[LookOutcome.YELLOW] else ""
    console.print(
        f"{counts[LookOutcome.GREEN]} ok{advice}, {counts[LookOutcome.RED]} failed, "
        f"{counts[LookOutcome.GREY]} not checked",
        style="red" if counts[LookOutcome.RED] else "green",
    )


def _print_finding(console: Terminal, word: str, style: str, sentence: str) -> None:
    """Print the word, and beside it the sentence: a terminal of 80 columns leaves it 67."""
    for number, part in enumerate(wrapped(console, sentence, _INDENT)):
        console.print(Text(f"{'' if number else word:<{_INDENT}}", style=style) + Text(part), soft_wrap=True)


def _not_made(because: tuple[str, ...], names: list[str]) -> str:
    """Return one sentence about the checks that nobody could make for the same reason."""
    from cli.doctor.looks.findings import does_not_hold

    shown = ", ".join(names[:_MOST_NAMES])
    rest = f" and {len(names) - _MOST_NAMES} more (`aceite doctor --json` has all)" if names[_MOST_NAMES:] else ""
    many = "1 check was" if len(names) == 1 else f"{len(names)} checks were"
    return f"{many} not made, because {does_not_hold(because)}: {shown}{rest}"
