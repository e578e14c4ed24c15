"""A bucket under watch: what was there to see at each look, and what was announced of it.

Lost is a version that was visible and is never announced. Twice is one that two announcements are about.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from builders import contract_text
from contract_texts import watched
from listing_server import ListingServer

from acceptance.announcing.delivery_events import ARRIVED, UNROUTABLE, UNROUTABLE_TOGETHER
from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.pointer import DeliveryPointer
from aws.s3.notifications import Hint
from flows.ledger import open_ledger
from flows.watching.listing import Landing, Pace

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
SECOND = TICK = timedelta(seconds=1)
DAY = "in/20260102/"

AT_ONCE = Pace(TICK, page=7, at_least=1000)
"""Every key is looked at in each tick."""

CONTRACT = contract_text(
    location="s3://landing/in/{business_date:%Y%m%d}/{file}", delivery="{baseline: announce, resent: RESENT}"
)


DELIVERY = re.compile(r"in/\d{8}/[^/]+")
"""The keys that fit the contract."""


@cache
def orders(resent: str = "report") -> Contract:
    """The contract, with what it says of bytes that are sent again."""
    return watched(CONTRACT.replace("RESENT", resent))


def at(clock: str) -> datetime:
    """A time of the day on which everything happens, as in at("11:50:00")."""
    hours, minutes, seconds = map(int, clock.split(":"))
    return NOON.replace(hour=hours, minute=minutes, second=seconds)


class Watch:
    """A watcher with its ledger, and the side that it announces to. `now` is its clock, `s3` a client of the server."""

    def __init__(
        self, server: ListingServer, s3: Any, url: str, contract: Contract, pace: Pace, restarts: bool = False
    ) -> None:
        self.server, self.s3 = server, s3
        self.now = NOON
        self.visible: set[LandingObject] = set()
        self.told: dict[UUID, Delivery] = {}
        self.unroutable: list[str] = []
        self.summed_up: list[int] = []
        self._url, self._contract, self._pace, self._restarts = url, contract, pace, restarts
        self._open = ExitStack()
        self.restart()

    def close(self) -> None:
        self._open.close()

    def restart(self) -> None:
        self._open.close()
        self.ledger = self._open.enter_context(open_ledger(self._url))
        self.landing = Landing(self.ledger, self.s3, [self._contract], self._pace)

    def look(self, at: datetime | None = None) -> None:
        """One tick, and everything that is due is announced."""
        if self._restarts:
            self.restart()
        self.tick(at)
        self.visible |= self.there()
        self.announce()

    def look_where(self, hinted: Sequence[Hint]) -> None:
        """What hints lead to, and everything that is due is announced."""
        self.now += TICK
        self.landing.look_where(hinted, self.now)
        self.visible |= self.there()
        self.announce()

    def tick(self, at: datetime | None = None) -> None:
        self.now = at or self.now + TICK
        self.landing.look(self.now)

    def announce(self, at_most: int = 1_000_000, confirm: bool = True) -> None:
        """Takes what is due, as Prefect's server does, and says so, or dies before it does."""
        while at_most > 0 and (due := self.ledger.announcements.due(min(at_most, 1000))):
            for announcement in due:
                self._take(announcement.event_id, announcement.draft.name, announcement.draft.payload)
            events = [announcement.event_id for announcement in due]
            self.ledger.announcements.posted(events, self.now)
            if not confirm:
                return
            self.ledger.announcements.confirmed(events, self.now)
            at_most -= len(due)

    def _take(self, event_id: UUID, name: str, payload: Any) -> None:
        assert name in (ARRIVED, UNROUTABLE, UNROUTABLE_TOGETHER)
        if name == UNROUTABLE_TOGETHER:
            self.summed_up.append(payload["count"])
        elif name == UNROUTABLE:
            self.unroutable.append(payload["key"])
        else:
            self.told[event_id] = DeliveryPointer.model_validate(payload["delivery"]).delivery()

    def there(self) -> set[LandingObject]:
        """What a listing shows now and is a delivery: not folder markers, and not what fits no contract."""
        return {
            LandingObject(self.server.name, key, stored.etag, stored.size, stored.last_modified)
            for key, stored in self.server.objects.items()
            if DELIVERY.fullmatch(key)
        }

    @property
    def announced(self) -> Counter[LandingObject]:
        """How many announcements each version has."""
        return Counter(member for delivery in self.told.values() for member in delivery.members)

    def due(self) -> set[LandingObject]:
        """What will be announced, even if the watcher dies now."""
        return {
            member
            for announcement in self.ledger.announcements.due(1000)
            if announcement.draft.name == ARRIVED
            for member in DeliveryPointer.model_validate(announcement.draft.payload["delivery"]).members
        }

    @property
    def keys_told(self) -> list[str]:
        return sorted(version.key for version in self.announced.elements())

    def revisions(self, key: str) -> list[int]:
        """Those that were announced of a key."""
        return sorted(each.revision for each in self.told.values() if each.members[0].key == key)

    def lost(self) -> set[LandingObject]:
        return self.visible - self.announced.keys()

    def twice(self) -> set[LandingObject]:
        return {version for version, times in self.announced.items() if times > 1}

    def invented(self) -> set[LandingObject]:
        return self.announced.keys() - self.visible


def put(server: ListingServer, names: str | list[str], when: datetime = NOON) -> list[str]:
    """An object of its own bytes for each name. Returns the keys, as Watch.keys_told would."""
    keys = [DAY + name for name in names]
    for key in keys:
        server.put(key, size=10, last_modified=when)
    return sorted(keys)


@contextmanager
def watches(server: ListingServer, new_ledger: Callable[[], str], restarts: bool) -> Iterator[Callable[..., Watch]]:
    """Starts watchers. At the end nothing may be lost, and nothing told twice."""
    started: list[Watch] = []

    def start(pace: Pace = AT_ONCE, resent: str = "report") -> Watch:
        started.append(Watch(server, server.client(), new_ledger(), orders(resent), pace, restarts))
        return started[-1]

    yield start
    for watch in started:
        watch.close()
    for watch in started:
        assert (watch.lost(), watch.twice(), watch.invented()) == (set(), set(), set())
