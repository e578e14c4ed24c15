"""Whenever a watcher dies, the next one loses nothing of what was there to see, and announces nothing anew."""

import json
import os
import pickle
import random
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import killable_watcher
import pytest
import sqlalchemy as sa
from killable_watcher import BEGAN, ENDED, WATCHES, Life, client, live
from listing_server import ListingServer
from repository import ROOT
from watched_bucket import NOON, orders

from acceptance.deliveries.delivery import LandingObject
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.errors import LeaseLost
from flows.ledger import open_ledger
from flows.ledger.tables import announcements
from flows.watching.keepalive import Liveness
from flows.watching.listing import Landing, Pace

DEATHS = 50
LEASE_S = 2
READY = 3
"""Processes that are started before they are needed: getting ready takes them longer than most of their lives."""

PACE = Pace(timedelta(seconds=1), at_least=1000, parallel=2, page=5)
NAMES = [f"in/2026010{day}/{number:02d}" for day in (1, 2, 3) for number in range(12)]


class Watchers:
    """Processes that watch, one life each."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[bytes]] = []
        self._ready = deque(self._new() for _ in range(READY))

    def start(self, life: Life) -> subprocess.Popen[bytes]:
        process = self._ready.popleft()
        self._ready.append(self._new())
        assert process.stdin is not None
        pickle.dump(life, process.stdin)
        process.stdin.close()
        return process

    def end(self) -> None:
        for process in self._started:
            process.kill()
        for process in self._started:
            process.wait()
            assert process.stdin is not None
            process.stdin.close()

    def _new(self) -> subprocess.Popen[bytes]:
        command, environment = [sys.executable, killable_watcher.__file__], os.environ | {"PYTHONPATH": str(ROOT)}
        self._started.append(subprocess.Popen(command, stdin=subprocess.PIPE, env=environment))
        return self._started[-1]


@dataclass(frozen=True)
class Visible:
    version: LandingObject
    after_looks: int
    """Looks that had begun when it came: none of them need have seen it."""


class World:
    """The bucket, who watched it, and what they were bound to see of it."""

    def __init__(self, server: ListingServer, url: str, folder: Path) -> None:
        self.url = url
        self.owed: set[LandingObject] = set()
        self._ever: set[LandingObject] = set()
        self._there: dict[str, Visible] = {}
        self._server, self._folder = server, folder

    def put(self, key: str) -> None:
        self._close(key)
        stored = self._server.put(key, size=10, last_modified=NOON)
        version = LandingObject(self._server.name, key, stored.etag, stored.size, stored.last_modified)
        self._ever.add(version)
        self._there[key] = Visible(version, len(self._looks()))

    def delete(self, key: str) -> None:
        if key in self._there:
            self._close(key)
            self._server.delete(key)
            del self._there[key]

    def _close(self, key: str) -> None:
        """What was there for all of a look was bound to be seen."""
        if key in self._there and any(self._looks()[self._there[key].after_looks :]):
            self.owed.add(self._there[key].version)

    def _looks(self) -> list[bool]:
        """For each, in the order of their beginnings, whether it came to its end."""
        found: list[bool] = []
        for life in self.lives():
            lines = life.read_bytes()
            began, ended = lines.count(BEGAN.encode()), lines.count(ENDED.encode())
            found += [True] * ended + [False] * (began - ended)
        return found

    def life(self, **facts: Any) -> Life:
        """The next one. Each has a name of its own, as each run of the flow has."""
        number = len(self.lives()) + 1
        told = self._folder / f"watcher-{number:03d}.jsonl"
        told.touch()
        return Life(self.url, self._server.endpoint, orders(), PACE, told, **facts)

    def lives(self) -> list[Path]:
        return sorted(self._folder.glob("watcher-*.jsonl"))

    def lines(self, told: Path) -> list[Any]:
        """The last one may have been cut off by death."""
        return [json.loads(line) for line in told.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]

    def told(self, *lives: Path) -> dict[str, DeliveryPointer]:
        """By event."""
        lines = [line for life in lives or self.lives() for line in self.lines(life) if isinstance(line, dict)]
        return {line["event"]: DeliveryPointer.model_validate(line["delivery"]) for line in lines}

    def announcements(self) -> Sequence[sa.Row[Any]]:
        """As the ledger has them."""
        engine = sa.create_engine(self.url)
        with engine.connect() as connection:
            rows = connection.execute(sa.select(announcements)).all()
        engine.dispose()
        return rows

    def all_confirmed(self) -> bool:
        return all(row.confirmed_at for row in self.announcements())

    def finish(self) -> None:
        """Somebody watches to the end, and then all is as if nobody had died."""
        live(self.life(looks=2))
        for key in list(self._there):
            self._close(key)
        announced = Counter(pointer.delivery().first for pointer in self.told().values())
        assert self.owed - announced.keys() == set(), "lost"
        assert {version: times for version, times in announced.items() if times > 1} == {}, "announced twice"
        assert announced.keys() - self._ever == set(), "invented"
        rows = self.announcements()
        assert set(Counter(row.delivery_id for row in rows).values()) == {1}
        assert all(row.posted_at and row.confirmed_at for row in rows)
        assert {row.event_id for row in rows} == self.told().keys()


@pytest.fixture
def world(server, url, tmp_path) -> World:
    return World(server, url, tmp_path)


@pytest.fixture(scope="module")
def watchers() -> Iterator[Watchers]:
    watchers = Watchers()
    yield watchers
    watchers.end()


def until(holds: Callable[[], object], what: str, *alive: subprocess.Popen[bytes], within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        ended = [process.returncode for process in alive if process.poll() is not None]
        assert not ended, f"a watcher ended with {ended} before {what}"
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.01)


@pytest.mark.proof
@pytest.mark.parametrize(
    ("new_database", "moment"),
    [("sqlite", "before"), ("sqlite", "after"), ("postgresql", "before")],
    indirect=["new_database"],
)
def test_a_watcher_that_dies_at_any_commit_of_its_life_is_followed_by_one_that_goes_on(world, watchers, moment):
    for key in NAMES[:12]:
        world.put(key)
    world.finish()
    for number in count(1):
        world.put(NAMES[number % 3])
        world.put(f"in/20260109/{number}")
        world.delete(NAMES[11 - number % 6])
        process = watchers.start(world.life(looks=1, dies_at=(moment, number)))
        survived = process.wait(timeout=60) == 0
        assert survived or process.returncode != 1, "it failed, and was not killed"
        world.finish()
        if survived:
            break
    assert number > 6, "the lease, three ranges, posted, confirmed: so many commits at least"


@pytest.mark.proof
@pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)
def test_a_watcher_that_is_killed_again_and_again_is_followed_by_others_that_go_on(world, watchers):
    chance = random.Random(20260102)
    for _ in range(DEATHS):
        life = world.life()
        process = watchers.start(life)
        # It dies a short time after any of these: it was started, it has the lease, it looked once, twice.
        for line in chance.choice([[], [WATCHES], [ENDED], [ENDED, ENDED]]):
            change(world, chance)
            said = world.lines(life.told).count(line)
            until(partial(has_said, world, life, line, said + 1), line, process)
        dies = time.monotonic() + chance.uniform(0, 0.25)
        while time.monotonic() < dies:
            change(world, chance)
            with suppress(subprocess.TimeoutExpired):
                ended = process.wait(timeout=max(0.0, min(dies - time.monotonic(), chance.uniform(0, 0.1))))
                raise AssertionError(f"the watcher ended with {ended} before it was killed")
        process.kill()
        process.wait()
    world.finish()
    assert len(world.owed) > 2 * DEATHS, "else there was hardly anything to lose"


def change(world: World, chance: random.Random) -> None:
    for _ in range(3):
        world.put(chance.choice(NAMES))
    world.delete(chance.choice(NAMES))


def has_said(world: World, life: Life, line: str, times: int) -> bool:
    return world.lines(life.told).count(line) >= times


def test_of_two_watchers_one_works_and_the_other_takes_over_when_it_is_killed(world, watchers):
    lives = [world.life(lease_s=LEASE_S) for _ in range(2)]
    processes = [watchers.start(life) for life in lives]
    # Two processes, and those that wait ready, import Prefect at once: on a busy machine that takes a while.
    until(lambda: any(world.lines(life.told) for life in lives), "one of them watches", *processes, within_s=120)
    first, second = (0, 1) if world.lines(lives[0].told) else (1, 0)
    for key in NAMES[:12]:
        world.put(key)
    until(lambda: len(world.told(lives[first].told)) == 12, "the first announces", *processes)
    until(world.all_confirmed, "the first has confirmation", *processes)
    assert world.lines(lives[second].told) == []
    processes[first].kill()
    for key in NAMES[6:18]:
        world.put(key)
    died = time.monotonic()
    until(lambda: WATCHES in world.lines(lives[second].told), "the second takes over", processes[second])
    assert time.monotonic() - died < 2 * LEASE_S, "the lease, and as much again for a slow machine"
    until(lambda: len(world.told(lives[second].told)) == 12, "the second announces", processes[second])
    processes[second].kill()
    processes[second].wait()
    assert world.told(lives[0].told).keys() & world.told(lives[1].told).keys() == set()
    world.finish()


def test_a_watcher_that_slept_in_the_middle_of_a_look_writes_nothing_after_another_took_over(server, world):
    for key in NAMES:
        world.put(key)
    later = NOON + timedelta(hours=1)
    with open_ledger(world.url) as ledger, open_ledger(world.url) as other:
        asleep = count()

        def sleep() -> None:
            """The other does all of its work while this one has listed some pages and committed some."""
            if next(asleep) == 3:
                assert other.lease.take("other", later + timedelta(hours=1), later)
                Landing(other, client(server.endpoint), [orders()], PACE, Liveness("other")).look(later)

        assert ledger.lease.take("sleeper", NOON, NOON)
        sleeper = Landing(ledger, client(server.endpoint), [orders()], PACE, Liveness("sleeper", sleep))
        with pytest.raises(LeaseLost, match="other holds its lease, not sleeper"):
            sleeper.look(NOON)
        assert not ledger.lease.renew("sleeper", later)
        other.lease.give_back("other")
    world.finish()
