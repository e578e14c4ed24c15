"""The processes that run Lambda handlers and Glue scripts. Each ends when its standard input does."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

RUNTIME = Path(__file__).parent / "runtime"


def environment(endpoint: str, region_name: str) -> dict[str, str]:
    """The variables of this process, with the sandbox in place of whatever AWS account they speak of."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **inherited,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region_name,
        "AWS_DEFAULT_REGION": region_name,
        "AWS_ACCESS_KEY_ID": "pipeline",  # Aceite's own is "sandbox": so the two are told apart
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
    """Starts a program of runtime/ in `folder`; its streams are UTF-8 text."""
    return subprocess.Popen(
        [sys.executable, str(RUNTIME / program), *arguments],
        cwd=folder,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=errors,
        encoding="utf-8",
        errors="replace",
    )
