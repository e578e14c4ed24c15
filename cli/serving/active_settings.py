"""The settings of Prefect that the command needs, asked for in a process of its own.

The command lives as long as what it serves, and would keep what importing Prefect takes: 65 MB.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass

from cli.serving.child_process import READY, print_ready


@dataclass(frozen=True, slots=True)
class ActiveSettings:
    """`csrf_protection`: a server with these settings wants a token with each request."""

    api_url: str | None
    csrf_protection: bool


def active_settings() -> ActiveSettings:
    """Return what Prefect reads from the environment, the active profile and the files of the current folder.

    Raises what Prefect raises if it cannot read them.
    """
    asked = subprocess.run(
        [sys.executable, "-m", "cli.serving.active_settings"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "PYTHONUTF8": "1"},
        encoding="utf-8",
        check=False,
    )
    if asked.returncode:
        return _read()  # raises here what ended the process
    return ActiveSettings(**json.loads(asked.stdout.splitlines()[-1].removeprefix(f"{READY} ")))


def _read() -> ActiveSettings:
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    return ActiveSettings(settings.api.url, settings.server.api.csrf_protection_enabled)


if __name__ == "__main__":
    print_ready(json.dumps(asdict(_read())))
