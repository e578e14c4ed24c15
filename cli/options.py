"""Options that several verbs share. Each becomes an environment variable for the program and its child processes."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from acceptance.errors import AceiteError, ListedError

EXIT_ACCEPTED = 0
EXIT_REJECTED = 1
EXIT_INCONCLUSIVE = 2
EXIT_FAILURE = 2
"""The exit code of a verb that failed. 1 is the negative answer of a verb that did not fail."""
EXIT_USAGE = 64


class UsageProblem(AceiteError):
    """The command line names something that does not exist, such as a file or a dataset, or contradicts itself."""


class UsageList(ListedError, UsageProblem):
    """A usage problem whose message lists what to write instead, one item a line."""


def read_date(text: str) -> date:
    """Return the business date that an option names."""
    for written in ("%Y-%m-%d", "%Y%m%d"):
        with suppress(ValueError):
            return datetime.strptime(text, written).date()  # noqa: DTZ007 - a day has no zone
    raise typer.BadParameter(f"{text!r} is not a date; write 2026-01-31 or 20260131")


def read_uri(text: str) -> tuple[str, str]:
    """Return the bucket and the key of an S3 object."""
    bucket, _, key = text.removeprefix("s3://").partition("/")
    if not (text.startswith("s3://") and bucket and key):
        raise UsageProblem(f"{text!r} is not the URI of an S3 object; write s3://bucket/key")
    return bucket, key


def _folder(text: str) -> Path:
    if not text:
        raise typer.BadParameter("the value is empty; give a folder, or omit the option")
    return Path(text).expanduser().absolute()


def writable_file(path: Path, option: str) -> Path:
    """Return the path. Raise UsageProblem if no file can be written there, before the work begins."""
    if path.is_dir():
        raise UsageProblem(f"{option} {path} is a folder; give a file in it")
    if not path.absolute().parent.is_dir():
        raise UsageProblem(
            f"{option} {path}: the folder {path.parent} does not exist; create it, or give a file in another folder"
        )
    return path


def _store_setting(variable: str) -> Callable[[object], object]:
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


class EngineKind(StrEnum):
    DUCKDB = "duckdb"
    TRINO = "trino"


def _one_of(kind: type[StrEnum]) -> str:
    return "|".join(kind)


def _folder_option(flag: str, variable: str, purpose: str, default: str) -> Any:
    return typer.Option(
        flag,
        help=f"{purpose} [env: {variable}; default: {default}]",
        parser=_folder,
        metavar="FOLDER",
        callback=_store_setting(variable),
        show_default=False,
    )


def _port_option(flag: str, purpose: str) -> Any:
    return typer.Option(flag, metavar="PORT", min=0, max=65535, help=purpose, show_default=False)


Contracts = Annotated[
    Path | None, _folder_option("--contracts", "ACEITE_CONTRACTS", "Folder with the contracts.", "contracts")
]
Home = Annotated[
    Path | None,
    _folder_option(
        "--home", "ACEITE_HOME", "Folder of the ledger, the embedded server's data and the logs.", "~/.aceite"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document to standard output, and nothing else.")]
AwsPort = Annotated[int | None, _port_option("--aws-port", "Port of the sandbox; 0 for any free one. [default: 5000]")]
PrefectPort = Annotated[
    int | None,
    _port_option(
        "--prefect-port",
        "Start a Prefect server on this port; 0 for any free one. [default: the active profile's, else 4200]",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="NUMBER",
        min=1,
        help="Number of validations that run at the same time. [env: ACEITE_WORKERS; default: the number of cores]",
        callback=_store_setting("ACEITE_WORKERS"),
        show_default=False,
    ),
]
Runner = Annotated[
    RunnerKind | None,
    typer.Option(
        "--runner",
        metavar=_one_of(RunnerKind),
        help="warm: runs use processes that are started already; process: Prefect starts a process for each run. "
        "[env: ACEITE_RUNNER; default: warm]",
        callback=_store_setting("ACEITE_RUNNER"),
        show_default=False,
    ),
]
Engine = Annotated[
    EngineKind,
    typer.Option(
        "--engine",
        metavar=_one_of(EngineKind),
        help="What runs the queries of the sandbox's Athena. trino: Athena's own engine, which Maven fetches once, and "
        "Java 24 or newer runs.",
    ),
]
Only = Annotated[
    ServedPart | None,
    typer.Option("--only", metavar=_one_of(ServedPart), help="Serve or register only this part.", show_default=False),
]


def _sha256(text: str | None) -> str | None:
    """Return the hash in lower case, or None. It is compared later, when a wrong one would look like a cut chain."""
    if text is None or re.fullmatch(r"[0-9a-fA-F]{64}", text):
        return text and text.lower()
    raise typer.BadParameter(
        f"{text!r} is no SHA-256, which has 64 hexadecimal digits; `aceite evidence verify` prints that of the last "
        "manifest"
    )


NotedHead = Annotated[
    str | None,
    typer.Option(
        "--noted-head",
        metavar="SHA256",
        callback=_sha256,
        help="SHA-256 of a manifest, as noted elsewhere; the chain must contain it. Up to there, manifests need no "
        "signature.",
        show_default=False,
    ),
]
