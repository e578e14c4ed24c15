"""Runs in processes that are up already, on a real Prefect server: what they share, and what they must not."""

import asyncio
import contextvars
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import boto3
import psutil
import pytest
import warm_flows
from asking import eventually
from moto.server import ThreadedMotoServer
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import SetStateStatus
from prefect.deployments.runner import RunnerDeployment
from prefect.settings import PREFECT_WORKER_QUERY_SECONDS, temporary_settings
from prefect.states import Cancelling, Crashed
from prefect.types.entrypoint import EntrypointType

from blocks.build import save_blocks
from blocks.settings import read_settings
from flows.locks.holder import Holder, is_over
from flows.workers.child import TERMINATED
from flows.workers.pool import NoWarmProcess, Share
from flows.workers.worker import WarmWorker, environment_of_processes

ROOT = Path(__file__).parents[2]
FLOWS = (warm_flows.report, warm_flows.wait)


@dataclass
class Served:
    """A worker with its processes, and the work pool that it serves."""

    worker: WarmWorker
    client: SyncPrefectClient
    thread: threading.Thread

    def start(self, flow: Flow[..., Any], folder: Path, within_s: float | None = 100, **parameters: Any) -> UUID:
        deployment = cast(
            RunnerDeployment,
            flow.to_deployment(
                f"{self.worker._work_pool_name} {within_s}",
                work_pool_name=self.worker._work_pool_name,
                job_variables={"grace_s": 2} | ({"within_s": within_s} if within_s else {}),
                entrypoint_type=EntrypointType.MODULE_PATH,
            ),
        )
        deployment_id = cast(UUID, deployment.apply())
        parameters = {"folder": str(folder), **parameters}
        return self.client.create_flow_run_from_deployment(deployment_id, parameters=parameters).id

    def run(self, flow: Flow[..., Any], folder: Path, **parameters: Any) -> State:
        return self.end_of(self.start(flow, folder, **parameters))

    def end_of(self, run: UUID) -> State:
        def final() -> State | None:
            assert self.thread.is_alive(), "the worker ended"
            state = self.client.read_flow_run(run).state
            return state if state is not None and state.is_final() else None

        return eventually(final, "the run's end")

    @property
    def pids(self) -> set[int]:
        return {process.pid for process in self.worker.pool.processes}


def run(serving: Coroutine[Any, Any, None]) -> None:
    with suppress(NoWarmProcess):  # who waits for the worker sees that its thread is over
        asyncio.run(serving)


@contextmanager
def serving(pool: str, processes: int = 1, share: Share | None = None, more: Sequence[str] = ()) -> Iterator[Served]:
    environment = environment_of_processes(30)
    environment["PYTHONPATH"] = os.pathsep.join((str(ROOT), str(Path(__file__).parent)))
    environment["KEPT"] = "kept"
    preloaded = (*(f"warm_flows.{flow.fn.__name__}" for flow in FLOWS), *more)
    worker = WarmWorker(pool, processes, preloaded, environment, share, lambda _: timedelta(seconds=2))
    loops: list[asyncio.AbstractEventLoop] = []
    stop = asyncio.Event()

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        working = asyncio.create_task(worker.start(printer=lambda _: None))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            await worker.end_runs()
            working.cancel()
        await asyncio.gather(working, return_exceptions=stop.is_set())

    with temporary_settings({PREFECT_WORKER_QUERY_SECONDS: 0.2}):
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(run, serve()))
        thread.start()
    try:
        eventually(lambda: worker.is_setup or not thread.is_alive(), "the worker")
        assert thread.is_alive(), "the worker ended"
        with get_client(sync_client=True) as client:
            yield Served(worker, client, thread)
    finally:
        left = [process.pid for process in worker.pool.processes]
        if thread.is_alive():
            loops[0].call_soon_threadsafe(stop.set)
        thread.join(90)
        assert not [pid for pid in left if psutil.pid_exists(pid)], "processes are left"


@pytest.fixture(scope="module")
def served(prefect_server: str) -> Iterator[Served]:
    """One process, so that a run comes after another in it."""
    with serving("warm") as made:
        yield made


def told(folder: Path, name: str) -> Any:
    path = folder / f"{name}.json"
    return json.loads(eventually(lambda: path.exists() and path.read_text(encoding="utf-8"), name))


def test_a_run_goes_to_a_process_that_was_up_before_it_was_created(served, tmp_path):
    pids = served.pids
    assert served.run(warm_flows.report, tmp_path, name="first").name == "Completed"
    assert served.run(warm_flows.report, tmp_path, name="second").name == "Completed"
    assert {told(tmp_path, "first")["pid"], told(tmp_path, "second")["pid"]} == pids
    assert told(tmp_path, "first")["run"] != told(tmp_path, "second")["run"]


def test_nothing_that_a_run_leaves_behind_is_found_by_the_next(served, tmp_path):
    served.run(warm_flows.report, tmp_path, name="before")
    assert served.run(warm_flows.leave_things_behind, tmp_path).name == "Completed"
    served.run(warm_flows.report, tmp_path, name="after")
    before, after = (told(tmp_path, name) for name in ("before", "after"))
    left = told(tmp_path, "left")
    assert before["pid"] == left["pid"] == after["pid"], "they ran in one process"
    assert {**after, "run": None} == {**before, "run": None}
    assert before["temporary"] == []
    assert "KEPT" in before["variables"]
    assert not Path(left["file"]).exists()


def test_a_run_that_fails_ends_as_failed_and_its_process_goes_on(served, tmp_path):
    pids = served.pids
    state = served.run(warm_flows.fail, tmp_path)
    assert (state.name, "as expected" in str(state.message)) == ("Failed", True)
    served.run(warm_flows.report, tmp_path)
    assert {told(tmp_path, "report")["pid"]} == pids


def test_a_run_that_was_taken_for_dead_holds_what_it_holds_until_its_process_has_done_with_it(served, tmp_path):
    pids, run = served.pids, served.start(warm_flows.hold, tmp_path)
    holder = Holder.model_validate(told(tmp_path, "holder"))
    assert served.client.set_flow_run_state(run, Crashed()).status is SetStateStatus.ACCEPT
    assert not is_over(holder)
    (tmp_path / "go").touch()
    eventually(lambda: is_over(holder), "the run's end")
    eventually(lambda: not Path(holder.folder).exists(), "nothing of the run")
    assert served.pids == pids == {holder.pid}, "its process goes on"


def test_a_flow_may_be_a_coroutine(served, tmp_path):
    pids = served.pids
    assert served.run(warm_flows.wait_as_a_coroutine, tmp_path).name == "Completed"
    assert {told(tmp_path, "coroutine")} == pids


def test_a_second_run_waits_while_the_only_process_is_busy(served, tmp_path):
    busy = served.start(warm_flows.wait, tmp_path)
    told(tmp_path, "begun")
    second = served.start(warm_flows.report, tmp_path)
    state = served.client.read_flow_run(second).state
    assert state is not None
    assert state.is_scheduled()
    (tmp_path / "go").touch()
    assert served.end_of(busy).name == "Completed"
    assert served.end_of(second).name == "Completed"


def test_a_cancelled_run_can_restore_what_it_changed_its_hook_runs_and_the_next_run_has_another_process(
    served, tmp_path
):
    run = served.start(warm_flows.wait, tmp_path)
    pid = told(tmp_path, "begun")
    served.client.set_flow_run_state(run, Cancelling())
    assert told(tmp_path, "restored") == pid
    assert served.end_of(run).name == "Cancelled"
    assert told(tmp_path, "cancelled")
    served.run(warm_flows.report, tmp_path)
    assert told(tmp_path, "report")["pid"] != pid


@pytest.mark.parametrize("within_s", [2, None], ids=["of its work pool", "of its contract"])
def test_a_run_is_ended_at_its_deadline_and_its_hook_runs(served, tmp_path, within_s):
    run = served.start(warm_flows.wait, tmp_path, within_s=within_s)
    pid = told(tmp_path, "begun")
    assert served.end_of(run).name == "Crashed"
    assert told(tmp_path, "restored") == pid
    assert told(tmp_path, "crashed") == "Crashed"
    served.run(warm_flows.report, tmp_path)
    assert told(tmp_path, "report")["pid"] != pid


def test_a_run_that_does_not_end_at_its_deadline_is_killed(served, tmp_path):
    run = served.start(warm_flows.wait, tmp_path, within_s=2, stubborn=True)
    pid = told(tmp_path, "begun")
    assert served.end_of(run).name == "Crashed"
    assert told(tmp_path, "crashed") == "Crashed"
    eventually(lambda: not psutil.pid_exists(pid), "the process's end")


def test_a_run_whose_process_dies_is_crashed_its_hook_runs_and_the_process_is_replaced(served, tmp_path):
    state = served.run(warm_flows.die, tmp_path)
    assert state.name == "Crashed"
    assert told(tmp_path, "crashed") == "Crashed"
    served.run(warm_flows.report, tmp_path)
    assert told(tmp_path, "report")["pid"] != told(tmp_path, "begun")


def test_a_process_that_dies_while_idle_is_replaced_and_no_run_sees_it(served, tmp_path):
    (pid,) = served.pids
    psutil.Process(pid).kill()
    assert served.run(warm_flows.report, tmp_path).name == "Completed"
    assert told(tmp_path, "report")["pid"] != pid


@pytest.mark.proof
def test_a_process_is_replaced_after_its_share_of_runs(prefect_server, tmp_path):
    with serving("runs", share=Share(runs=2)) as served:
        for name in ("1", "2", "3"):
            served.run(warm_flows.report, tmp_path, name=name)
    first, second, third = (told(tmp_path, name)["pid"] for name in ("1", "2", "3"))
    assert first == second
    assert third != first


@pytest.mark.proof
def test_a_process_is_replaced_when_it_holds_too_much_memory(prefect_server, tmp_path):
    with serving("memory", share=Share(memory_bytes=1)) as served:
        for name in ("1", "2"):
            served.run(warm_flows.report, tmp_path, name=name)
    assert told(tmp_path, "1")["pid"] != told(tmp_path, "2")["pid"]


@pytest.fixture
def aws() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.mark.proof
def test_runs_of_two_accounts_in_turn_use_the_clients_of_their_own(prefect_server, aws, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    sts = boto3.Session("any", "thing", region_name="us-east-1").client("sts", endpoint_url=aws)

    def use(account: str) -> None:
        role = f"arn:aws:iam::{account}:role/pipeline"
        keys = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        settings = {
            "aws_access_key_id": keys["AccessKeyId"],
            "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys["SessionToken"],
        }
        save_blocks(read_settings(**settings, aws_region="us-east-1", aws_endpoint_url=aws))

    use("111111111111")
    with serving("accounts", processes=2, more=("flows.installation.clients.load_clients",)) as served:
        for name, account in (("1", "111111111111"), ("2", "222222222222"), ("3", "111111111111")):
            use(account)
            assert served.run(warm_flows.which_account, tmp_path, name=name).name == "Completed"
            assert told(tmp_path, name) == {"loaded": account, "told": account}


def test_a_process_ends_with_its_standard_input_whatever_it_does():
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.workers.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        assert process.stdout.readline() == b"ready\n"
        process.stdin.close()
        assert process.wait(60) == 0


def test_a_run_whose_process_is_told_to_end_before_the_run_began_never_begins(tmp_path):
    flow_run = FlowRun(flow_id=uuid4(), parameters={"folder": str(tmp_path)}).model_dump(mode="json")
    job = {"entrypoint": "warm_flows.wait", "flow_run": flow_run, "environment": {}, "folder": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.workers.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        assert process.stdout.readline() == b"ready\n"
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.close()
        assert process.wait(20) in (TERMINATED, -signal.SIGTERM)  # by itself, or by what ends a run that began just now


def test_what_a_process_may_not_load_is_said_when_the_worker_starts(prefect_server):
    with pytest.raises(AssertionError, match="the worker ended"), serving("broken", more=("warm_flows.no_such_flow",)):
        pass
