"""`aceite contracts check` prints problems by file and line; `aceite contracts init` writes a first contract."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acceptance.counted import counted
from cli.options import Contracts, Home, UsageProblem, writable_file
from cli.terminal import Terminal, print_command, print_document
from cli.usage import InOneStyle

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Check contracts, and write a first one.")


@app.callback()
def _contracts() -> None:
    """Check contracts, and write a first one."""


@app.command(cls=InOneStyle)
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Files or folders. [default: the folder with the contracts]"),
    ] = None,
    contracts: Contracts = None,
    home: Home = None,
) -> int:
    """Check contracts. Exit code 0 if all are valid, else 1; prints every problem as file:line."""
    from blocks.settings import read_settings
    from flows.installation.contracts import check_contracts, contract_variables

    settings = read_settings()
    variables = contract_variables(settings.landing_bucket)
    console, failed = Terminal(soft_wrap=True), 0
    files = check_contracts(paths or [settings.contracts], variables)
    for file in files:
        for problem in file.problems:
            console.print(str(problem), style="red")
        if file.contract is not None and not file.problems:
            summary = f"{file.contract.dataset} {file.contract.version}, {counted(len(file.contract.checks), 'check')}"
            console.print(f"{file.path}: {summary}", style="green")
            for remark in file.contract.notes:
                console.print(str(remark))
        elif not file.problems:
            note = "valid ODCS; not watched, as it has neither a landing server nor a pipeline"
            console.print(f"{file.path}: {note}")
        failed += bool(file.problems)
    console.print(f"{len(files) - failed} valid, {failed} refused")
    return int(failed > 0)


@app.command(cls=InOneStyle)
def init(
    source: Annotated[
        str,
        typer.Argument(
            metavar="s3://BUCKET/KEY|FILE",
            help="A sample file: CSV, JSON lines, Parquet, Avro or ORC; text may be packed.",
        ),
    ],
    dataset: Annotated[
        str | None, typer.Option(metavar="ID", help="The dataset's id. [default: derived from the name]")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="NAME,NAME...", help="The columns of a CSV without a header, in the file's order."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to write. [default: standard output]")
    ] = None,
    contracts: Contracts = None,
    home: Home = None,
) -> int:
    """Write a first contract from a sample: format and types as rules, a key as a guess, the rest as comments."""
    from cli.verbs.contracts_init import draft

    if output is not None and writable_file(output, "--output").exists():
        raise UsageProblem(f"{output} exists already; give another file, or remove it")
    text = draft(source, dataset, columns)
    if output is None:
        print_document(text)
        return 0
    output.write_text(text, encoding="utf-8", newline="\n")
    why = f"{output}: read its comments, then check it:"
    print_command(Terminal(stderr=True), why, "contracts", "check", str(output))
    return 0
