"""Starts the processes that run Lambda handlers and Glue scripts. Each ends when its standard input closes."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

RUNTIME = Path(__file__).parent / "runtime"


def environment(endpoint: str, region_name: str) -> dict[str, str]:
    """Return this process's environment variables, with the sandbox in place of any AWS account."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **inherited,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region_name,
        "AWS_DEFAULT_REGION": region_name,
        "AWS_ACCESS_KEY_ID": "pipeline",  # Aceite signs with "sandbox", so faults can select one of the two
        "AWS_SECRET_ACCESS_KEY": "pipeline",
        "PYTHONUTF8": "1",
    }


def start_python(
    program: str,
    arguments: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
    output: IO[bytes] | int = subprocess.PIPE,
    errors: IO[bytes] | int = subprocess.PIPE,
) -> "subprocess.Popen[str]":
    """Start a program of runtime/ in `folder`, which has its temporary files too. Its streams are UTF-8 text."""
    return subprocess.Popen(
        [sys.executable, str(RUNTIME / program), *arguments],
        cwd=folder,
        env={**variables, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))},
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=errors,
        encoding="utf-8",
        errors="replace",
    )
