"""Who can still do something with a delivery or a parameter: what Prefect's server says, and what is seen here."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelled, Cancelling, Completed, Crashed, Failed, Running
from prefect_processes import PrefectServer

from flows.locks import holder as locks
from flows.locks.holder import LockHolder, this_holder
from flows.prefect_api.runs import state_of_run
from flows.validate_delivery import validate_delivery
from flows.workers.isolation import nothing_left_behind

pytestmark = pytest.mark.usefixtures("prefect_server")


def is_over(holder: LockHolder, until: datetime | None = None) -> bool:
    """Whether it is, though its time is not up unless `until` says so."""
    return locks.is_over(holder, until or datetime.now(UTC) + timedelta(hours=1))


def elsewhere(run: str) -> LockHolder:
    """Who holds for this run on another machine."""
    return this_holder(run).model_copy(update={"place": "another machine"})


@pytest.fixture(scope="module")
def dead_pid() -> int:
    over = subprocess.Popen([sys.executable, "-c", ""])
    over.wait()
    return over.pid


def run_in(*states: State) -> str:
    """A run that went through these states."""
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(validate_delivery, parameters={"delivery": str(uuid4())}, state=states[0])
        for state in states[1:]:
            client.set_flow_run_state(run.id, state)
    return str(run.id)


@pytest.mark.parametrize(
    "states",
    [
        (Running(),),
        (Running(), Cancelling()),
        (Running(), Crashed()),
        (Running(), Cancelling(), Cancelled()),
        (Running(), Failed(message="it takes too long")),
        (Running(), Completed()),
    ],
    ids=[
        "it runs",
        "being cancelled",
        "taken for dead",
        "cancelled, and not told yet",
        "failed by hand",
        "and completed",
    ],
)
def test_a_run_whose_process_lives_is_not_over_whatever_the_server_was_told_by_others(states: tuple[State]) -> None:
    assert not is_over(this_holder(run_in(*states)))


@pytest.mark.parametrize(
    "state",
    [
        Completed(name="Accepted"),
        Failed(name="Rejected"),
        Failed(message="Flow run encountered an exception: ValueError: no"),
    ],
    ids=lambda it: it.name,
)
def test_a_run_that_came_to_its_end_is_over_though_its_process_goes_on(state: State) -> None:
    assert is_over(this_holder(run_in(Running(), state)))


def test_a_run_that_was_taken_for_dead_is_over_when_its_warm_process_has_done_with_it(tmp_path: Path) -> None:
    run, folder = run_in(Running(), Crashed()), tmp_path / "of the run"
    folder.mkdir()
    with nothing_left_behind({}, str(folder)):
        holder = this_holder(run)
        assert not is_over(holder)
    assert not is_over(holder)
    folder.rmdir()  # as the worker does behind each run
    assert is_over(holder)


def test_a_run_whose_process_is_gone_is_over_and_the_server_is_told(dead_pid: int) -> None:
    run, cancelled = run_in(Running()), run_in(Running(), Cancelling(message="by Ana"))
    for each in (run, cancelled):
        assert is_over(this_holder(each).model_copy(update={"pid": dead_pid}))
    ended = [state_of_run(each) for each in (run, cancelled)]
    assert [(each.name, each.message) for each in ended if each] == [
        ("Crashed", "its process is gone"),
        ("Cancelled", "by Ana"),
    ]


def test_of_a_run_in_another_place_the_server_knows_best() -> None:
    run, ended = run_in(Running()), run_in(Running(), Crashed())
    assert [is_over(elsewhere(each)) for each in (run, ended)] == [False, True]


def test_a_run_whose_time_is_up_is_over_unless_it_is_seen_at_work() -> None:
    over, later = (datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (-1, 1))
    running, ended = run_in(Running()), run_in(Running(), Crashed())
    there = elsewhere(running)
    assert [is_over(there, until) for until in (over, later)] == [True, False]
    here = this_holder(running)
    assert [is_over(here, until) for until in (over, later)] == [False, False]
    here = this_holder(ended)  # as of a notebook, which goes on when a run in it was interrupted
    assert [is_over(here, until) for until in (over, later)] == [True, False]


def test_a_run_of_another_server_is_not_over_though_that_server_may_have_the_same_address(tmp_path: Path) -> None:
    unknown = str(uuid4())
    with PrefectServer(tmp_path) as other, temporary_settings({PREFECT_API_URL: other.api}):
        theirs = elsewhere(unknown)
    ours = elsewhere(unknown)
    assert "http" not in theirs.server + ours.server, "an address is that of many"
    assert [is_over(each) for each in (theirs, ours)] == [False, True]
    assert is_over(theirs, datetime.now(UTC) - timedelta(minutes=1))


def test_a_process_that_has_the_id_of_one_that_is_gone_is_not_taken_for_it() -> None:
    run = run_in(Running())
    holder = this_holder(run)
    assert is_over(holder.model_copy(update={"began": holder.began - 3600}))
    state = state_of_run(run)
    assert state is not None
    assert state.name == "Crashed"


@pytest.mark.parametrize("moved", [("booted",), ("booted", "began")], ids=["as Windows tells", "as Linux tells"])
def test_a_clock_that_was_corrected_makes_nobody_gone_and_no_other_machine(moved: tuple[str], dead_pid: int) -> None:
    holder = this_holder(run_in(Running()))
    corrected = holder.model_copy(update={name: getattr(holder, name) - 30 for name in moved})
    assert not is_over(corrected)
    assert is_over(corrected.model_copy(update={"pid": dead_pid}))
