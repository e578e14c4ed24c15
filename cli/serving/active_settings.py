"""The settings of Prefect that the command needs, asked for in a process of its own.

The command lives as long as what it serves, and would keep what importing Prefect takes: 65 MB.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field

from cli.serving.child_process import READY, print_ready


@dataclass(frozen=True, slots=True)
class ActiveSettings:
    """`csrf_protection`: a server with these settings wants a token with each request.

    `server_auth` is the password that a server with them asks for, `client_auth` the one that a client sends.
    """

    api_url: str | None
    csrf_protection: bool
    server_auth: str | None = field(default=None, repr=False)
    client_auth: str | None = field(default=None, repr=False)


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
        return read_here()  # raises here what ended the process
    return ActiveSettings(**json.loads(asked.stdout.splitlines()[-1].removeprefix(f"{READY} ")))


def read_here() -> ActiveSettings:
    """Return the same in this process, which imports Prefect for it."""
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    server, client = settings.server.api.auth_string, settings.api.auth_string
    return ActiveSettings(
        settings.api.url,
        settings.server.api.csrf_protection_enabled,
        server.get_secret_value() if server is not None else None,
        client.get_secret_value() if client is not None else None,
    )


if __name__ == "__main__":
    print_ready(json.dumps(asdict(read_here())))
