"""Whatever is put, replaced, sent again, deleted and uploaded in parts, between looks that fail or die at any point:
each version that was there when the ledger certified its place is announced exactly once, and nothing else is."""

import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from listing_server import MISHAPS, ListingServer
from watched_bucket import NOON, TICK, Watch, orders

from acceptance.deliveries.delivery import LandingObject
from acceptance.deliveries.key_ranges import KeyRange
from acceptance.errors import StepFailed
from flows.ledger import sqlite_url
from flows.watching.listing import Pace

POLLS_AT_LEAST = 2000

NAMES = ["0", "a", "a+", "a b", "b", "b%2B", "b\n", "c", "e\u0301", "m", "\u00e9", "\uffff", "\U0001f600"]
KEYS = sorted(f"in/2026010{day}/{name}" for day in (1, 2) for name in NAMES)
FOLDERS = ["in/", "in/20260101/", "in/20260102/", "in/20260102/b/"]
PACE = Pace(TICK, certified_within=8 * TICK, hot_for=2 * TICK, at_least=2, parallel=2)

a_key = st.sampled_from(KEYS)
some_keys = st.lists(a_key, min_size=1, max_size=20, unique=True)
some_looks = st.integers(0, 3)
a_time = st.integers(0, 1).map(lambda second: NOON + timedelta(seconds=second))
"""Few, so that many versions have the same; and nothing ties them to the order in which versions come."""


class Died(BaseException):
    """The end of the watcher's process: nothing in it may take this for an error that can be outlived."""


ALIVE = 1_000_000


@dataclass
class Death:
    """Comes after so many commits and listings, and lasts: whoever is dead does neither."""

    commits: int = ALIVE
    listings: int = ALIVE

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

    def __init__(self, server: ListingServer, s3: Any, polls: list[datetime]) -> None:
        super().__init__()
        self.server, self.s3, self.polls = server, s3, polls
        for key in server.objects:
            server.delete(key)
        for upload in server.uploads():
            server.abort_upload(upload.key)
        self.home = tempfile.TemporaryDirectory()

    @initialize(page=st.sampled_from([3, 7]), resent=st.sampled_from(["report", "ignore"]))
    def start(self, page: int, resent: str) -> None:
        url = sqlite_url(Path(self.home.name) / "ledger.db")
        self.watch = Watch(self.server, self.s3, url, orders(resent), replace(PACE, page=page))
        self.expected = Expected(resent == "ignore")
        self.promised: set[LandingObject] = set()
        self.certified_at = dict.fromkeys(KEYS, NOON)

    @rule(keys=some_keys, at=a_time, looks=some_looks)
    def put(self, keys: Sequence[str], at: datetime, looks: int) -> None:
        for key in keys:
            self.server.put(key, size=10, last_modified=at)
        self._look(looks)

    @rule(key=a_key, at=a_time, looks=some_looks)
    def put_one(self, key: str, at: datetime, looks: int) -> None:
        self.server.put(key, size=10, last_modified=at)
        self._look(looks)

    @rule(count=st.integers(1, 7), looks=some_looks)
    def put_behind_all_others(self, count: int, looks: int) -> None:
        last = max(self.server.objects, default="")
        for key in [key for key in KEYS if key > last][:count]:
            self.server.put(key, size=10, last_modified=NOON)
        self._look(looks)

    @rule(keys=some_keys, body=st.sampled_from([b"1", b"2"]), at=a_time, looks=some_looks)
    def put_bytes_that_came_before(self, keys: Sequence[str], body: bytes, at: datetime, looks: int) -> None:
        self.server.bulk(keys, body, at)
        self._look(looks)

    @precondition(lambda self: self.server.objects)
    @rule(data=st.data(), at=a_time, looks=some_looks)
    def send_again(self, data: st.DataObject, at: datetime, looks: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.server.objects)))
        stored = self.server.objects[key]
        self.server.put(key, size=stored.size, etag=stored.etag, last_modified=at)
        self._look(looks)

    @precondition(lambda self: self.server.objects)
    @rule(data=st.data(), looks=some_looks)
    def delete(self, data: st.DataObject, looks: int) -> None:
        there = sorted(self.server.objects)
        first, last = data.draw(st.tuples(*[st.integers(0, len(there) - 1)] * 2).map(sorted))
        for key in there[first : last + 1]:
            self.server.delete(key)
        self._look(looks)

    @rule(folders=st.lists(st.sampled_from(FOLDERS), min_size=1), looks=some_looks)
    def create_folders(self, folders: Sequence[str], looks: int) -> None:
        self.server.bulk(folders, b"", NOON)
        self._look(looks)

    @rule(key=a_key, at=a_time, looks=some_looks)
    def start_upload(self, key: str, at: datetime, looks: int) -> None:
        self.server.start_upload(key, at)
        self._look(looks)

    @precondition(lambda self: self.server.uploads())
    @rule(data=st.data(), looks=some_looks)
    def complete_upload(self, data: st.DataObject, looks: int) -> None:
        upload = data.draw(st.sampled_from(self.server.uploads()))
        self.server.complete_upload(upload.key, size=10**9)
        self._look(looks)

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

    @rule(keys=some_keys, at=a_time, place=st.sampled_from(["commits", "listings"]), before=st.integers(0, 4))
    def die_at_a_look_with_much_news_and_start_again(
        self, keys: Sequence[str], at: datetime, place: str, before: int
    ) -> None:
        self.put(keys, at, looks=0)
        with Death(**{place: before}).near(self.watch.s3), suppress(Died):
            self.watch.tick()
        self.watch.restart()
        self._looked()

    @precondition(lambda self: self.expected.must - self.watch.announced.keys())
    @rule(at_most=st.integers(1, 40), confirmed=st.booleans())
    def announce_some_and_start_again(self, at_most: int, confirmed: bool) -> None:
        self.watch.announce(at_most, confirmed)
        self.watch.restart()

    def teardown(self) -> None:
        try:
            changed = self.watch.now
            self._look(PACE.certified_within // TICK)
            assert min(self.certified_at.values()) > changed, "not certified in the time that was promised"
            self.watch.announce()
            assert self.expected.must - self.watch.announced.keys() == set(), "lost on the way"
            assert self.watch.twice() == set()
            assert self.watch.announced.keys() - self.expected.may == set(), "invented"
        finally:
            self.watch.close()
            self.home.cleanup()

    def _ranges(self) -> Sequence[KeyRange]:
        (place,) = self.watch.landing.locations
        return self.watch.ledger.listing.ranges(*place)

    def _look(self, ticks: int) -> None:
        for _ in range(ticks):
            self.watch.tick()
            self._looked()

    def _looked(self) -> None:
        if self.server.objects or self.watch.told:
            self.polls.append(self.watch.now)
        fresh = [each for each in self._ranges() if each.certified_at == self.watch.now]
        certified = {
            key: any(each.after < key and (each.until is None or key <= each.until) for each in fresh) for key in KEYS
        }
        self.certified_at |= {key: self.watch.now for key in KEYS if certified[key]}
        self.expected.looked({version.key: version for version in self.watch.there()}, certified)
        if self.expected.must - self.promised:
            self.promised |= self.watch.announced.keys() | self.watch.due()
        assert self.expected.must - self.promised == set(), "lost"


@pytest.mark.proof
def test_each_version_that_was_there_when_its_place_was_certified_is_announced_exactly_once():
    """Many seeds with few examples each: of one seed, hypothesis makes examples that are much alike."""
    polls: list[datetime] = []
    few = settings(
        max_examples=2, stateful_step_count=50, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    with ListingServer() as server:
        s3 = server.client()
        for number in itertools.count():
            run_state_machine_as_test(seed(number)(lambda: Detection(server, s3, polls)), settings=few)
            if len(polls) >= POLLS_AT_LEAST:
                return
