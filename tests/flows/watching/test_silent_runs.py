"""Which runs the watcher takes for dead, by what a real Prefect server has heard of them and of the watcher itself."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

import pytest
from polling import eventually
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.events import Event, Resource
from prefect.logging import disable_run_logger
from prefect.states import Cancelling, Running

from acceptance.announcing.delivery_events import HEARTBEAT
from flows.prefect_api.events import stored
from flows.prefect_api.runs import state_of_run
from flows.validate_delivery import validate_delivery
from flows.watch_landing import watch_landing
from flows.watching.silent_runs import SilentRuns

HOURS = count(2)


@pytest.fixture
def then(prefect_server: str) -> datetime:
    """A time of which the server's store tells nothing yet."""
    return datetime.now(UTC) - timedelta(hours=next(HOURS))


def begun(*states: State, flow: object = validate_delivery, tags: Sequence[str] = ("aceite",)) -> UUID:
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(flow, tags=tags, state=Running())  # type: ignore[arg-type]
        for state in states:
            client.set_flow_run_state(run.id, state)
    return run.id


def tell(
    then: datetime, *, runs: Sequence[UUID] = (), watcher: Sequence[int] = (), run_s: Sequence[int] = (0,)
) -> None:
    """Signs of life of these runs, and of a watcher, so many seconds later; they are in the store."""
    signs = [("prefect.flow-run.heartbeat", f"prefect.flow-run.{run}", at_s) for run in runs for at_s in run_s]
    signs += [(HEARTBEAT, "aceite.watcher", at_s) for at_s in watcher]
    made = [
        Event(id=uuid4(), event=name, occurred=after(then, at_s), resource=Resource({"prefect.resource.id": resource}))
        for name, resource, at_s in signs
    ]
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[each.model_dump(mode="json") for each in made]).raise_for_status()
        ids = [each.id for each in made]
        eventually(lambda: len(stored(client, ids)) == len(ids), "the signs in the store")


def after(then: datetime, seconds: int) -> datetime:
    return then + timedelta(seconds=seconds)


def look(dead_runs: SilentRuns, now: datetime) -> None:
    with disable_run_logger():
        dead_runs.look(now)


def name_of(run: UUID) -> str | None:
    state = state_of_run(str(run))
    return state.name if state else None


def test_a_run_that_is_silent_while_the_watcher_s_own_signs_arrive_is_ended_as_it_was_meant_to_end(
    then: datetime,
) -> None:
    silent, cancelled, watcher = begun(), begun(Cancelling(message="by Ana")), begun(flow=watch_landing)
    tell(then, runs=(silent, cancelled, watcher), watcher=range(0, 101, 10))
    looking = SilentRuns("own")
    look(looking, after(then, 0))
    look(looking, after(then, 80))
    assert name_of(silent) == "Running"
    look(looking, after(then, 100))
    assert [name_of(run) for run in (silent, cancelled, watcher)] == ["Crashed", "Cancelled", "Crashed"]
    (crash, cancellation) = (state_of_run(str(run)) for run in (silent, cancelled))
    assert crash is not None
    assert crash.message == "no sign of life: its process is gone"
    assert cancellation is not None
    assert cancellation.message == "by Ana"


def test_another_watcher_whose_heartbeats_are_fewer_gets_more_time(then: datetime) -> None:
    other, own, validation = begun(flow=watch_landing), begun(flow=watch_landing), begun()
    tell(then, runs=(other, own, validation), watcher=[*range(0, 101, 20), *range(260, 381, 20)])
    looking = SilentRuns(str(own))
    for seconds in (0, 100):
        look(looking, after(then, seconds))
    assert [name_of(run) for run in (other, own, validation)] == ["Running", "Running", "Crashed"]
    look(looking, after(then, 380))
    assert [name_of(run) for run in (other, own)] == ["Crashed", "Running"]


def test_after_a_time_without_the_server_each_run_gets_as_long_again_to_give_a_sign_of_life(then: datetime) -> None:
    alive, dead = begun(), begun()
    tell(then, runs=(alive, dead), watcher=range(0, 31, 10))
    looking = SilentRuns("own")
    look(looking, after(then, 30))
    tell(then, watcher=range(200, 301, 10))
    look(looking, after(then, 200))  # the server is back
    assert name_of(alive) == name_of(dead) == "Running"
    tell(then, runs=(alive,), run_s=(225,))
    look(looking, after(then, 250))
    assert name_of(alive) == name_of(dead) == "Running"
    look(looking, after(then, 300))
    assert (name_of(alive), name_of(dead)) == ("Running", "Crashed")


def test_what_is_not_known_to_give_signs_of_life_and_the_watcher_itself_are_left(then: datetime) -> None:
    never, another_s, own = begun(), begun(tags=()), begun(flow=watch_landing)
    tell(then, runs=(another_s, own), watcher=range(0, 201, 10))
    looking = SilentRuns(str(own))
    look(looking, after(then, 60))
    look(looking, after(then, 200))
    assert [name_of(run) for run in (never, another_s, own)] == ["Running"] * 3


def test_a_watcher_that_begins_later_gives_each_run_the_time_anew(then: datetime) -> None:
    silent = begun()
    tell(then, runs=(silent,), watcher=range(1800, 2001, 10))
    looking = SilentRuns("own")
    look(looking, after(then, 1900))
    assert name_of(silent) == "Running"
    look(looking, after(then, 1990))
    assert name_of(silent) == "Crashed"
