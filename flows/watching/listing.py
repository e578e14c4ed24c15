"""Lists the landing locations range by range, and commits new objects to the ledger."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from acceptance.contract.contract import Contract
from acceptance.deliveries.key_ranges import (
    PAGE,
    KeyRange,
    Page,
    due,
    first_part,
    listing_changes,
    merge_small,
    ranges_of_keys,
    split_range,
)
from acceptance.deliveries.routing import watched_locations
from aws.s3.listing import keep_pages_unparsed, list_page
from aws.s3.notifications import Hint
from flows.ledger import Ledger
from flows.ledger.listing import Certified
from flows.ledger.writes import NewObject, slices
from flows.threads import in_threads
from flows.watching.file_groups import Grouping, Standing
from flows.watching.keepalive import ALONE, Liveness
from flows.watching.new_objects import NewObjects
from flows.watching.strange_keys import bounded, sum_up

Log = logging.Logger | logging.LoggerAdapter[logging.Logger]
TOLD_ONE_BY_ONE = 20
"""How many objects of one page get a log line of their own."""

_LOG = logging.getLogger("aceite.landing")


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how much the watcher lists.

    A tick comes `every` so often. Each tick lists the ranges in which something changed within `hot_for`, up to
    `hot_at_most` of them, and at least `at_least` ranges in all. Every key is certified again within
    `certified_within`. `parallel` ranges are listed at the same time. `page` is the number of keys in a range; S3's
    limit is 1000.
    """

    every: timedelta
    certified_within: timedelta = timedelta(minutes=30)
    hot_for: timedelta = timedelta(hours=1)
    hot_at_most: int = 100
    at_least: int = 8
    parallel: int = 4
    page: int = PAGE


class Landing:
    """The landing locations of all contracts.

    `standing` returns the verdicts that deliveries already have. It is asked when a location is listed for the first
    time.
    """

    def __init__(
        self,
        ledger: Ledger,
        s3: Any,
        contracts: Sequence[Contract],
        pace: Pace,
        liveness: Liveness = ALONE,
        standing: Standing = lambda _: {},
        log: Log = _LOG,
    ) -> None:
        self._ledger = ledger
        self._s3 = keep_pages_unparsed(s3)
        self._pace = pace
        self._liveness = liveness
        self._log = log
        by_dataset = {contract.dataset: contract for contract in contracts}
        self._grouping = Grouping(ledger, s3, by_dataset, standing, log, liveness)
        self._new_objects = NewObjects(ledger, by_dataset, self._grouping, standing)
        self._route_again()
        self._ranges = {place: self._unread_strange(*place) for place in watched_locations(contracts)}

    @property
    def locations(self) -> tuple[tuple[str, str], ...]:
        return tuple(self._ranges)

    def look(self, now: datetime) -> None:
        """List the ranges that are due in every location.

        Raises:
            StepFailed: S3 does not answer. What was committed stays, and the next look goes on from there.
            LeaseLost: another watcher took over.
        """
        pace = self._pace
        for place, known in self._ranges.items():
            asked = due(
                known,
                now,
                every=pace.every,
                certified_within=pace.certified_within,
                hot_for=pace.hot_for,
                hot_at_most=pace.hot_at_most,
                least=pace.at_least,
            )
            self._list_location(place, asked, now)

    def look_where(self, hinted: Collection[Hint], now: datetime) -> None:
        """List the ranges that hold these keys, and ignore keys outside of every location. Raises as `look` does."""
        for (bucket, prefix), known in self._ranges.items():
            keys = [hint.key for hint in hinted if hint.bucket == bucket and hint.key.startswith(prefix)]
            if keys:
                self._list_location((bucket, prefix), ranges_of_keys(known, keys), now)

    def complete(self, now: datetime) -> None:
        """Complete deliveries of several files, which may take long. Raises as `look` does."""
        self._grouping.complete(now)

    def _list_location(self, place: tuple[str, str], asked: Sequence[KeyRange], now: datetime) -> None:
        """List one location. If that fails, the others are still listed."""
        doing = "listing s3://{}/{}".format(*place)
        self._liveness.survive(doing, partial(self._look_at, *place, asked, now))

    def _look_at(self, bucket: str, prefix: str, asked: Sequence[KeyRange], now: datetime) -> None:
        unchanged: list[KeyRange] = []
        try:
            for some in slices(asked, self._pace.parallel):
                self._liveness.stay_alive()  # at most `parallel` pages are in memory at the same time
                pages = in_threads(partial(self._list, bucket, prefix), some, at_once=self._pace.parallel)
                for item, page in zip(some, pages, strict=True):
                    if page is None:
                        unchanged.append(item)
                    else:
                        self._take(bucket, prefix, item, page, now)
        finally:
            self._ledger.listing.certified(bucket, prefix, unchanged, now, self._liveness.holder)
            self._tidy(bucket, prefix)
            self._sum_up(bucket, prefix, now)

    def _list(self, bucket: str, prefix: str, item: KeyRange) -> Page | None:
        return list_page(self._s3, bucket, prefix, item.after, item.asks_for(self._pace.page), item.digest)

    def _take(self, bucket: str, prefix: str, looked_at: KeyRange, page: Page, now: datetime) -> None:
        """Commit page after page until the whole range is certified."""
        rest: KeyRange | None = looked_at
        while rest is not None:
            self._liveness.stay_alive()
            first_look = rest.certified_at is None
            part = first_part(rest, page)
            remembered = self._ledger.listing.versions(bucket, prefix, rest.after, part.until)
            found = listing_changes(part.objects, remembered)
            sighted, groups = self._new_objects.of(bucket, found, now, first_look=first_look)
            new = bounded(self._ledger, bucket, prefix, sighted, remembered, rest.strange)
            changed = bool(new.new_objects or found.gone or new.counted != rest.strange)
            ranges, left = split_range(
                rest, part, now, changed=changed, remembered=len(remembered), strange=new.counted
            )
            certified = Certified(bucket, prefix, rest.until, ranges, new.new_objects, found.gone, groups, new.known)
            self._ledger.listing.commit(certified, now, self._liveness.holder)
            self._tell(new.new_objects)
            if left is not None:
                listed = self._list(bucket, prefix, left)
                assert listed is not None, "without a known digest every page is parsed"
                page = listed
            rest = left

    def _tell(self, new_objects: Sequence[NewObject]) -> None:
        for new_object in new_objects[:TOLD_ONE_BY_ONE]:
            self._log.info("%s: %s", new_object.landed.uri, _what(new_object))
        others = new_objects[TOLD_ONE_BY_ONE:]
        if others:
            self._log.info("and %d more objects, from %s on", len(others), others[0].landed.uri)

    def _sum_up(self, bucket: str, prefix: str, now: datetime) -> None:
        counted = sum(item.strange for item in self._ranges[bucket, prefix])
        told = sum_up(self._ledger, bucket, prefix, counted, now, self._liveness.holder)
        if told:
            self._log.warning("s3://%s/%s: %d objects fit no contract", bucket, prefix, told)

    def _tidy(self, bucket: str, prefix: str) -> None:
        known = self._ledger.listing.ranges(bucket, prefix)
        tidied = merge_small(known, self._pace.page)
        if tidied != known:
            self._ledger.listing.recut(bucket, prefix, tidied, self._liveness.holder)
        self._ranges[bucket, prefix] = tidied

    def _unread_strange(self, bucket: str, prefix: str) -> tuple[KeyRange, ...]:
        """Return the location's ranges. Those with keys that were only counted are read anew: some may fit by now."""
        known = self._ledger.listing.ranges(bucket, prefix)
        unread = tuple(replace(item, digest="") if item.strange else item for item in known)
        if unread != known:
            self._ledger.listing.recut(bucket, prefix, unread, self._liveness.holder)
        return unread

    def _route_again(self) -> None:
        """Forget unroutable objects that fit a contract by now, so that the next listing finds them again."""
        for landed, _ in self._ledger.listing.unroutable(limit=None):
            self._liveness.stay_alive()
            if self._new_objects.fits(landed):
                self._ledger.listing.forget(landed)


def _what(new_object: NewObject) -> str:
    if new_object.delivery is not None:
        return new_object.delivery.title
    if new_object.unroutable is not None:
        return f"unroutable: {new_object.unroutable}"
    return f"ignored: {new_object.ignored}" if new_object.ignored else "part of a delivery of several files"
