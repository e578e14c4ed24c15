"""Whatever is put, replaced, sent again, deleted and uploaded in parts, between looks that fail or die at any point:
each version that was there when the ledger certified its place is announced exactly once, and nothing else is."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from listing_server import MISHAPS, ListingServer
from watched_bucket import NOON, TICK, Watch, orders

from acceptance.delivery import LandingObject
from acceptance.errors import StepFailed
from acceptance.ranges import KeyRange
from flows.landing import Pace
from flows.ledger import sqlite_url

POLLS_AT_LEAST = 1000
"""With each policy, so twice."""

NAMES = ["0", "a", "a+", "a b", "b", "b%2B", "b\n", "c", "e\u0301", "m", "\u00e9", "\uffff", "\U0001f600"]
KEYS = [f"in/2026010{day}/{name}" for day in (1, 2) for name in NAMES]
FOLDERS = ["in/", "in/20260101/", "in/20260102/", "in/20260102/b/"]
PACE = Pace(TICK, certified_within=8 * TICK, hot_for=2 * TICK, at_least=2, page=7)

a_key = st.sampled_from(KEYS)
some_keys = st.lists(a_key, min_size=1, max_size=20, unique=True)
a_time = st.integers(0, 3).map(lambda second: NOON + timedelta(seconds=second))
"""Few, so that many versions have the same; and nothing ties them to the order in which versions come."""


class Died(BaseException):
    """The end of the watcher's process: nothing in it may take this for an error that can be outlived."""


@dataclass
class Death:
    """Comes after so many commits and listings, and lasts: whoever is dead does neither."""

    commits: int
    listings: int

    def on_commit(self, _: sa.Connection) -> None:
        self.commits -= 1
        self._strike()

    def on_listing(self, **_: Any) -> None:
        self.listings -= 1
        self._strike()

    def _strike(self) -> None:
        if min(self.commits, self.listings) < 0:
            self.commits = self.listings = -1
            raise Died

    @contextmanager
    def near(self, s3: Any) -> Iterator[None]:
        sa.event.listen(sa.Engine, "commit", self.on_commit)
        s3.meta.events.register("before-call.s3.ListObjectsV2", self.on_listing, unique_id="death")
        try:
            yield
        finally:
            s3.meta.events.unregister("before-call.s3.ListObjectsV2", unique_id="death")
            sa.event.remove(sa.Engine, "commit", self.on_commit)


@dataclass
class Expected:
    """What must be announced and what may be, by what was there at each look and what the ledger certified then.

    A look that did not come to the end may have got to any key or not, so for each key there are several versions that
    the ledger may `remember`; None is no version. Of the versions in `told` it is certain that a ledger which remembers
    them has announced them.
    """

    ignores_resent: bool
    must: set[LandingObject] = field(default_factory=set)
    may: set[LandingObject] = field(default_factory=set)
    told: set[LandingObject] = field(default_factory=set)
    remembered: dict[str, set[LandingObject | None]] = field(default_factory=lambda: {key: {None} for key in KEYS})

    def looked(self, there: Mapping[str, LandingObject], certified: Mapping[str, bool]) -> None:
        for key, before in self.remembered.items():
            version = there.get(key)
            if version is not None:
                self._looked_at(version, before, certified[key])
            self.remembered[key] = {version} if certified[key] else before | {version}

    def _looked_at(self, version: LandingObject, before: set[LandingObject | None], certified: bool) -> None:
        news = [not self._is_ignored(old, version) for old in before - {version}]
        if any(news):
            self.may.add(version)
        if not all(news):
            self.told.discard(version)
        elif version not in before:
            self.told.add(version)
        if certified and version in self.told:
            self.must.add(version)

    def _is_ignored(self, old: LandingObject | None, new: LandingObject) -> bool:
        return self.ignores_resent and old is not None and (old.etag, old.size) == (new.etag, new.size)


class Detection(RuleBasedStateMachine):
    """Rules for what senders do come first, then those for what happens to the watcher."""

    def __init__(self, server: ListingServer, resent: str, polls: list[datetime]) -> None:
        super().__init__()
        self.server, self.polls = server, polls
        for key in server.objects:
            server.delete(key)
        for upload in server.uploads():
            server.abort_upload(upload.key)
        self.home = tempfile.TemporaryDirectory()
        url = sqlite_url(Path(self.home.name) / "ledger.db")
        self.watch = Watch(server, url, orders(resent), PACE)
        self.expected = Expected(resent == "ignore")

    @rule(keys=some_keys, at=a_time)
    def put(self, keys: Sequence[str], at: datetime) -> None:
        for key in keys:
            self.server.put(key, size=10, last_modified=at)

    @rule(key=a_key, at=a_time)
    def put_one(self, key: str, at: datetime) -> None:
        self.server.put(key, size=10, last_modified=at)

    @rule(keys=some_keys, body=st.sampled_from([b"1", b"2", b"22"]), at=a_time)
    def put_bytes_that_came_before(self, keys: Sequence[str], body: bytes, at: datetime) -> None:
        self.server.bulk(keys, body, at)

    @precondition(lambda self: self.server.objects)
    @rule(data=st.data(), at=a_time)
    def send_again(self, data: st.DataObject, at: datetime) -> None:
        key = data.draw(st.sampled_from(sorted(self.server.objects)))
        stored = self.server.objects[key]
        self.server.put(key, size=stored.size, etag=stored.etag, last_modified=at)

    @precondition(lambda self: self.server.objects)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        there = sorted(self.server.objects)
        first, last = data.draw(st.tuples(*[st.integers(0, len(there) - 1)] * 2).map(sorted))
        for key in there[first : last + 1]:
            self.server.delete(key)

    @rule(folders=st.lists(st.sampled_from(FOLDERS), min_size=1))
    def create_folders(self, folders: Sequence[str]) -> None:
        self.server.bulk(folders, b"", NOON)

    @rule(key=a_key, at=a_time)
    def start_upload(self, key: str, at: datetime) -> None:
        self.server.start_upload(key, at)

    @precondition(lambda self: self.server.uploads())
    @rule(data=st.data())
    def complete_upload(self, data: st.DataObject) -> None:
        upload = data.draw(st.sampled_from(self.server.uploads()))
        self.server.complete_upload(upload.key, size=10**9)

    @rule(ticks=st.integers(1, 4))
    def look(self, ticks: int) -> None:
        for _ in range(ticks):
            self.watch.tick()
            self._looked()
        self.watch.announce()

    @rule(how=st.sampled_from(MISHAPS), after=st.integers(0, 3), failures=st.integers(1, 3))
    def look_while_s3_fails(self, how: str, after: int, failures: int) -> None:
        self.server.fail_next(failures, how, after)
        try:
            self.watch.tick()
        except StepFailed:
            pass
        finally:
            self.server.recover()
        self._looked()

    @rule(commits=st.integers(0, 4), listings=st.integers(0, 4))
    def die_at_a_look(self, commits: int, listings: int) -> None:
        with Death(commits, listings).near(self.watch.s3), suppress(Died):
            self.watch.tick()
        self.watch.restart()
        self._looked()

    @rule(at_most=st.integers(1, 5), confirmed=st.booleans())
    def announce_some_and_die(self, at_most: int, confirmed: bool) -> None:
        self.watch.announce(at_most, confirmed)
        self.watch.restart()

    @rule()
    def restart(self) -> None:
        self.watch.restart()

    def teardown(self) -> None:
        try:
            changed = self.watch.now
            for _ in range(PACE.certified_within // TICK):
                self.watch.tick()
                self._looked()
            assert all(each.certified_at and each.certified_at > changed for each in self._ranges())
            self.watch.announce()
            assert self.expected.must - self.watch.announced.keys() == set(), "lost"
            assert self.watch.twice() == set()
            assert self.watch.announced.keys() - self.expected.may == set(), "invented"
        finally:
            self.watch.close()
            self.home.cleanup()

    def _ranges(self) -> Sequence[KeyRange]:
        (place,) = self.watch.landing.locations
        return self.watch.ledger.seen.ranges(*place)

    def _looked(self) -> None:
        self.polls.append(self.watch.now)
        fresh = [each for each in self._ranges() if each.certified_at == self.watch.now]
        certified = {
            key: any(each.after < key and (each.until is None or key <= each.until) for each in fresh) for key in KEYS
        }
        self.expected.looked({version.key: version for version in self.watch.there()}, certified)


@pytest.mark.parametrize("resent", [None, "ignore"])
def test_each_version_that_was_there_when_its_place_was_certified_is_announced_exactly_once(resent):
    polls: list[datetime] = []
    thorough = settings(
        max_examples=50,
        stateful_step_count=40,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    with ListingServer() as server:
        run_state_machine_as_test(lambda: Detection(server, resent, polls), settings=thorough)
    assert len(polls) >= POLLS_AT_LEAST
