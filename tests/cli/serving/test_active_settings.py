"""What `aceite up` asks Prefect before it starts anything, without keeping Prefect in its process."""

import os
import subprocess
import sys

import pytest
from repository import ROOT

from cli.serving.active_settings import ActiveSettings, active_settings

PROFILES = """
active = "office"

[profiles.office]
PREFECT_API_URL = "http://prefect.office/api"
PREFECT_SERVER_CSRF_PROTECTION_ENABLED = "true"
"""


def test_the_active_profile_says_which_server_is_used(tmp_path, monkeypatch):
    (tmp_path / "profiles.toml").write_text(PROFILES, encoding="utf-8")
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    assert active_settings() == ActiveSettings("http://prefect.office/api", csrf_protection=True)
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


@pytest.mark.parametrize("heavy", ["prefect", "boto3", "duckdb", "moto", "pyarrow"])
def test_the_command_that_serves_keeps_nothing_heavy_in_its_process(heavy):
    """It lives as long as what it serves, and all that it does is done by other processes."""
    modules = "cli.main, cli.serving.installation, cli.serving.connection, cli.deliveries.news, flows.ledger"
    told = python(f"import sys, {modules}; print({heavy!r} in sys.modules)")
    assert told.stdout.strip() == "False", told.stderr
