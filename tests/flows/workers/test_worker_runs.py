"""Runs in processes that are up already, on a real Prefect server: what they share, and what they must not."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import boto3
import psutil
import pytest
import warm_flows
from moto.server import ThreadedMotoServer
from polling import eventually
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import Cancelling, Crashed
from repository import ROOT
from served_worker import Served, serving, written_by_run

from blocks.build import save_blocks
from blocks.settings import read_settings
from flows.locks.holder import LockHolder, is_over
from flows.workers.child import TERMINATED
from flows.workers.pool import Share


@pytest.fixture(scope="module")
def served(prefect_server: str) -> Iterator[Served]:
    """One process, so that a run comes after another in it."""
    with serving("warm") as made:
        yield made


def test_a_run_goes_to_a_process_that_was_up_before_it_was_created(served, tmp_path):
    pids = served.pids
    assert served.run(warm_flows.report, tmp_path, name="first").name == "Completed"
    assert served.run(warm_flows.report, tmp_path, name="second").name == "Completed"
    assert {written_by_run(tmp_path, "first")["pid"], written_by_run(tmp_path, "second")["pid"]} == pids
    assert written_by_run(tmp_path, "first")["run"] != written_by_run(tmp_path, "second")["run"]


def test_nothing_that_a_run_leaves_behind_is_found_by_the_next(served, tmp_path):
    served.run(warm_flows.report, tmp_path, name="before")
    assert served.run(warm_flows.leave_things_behind, tmp_path).name == "Completed"
    served.run(warm_flows.report, tmp_path, name="after")
    before, after = (written_by_run(tmp_path, name) for name in ("before", "after"))
    left = written_by_run(tmp_path, "left")
    assert before["pid"] == left["pid"] == after["pid"], "they ran in one process"
    assert {**after, "run": None} == {**before, "run": None}
    assert before["temporary"] == []
    assert "KEPT" in before["variables"]
    assert not Path(left["file"]).exists()


def test_a_run_does_not_pay_for_collecting_what_its_process_holds_for_good(served, tmp_path):
    assert served.run(warm_flows.count_exempt, tmp_path).name == "Completed"
    assert written_by_run(tmp_path, "exempt")["objects"] > 100_000


def test_a_run_that_fails_ends_as_failed_and_its_process_goes_on(served, tmp_path):
    pids = served.pids
    state = served.run(warm_flows.fail, tmp_path)
    assert (state.name, "as expected" in str(state.message)) == ("Failed", True)
    served.run(warm_flows.report, tmp_path)
    assert {written_by_run(tmp_path, "report")["pid"]} == pids


def test_a_run_that_was_taken_for_dead_holds_what_it_holds_until_its_process_has_done_with_it(served, tmp_path):
    pids, run = served.pids, served.start(warm_flows.hold, tmp_path)
    holder = LockHolder.model_validate(written_by_run(tmp_path, "holder"))
    assert served.client.set_flow_run_state(run, Crashed()).status is SetStateStatus.ACCEPT
    later = datetime.now(UTC) + timedelta(hours=1)
    assert not is_over(holder, later)
    (tmp_path / "go").touch()
    eventually(lambda: is_over(holder, later), "the run's end")
    eventually(lambda: not Path(holder.folder).exists(), "nothing of the run")
    assert served.pids == pids == {holder.pid}, "its process goes on"


def test_a_flow_may_be_a_coroutine(served, tmp_path):
    pids = served.pids
    assert served.run(warm_flows.wait_as_a_coroutine, tmp_path).name == "Completed"
    assert {written_by_run(tmp_path, "coroutine")} == pids


def test_a_second_run_waits_while_the_only_process_is_busy(served, tmp_path):
    busy = served.start(warm_flows.wait, tmp_path)
    written_by_run(tmp_path, "begun")
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
    pid = written_by_run(tmp_path, "begun")
    served.client.set_flow_run_state(run, Cancelling())
    assert written_by_run(tmp_path, "restored") == pid
    assert served.end_of(run).name == "Cancelled"
    assert written_by_run(tmp_path, "cancelled")
    served.run(warm_flows.report, tmp_path)
    assert written_by_run(tmp_path, "report")["pid"] != pid


@pytest.mark.parametrize("within_s", [2, None], ids=["of its work pool", "of its contract"])
def test_a_run_is_ended_at_its_deadline_and_its_hook_runs(served, tmp_path, within_s):
    run = served.start(warm_flows.wait, tmp_path, within_s=within_s)
    pid = written_by_run(tmp_path, "begun")
    assert served.end_of(run).name == "Crashed"
    assert written_by_run(tmp_path, "restored") == pid
    assert written_by_run(tmp_path, "crashed") == "Crashed"
    served.run(warm_flows.report, tmp_path)
    assert written_by_run(tmp_path, "report")["pid"] != pid


def test_a_run_that_does_not_end_at_its_deadline_is_killed(served, tmp_path):
    run = served.start(warm_flows.wait, tmp_path, within_s=2, stubborn=True)
    pid = written_by_run(tmp_path, "begun")
    assert served.end_of(run).name == "Crashed"
    assert written_by_run(tmp_path, "crashed") == "Crashed"
    eventually(lambda: not psutil.pid_exists(pid), "the process's end")


def test_a_run_whose_process_dies_is_crashed_its_hook_runs_and_the_process_is_replaced(served, tmp_path):
    state = served.run(warm_flows.die, tmp_path)
    assert state.name == "Crashed"
    assert written_by_run(tmp_path, "crashed") == "Crashed"
    served.run(warm_flows.report, tmp_path)
    assert written_by_run(tmp_path, "report")["pid"] != written_by_run(tmp_path, "begun")


def test_a_process_that_dies_while_idle_is_replaced_and_no_run_sees_it(served, tmp_path):
    (pid,) = served.pids
    psutil.Process(pid).kill()
    assert served.run(warm_flows.report, tmp_path).name == "Completed"
    assert written_by_run(tmp_path, "report")["pid"] != pid


@pytest.mark.proof
def test_a_process_is_replaced_after_its_share_of_runs(prefect_server, tmp_path):
    with serving("runs", share=Share(runs=2)) as served:
        for name in ("1", "2", "3"):
            served.run(warm_flows.report, tmp_path, name=name)
    first, second, third = (written_by_run(tmp_path, name)["pid"] for name in ("1", "2", "3"))
    assert first == second
    assert third != first


@pytest.mark.proof
def test_a_process_is_replaced_when_it_holds_too_much_memory(prefect_server, tmp_path):
    with serving("memory", share=Share(memory_bytes=1)) as served:
        for name in ("1", "2"):
            served.run(warm_flows.report, tmp_path, name=name)
    assert written_by_run(tmp_path, "1")["pid"] != written_by_run(tmp_path, "2")["pid"]


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
            assert written_by_run(tmp_path, name) == {"loaded": account, "told": account}


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


def test_a_worker_hears_of_runs_also_after_its_work_pool_was_deleted_and_made_again(prefect_server, tmp_path):
    with serving("again", poll_s=3600) as made:
        assert made.run(warm_flows.report, tmp_path, name="before").name == "Completed"
        made.client.delete_work_pool("again")
        made.client.create_work_pool(WorkPoolCreate(name="again", type="aceite-warm"))
        assert made.run(warm_flows.report, tmp_path, name="after").name == "Completed"


def test_what_a_process_may_not_load_is_said_when_the_worker_starts(prefect_server):
    with pytest.raises(AssertionError, match="the worker ended"), serving("broken", more=("warm_flows.no_such_flow",)):
        pass
