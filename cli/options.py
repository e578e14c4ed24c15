"""Options that every verb has. They are environment variables to the rest of the program and to its children."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from acceptance.errors import AceiteError

EXIT_ACCEPTED = 0
EXIT_REJECTED = 1
EXIT_INCONCLUSIVE = 2
EXIT_FAILURE = 2
"""Of every verb: it could not be done. A verb that judges, judged nothing; 1 is what it answers by itself."""
EXIT_USAGE = 64


class UsageProblem(AceiteError):
    """The command line asks for something that cannot be: a file that is not there, an unknown dataset."""


def _folder(text: str) -> Path:
    if not text:
        raise typer.BadParameter("it is empty; give a folder, or leave the option out")
    return Path(text)


def writable_file(path: Path, option: str) -> Path:
    """The path, if a file can be there. Said before the work begins whose result it is for."""
    if path.is_dir():
        raise UsageProblem(f"{option} {path} is a folder; name a file in it")
    if not path.absolute().parent.is_dir():
        raise UsageProblem(f"{option} {path}: there is no folder {path.parent}; make it, or name a file in another one")
    return path


def _into_environment(variable: str) -> object:
    def store(value: Path | None) -> Path | None:
        if value is not None:
            os.environ[variable] = str(value.expanduser().absolute())
        return value

    return store


def _as_setting(variable: str) -> object:
    def store(value: object) -> object:
        if value is not None:
            os.environ[variable] = str(getattr(value, "value", value))
        return value

    return store


class RunnerKind(StrEnum):
    WARM = "warm"
    PROCESS = "process"


class ServedPart(StrEnum):
    WATCHER = "watcher"
    VALIDATIONS = "validations"


Contracts = Annotated[
    Path | None,
    typer.Option(
        "--contracts",
        help="Folder of the contracts. [env: ACEITE_CONTRACTS; default: contracts]",
        parser=_folder,
        metavar="FOLDER",
        callback=_into_environment("ACEITE_CONTRACTS"),
        show_default=False,
    ),
]
Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="Folder of the ledger, the embedded server's data and the logs. [env: ACEITE_HOME; default: ~/.aceite]",
        parser=_folder,
        metavar="FOLDER",
        callback=_into_environment("ACEITE_HOME"),
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, and nothing else there.")]
AwsPort = Annotated[
    int | None,
    typer.Option(
        "--aws-port", min=0, max=65535, help="Port of the sandbox; 0 for any. [default: 5000]", show_default=False
    ),
]
PrefectPort = Annotated[
    int | None,
    typer.Option(
        "--prefect-port",
        min=0,
        max=65535,
        help="Start a Prefect server of our own on this port; 0 for any. [default: the active profile's, else 4200]",
        show_default=False,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        help="Validations that run at the same time. [env: ACEITE_WORKERS; default: the number of cores]",
        callback=_as_setting("ACEITE_WORKERS"),
        show_default=False,
    ),
]
Runner = Annotated[
    RunnerKind | None,
    typer.Option(
        "--runner",
        help="warm: in processes that are up already; process: Prefect's own way, a new process for each run. "
        "[env: ACEITE_RUNNER; default: warm]",
        callback=_as_setting("ACEITE_RUNNER"),
        show_default=False,
    ),
]
Only = Annotated[
    ServedPart | None,
    typer.Option("--only", help="Only this part; the other one stays where it is.", show_default=False),
]
