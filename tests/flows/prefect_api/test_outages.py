"""Prefect's server is away for longer than Prefect's own loops wait, and comes back."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
import warm_flows
from polling import eventually
from prefect.client.orchestration import get_client
from prefect.context import _temporary_global_settings_context, get_settings_context
from prefect.deployments.runner import RunnerDeployment
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Cancelling
from prefect.types.entrypoint import EntrypointType
from prefect_database import with_tables
from repository import ROOT
from served_worker import Served, serving, written_by_run

from cli.serving.child_process import ChildProcess
from cli.serving.flows_server import _runner

pytestmark = pytest.mark.proof


@dataclass
class KillableServer:
    """A Prefect server that can be killed, and is the same again when it is started."""

    home: Path
    port: int
    child: ChildProcess | None = None

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def start(self) -> None:
        settings = {"PREFECT_HOME": str(self.home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
        arguments = ("cli.serving.prefect_server", "--port", str(self.port))
        self.child = ChildProcess("Prefect's server", arguments, {**os.environ, **settings}, self.home / "server.log")
        self.child.await_ready(180)

    def kill(self) -> None:
        assert self.child is not None
        psutil.Process(self.child.pid).kill()
        self.child.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KillableServer]:
    """The calling process, which asks but once, uses it as its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mortal = KillableServer(with_tables(tmp_path), port)
    mortal.start()
    settings = {PREFECT_API_URL: mortal.api, PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(settings), _temporary_global_settings_context(get_settings_context()):
        yield mortal
    assert mortal.child is not None
    mortal.child.stop()


def given_up(served: Served) -> bool:
    """Whether Prefect's observer of cancellations has."""
    assert served.thread.is_alive(), "the worker ended"
    polling = served.worker._execution._observer._polling_task
    return polling is not None and polling.done()


def test_the_worker_runs_and_cancels_when_the_server_is_back(server, tmp_path):
    with serving("away", processes=2) as served:
        run = served.start(warm_flows.wait, tmp_path, within_s=600)
        pid = written_by_run(tmp_path, "begun")
        server.kill()
        eventually(lambda: given_up(served), "the end of Prefect's patience", within_s=180)
        server.start()
        served.client.set_flow_run_state(run, Cancelling())
        assert written_by_run(tmp_path, "restored") == pid
        assert served.end_of(run).name == "Cancelled"
        assert served.run(warm_flows.report, tmp_path).name == "Completed"


AWAY_S = 20
"""Prefect's runner asks every two seconds, and ends when three questions in a row had no answer."""


def test_the_runner_runs_when_the_server_is_back(server, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), str(Path(warm_flows.__file__).parent))))
    made: Any = warm_flows.report.to_deployment("away", entrypoint_type=EntrypointType.MODULE_PATH)
    deployment = cast(RunnerDeployment, made)

    def go_away_and_run() -> None:
        server.kill()
        back = time.monotonic() + AWAY_S
        eventually(lambda: time.monotonic() > back, "the end of the outage")
        server.start()
        with get_client(sync_client=True) as client:
            found = client.read_deployment_by_name("report/away")
            client.create_flow_run_from_deployment(found.id, parameters={"folder": str(tmp_path)})
        written_by_run(tmp_path, "report")

    async def serve() -> None:
        async with _runner(1, deployment):
            await asyncio.to_thread(go_away_and_run)

    asyncio.run(serve())
