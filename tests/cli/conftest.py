"""The command as a process of its own, in an empty folder, without anything of the machine's AWS or Prefect."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from repository import CONTRACTS, ROOT

NOBODY = "http://127.0.0.1:9"
"""The port of the discard service, where nobody listens."""

Alone = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def alone(tmp_path: Path) -> Alone:
    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ACEITE_", "PREFECT_"))
        }
        ours = {
            "ACEITE_HOME": str(tmp_path / "home"),
            "ACEITE_CONTRACTS": str(CONTRACTS),
            "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "PREFECT_HOME": str(tmp_path / "prefect"),
            "PREFECT_API_URL": f"{NOBODY}/api",
            "PYTHONPATH": str(ROOT),
            "PYTHONUTF8": "1",
        }
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=tmp_path,
            env={**kept, **ours, **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=120,
        )

    return run
