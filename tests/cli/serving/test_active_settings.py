"""What `aceite up` asks Prefect before it starts anything, without keeping Prefect in its process."""

import os
import subprocess
import sys

from repository import ROOT

from cli.serving.active_settings import ActiveSettings, active_settings

PROFILES = """
active = "office"

[profiles.office]
PREFECT_API_URL = "http://prefect.office/api"
PREFECT_SERVER_CSRF_PROTECTION_ENABLED = "true"
PREFECT_SERVER_API_AUTH_STRING = "office:secret"
"""


def test_the_active_profile_says_which_server_is_used(tmp_path, monkeypatch):
    (tmp_path / "profiles.toml").write_text(PROFILES, encoding="utf-8")
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    found = active_settings()
    assert found == ActiveSettings("http://prefect.office/api", csrf_protection=True, server_auth="office:secret")
    assert "secret" not in repr(found)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    assert active_settings().api_url == "http://127.0.0.1:4200/api"


def python(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, "PYTHONUTF8": "1", **environment}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, encoding="utf-8", check=False
    )


def test_settings_that_prefect_cannot_read_are_told_as_prefect_tells_them():
    ask = "from cli.serving.active_settings import active_settings; active_settings()"
    told = python(ask, PREFECT_SERVER_CSRF_PROTECTION_ENABLED="perhaps")
    assert told.returncode
    assert "csrf_protection_enabled" in told.stderr


SERVING = """
import sys
from pathlib import Path
import cli.main, cli.serving.installation, cli.serving.connection, cli.deliveries.news, flows.ledger
from cli.serving.active_settings import active_settings
from cli.serving.auth_string import choose_auth_string
choose_auth_string(Path(), active_settings(), is_sandbox=True, no_auth=False)
print(*sys.modules)
"""


def test_the_command_that_serves_keeps_nothing_heavy_in_its_process():
    """It lives as long as what it serves, and all that it does is done by other processes."""
    told = python(SERVING)
    assert "flows.ledger" in told.stdout, told.stderr
    assert {"prefect", "boto3", "duckdb", "moto", "pyarrow"}.intersection(told.stdout.split()) == set()
