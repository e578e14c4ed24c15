"""The embedded server on SQLite: several clients write at the same time; a newer Prefect has migrated its database."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import prefect
import pytest
from prefect_database import with_tables

from cli.serving.child_process import ChildProcess, ChildProcessFailed
from cli.serving.prefect_database import refuse_newer_database

ROUNDS = 20


@pytest.fixture
def api(tmp_path: Path) -> Iterator[str]:
    environment = {
        **os.environ,
        "PREFECT_HOME": str(with_tables(tmp_path)),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    environment.pop("PREFECT_API_URL", None)
    server = ChildProcess("server", ("cli.serving.prefect_server", "--port", "0"), environment, tmp_path / "server.log")
    try:
        yield server.await_ready(180)
    finally:
        server.stop()


@pytest.mark.proof
def test_writers_wait_for_each_other_and_nobody_is_told_to_try_again(api):
    with httpx.Client(base_url=f"{api}/", timeout=60) as client:
        flow = client.post("flows/", json={"name": "flow"}).json()["id"]
        deployment = client.post("deployments/", json={"name": "deployment", "flow_id": flow}).json()["id"]

    def event() -> dict[str, object]:
        resource = {"prefect.resource.id": "somebody"}
        return {"id": str(uuid4()), "occurred": datetime.now(UTC).isoformat(), "event": "said", "resource": resource}

    def write(_: int) -> list[int]:
        """What the server answers, without the retries that Prefect's own clients make, two seconds apart."""
        codes = []
        with httpx.Client(base_url=f"{api}/", timeout=60) as client:
            for _ in range(ROUNDS):
                state = {"type": "RUNNING"}
                answers = (
                    client.post("flow_runs/", json={"flow_id": flow, "state": state}),
                    client.post("events", json=[event() for _ in range(5)]),
                    client.post(f"deployments/{deployment}/create_flow_run", json={}),
                )
                codes += [answer.status_code for answer in answers]
        return codes

    with ThreadPoolExecutor(4) as writers:
        codes = [code for answered in writers.map(write, range(4)) for code in answered]
    assert len(codes) == 4 * ROUNDS * 3
    assert set(codes) == {201, 204}


ACTS = """
from prefect.server.api.clients import OrchestrationClient
from prefect.settings import PREFECT_LOGGING_LEVEL, temporary_settings
from cli.serving.prefect_server import cached_app

app = cached_app()
for level in ("ERROR", "DEBUG"):
    with temporary_settings({PREFECT_LOGGING_LEVEL: level}):
        assert OrchestrationClient()._http_client._transport.app is app
"""
"""Prefect's own cache of apps is by all settings, whose key is what costs: with others it would build another app."""


def test_an_action_of_an_automation_finds_the_app_without_going_through_all_settings(tmp_path):
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    acted = subprocess.run([sys.executable, "-c", ACTS], env=environment, capture_output=True, text=True, check=False)
    assert acted.returncode == 0, acted.stderr


UNKNOWN_REVISION = "0123456789ab"


def test_a_server_refuses_a_database_that_a_newer_prefect_has_migrated_and_says_what_to_do(tmp_path):
    file = with_tables(tmp_path) / "prefect.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = ?", (UNKNOWN_REVISION,))
    before = file.read_bytes()
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    server = ChildProcess("server", ("cli.serving.prefect_server", "--port", "0"), environment, tmp_path / "server.log")
    try:
        with pytest.raises(ChildProcessFailed) as refused:
            server.await_ready(180)
    finally:
        server.stop()
    told = str(refused.value)
    assert (
        f"{file} was migrated by a newer Prefect (revision {UNKNOWN_REVISION}), and here is {prefect.__version__}."
        in told
    )
    assert "put back the copy of this file" in told
    assert "move the file away" in told
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["none.db", "empty.db", "known.db"])
def test_a_database_that_prefect_can_migrate_is_not_refused(tmp_path: Path, name):
    if name == "empty.db":
        sqlite3.connect(tmp_path / name).close()
    if name == "known.db":
        (with_tables(tmp_path) / "prefect.db").replace(tmp_path / name)
    refuse_newer_database(f"sqlite+aiosqlite:///{(tmp_path / name).as_posix()}")
    assert (tmp_path / name).exists() == (name != "none.db")


def test_a_database_of_another_kind_is_left_to_prefect():
    refuse_newer_database("postgresql+asyncpg://somebody@127.0.0.1:9/prefect")
