"""Ranges of keys that divide a bucket's listing; the watcher certifies one range at a time.

Below a location (bucket and prefix) the ranges are contiguous: each begins after the last key of the one before, and
the last has no end. So every present or future key lies in exactly one range. One request for as many keys as a range
held certifies it: any new, replaced or deleted key changes the response. For this a range must end with a key that
existed when it was split; behind a deleted last key something could land unseen.

Nothing here depends on time or order of arrival. Keys compare as in S3, by UTF-8 bytes, which is the order of code
points, and so of Python's strings.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from acceptance.deliveries.delivery import LandingObject

PAGE = 1000
"""The most keys in one response of ListObjectsV2, and so in one range."""


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The keys after `after` up to and including `until`; None is the end of the location.

    `held` (number of keys, a column of the ledger) and `digest` describe the response that certified it last; without a
    digest the watcher reads the next one in full. `strange` are keys that fit no contract and are only counted.
    """

    after: str = ""
    until: str | None = None
    held: int = PAGE
    digest: str = ""
    certified_at: datetime | None = None
    changed_at: datetime | None = None
    strange: int = 0

    def asks_for(self, page: int) -> int:
        """Return how many keys to ask for: for the last range a whole page, as any number of keys may land there."""
        return page if self.until is None else min(self.held, page)


@dataclass(frozen=True, slots=True)
class Page:
    """One response to a request for `asked` keys. `truncated`: more keys follow."""

    objects: tuple[LandingObject, ...]
    digest: str
    truncated: bool
    asked: int = PAGE


@dataclass(frozen=True, slots=True)
class ListedPart:
    """The first part of a range, as one page shows it.

    `objects` are the range's objects up to `until`, where the page's knowledge ends; None is the end of the location.
    `ended`: the range ends there too. `digest` is empty if a request for exactly these keys would get another response.
    """

    objects: tuple[LandingObject, ...]
    until: str | None
    ended: bool
    digest: str


def first_part(looked_at: KeyRange, page: Page) -> ListedPart:
    end = looked_at.until
    within = tuple(landed for landed in page.objects if end is None or landed.key <= end)
    whole = len(within) == len(page.objects)
    last = within[-1].key if within else looked_at.after
    ended = not whole or not page.truncated or last == end
    known = whole and (len(within) == page.asked or not page.truncated)
    return ListedPart(within, end if ended else last, ended, page.digest if known else "")


def split_range(
    looked_at: KeyRange, part: ListedPart, now: datetime, *, changed: bool, remembered: int, strange: int = 0
) -> tuple[tuple[KeyRange, ...], KeyRange | None]:
    """Split a range behind the part that a page shows; that page certifies the part.

    `changed`: a key of the part was new, replaced or deleted; the first look at a range does not count. `remembered`
    is the number of keys known in the part before; `strange` of its keys are only counted. Return the ranges that
    replace the one looked at, and the last of them if the watcher must look further.
    """
    changed_at = now if changed and looked_at.certified_at else looked_at.changed_at
    held = len(part.objects)
    last = part.objects[-1].key if held else looked_at.after
    done = KeyRange(looked_at.after, last, held, part.digest, now, changed_at, strange)
    if not part.ended:
        # So many keys should remain; a request for exactly as many certifies them with its response.
        known, strange_left = remembered + min(strange, looked_at.strange), max(looked_at.strange - strange, 0)
        left = looked_at.held - known if looked_at.held > known else PAGE
        rest = replace(looked_at, after=last, held=left, digest="", changed_at=changed_at, strange=strange_left)
        return (done, rest), rest
    if part.until is None:
        return (replace(done, until=None),), None
    return (done,) if held else (), None


@dataclass(frozen=True, slots=True)
class ListingChanges:
    """Changes of a listing against the ledger. A replaced key is `new`; a `resent` one has the same bytes as before."""

    new: tuple[LandingObject, ...]
    resent: tuple[LandingObject, ...]
    gone: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.new or self.resent or self.gone)


def listing_changes(listed: Sequence[LandingObject], remembered: Mapping[str, LandingObject]) -> ListingChanges:
    """Compare the same range of keys on both sides. A different etag, size or last modified is a new version."""
    new: list[LandingObject] = []
    resent: list[LandingObject] = []
    for landed in listed:
        before = remembered.get(landed.key)
        if before == landed:
            continue
        same_bytes = before is not None and (before.etag, before.size) == (landed.etag, landed.size)
        (resent if same_bytes else new).append(landed)
    present = {landed.key for landed in listed}
    return ListingChanges(tuple(new), tuple(resent), tuple(key for key in remembered if key not in present))


def due(
    ranges: Iterable[KeyRange],
    now: datetime,
    *,
    every: timedelta,
    certified_within: timedelta,
    hot_for: timedelta,
    hot_at_most: int,
    least: int,
) -> tuple[KeyRange, ...]:
    """Return the ranges to look at in this tick, in the order of their keys.

    These are the last range, where new keys usually land; up to `hot_at_most` ranges that changed within `hot_for`,
    the latest first; and the others that were certified longest ago: as many as a tick `every` so often needs to
    certify each within `certified_within`, and at least as many as make `least` in all.
    """
    ranges = tuple(ranges)
    changed = [(item.changed_at, item) for item in ranges if item.changed_at and now - item.changed_at < hot_for]
    latest = sorted(changed, key=lambda pair: pair[0], reverse=True)[:hot_at_most]
    hot = {item for item in ranges if item.until is None} | {item for _, item in latest}
    cold = sorted((item for item in ranges if item not in hot), key=_longest_ago)
    ticks = max(1, int(certified_within / every) - 1)  # one less, as a tick may take long
    share = max(-(-len(cold) // ticks), least - len(hot), 0)
    late = [item for item in cold[share:] if item.certified_at is None or now - item.certified_at > certified_within]
    return tuple(sorted([*hot, *cold[:share], *late], key=lambda item: item.after))


def ranges_of_keys(ranges: Sequence[KeyRange], keys: Iterable[str]) -> tuple[KeyRange, ...]:
    """Return the ranges that hold these keys, in the order of their keys. `ranges` are all ranges of a location."""
    ends = [item.until for item in ranges if item.until is not None]
    return tuple(ranges[index] for index in sorted({bisect_left(ends, key) for key in keys}))


def _longest_ago(item: KeyRange) -> tuple[bool, float]:
    return item.certified_at is not None, item.certified_at.timestamp() if item.certified_at else 0.0


def merge_small(ranges: Sequence[KeyRange], page: int = PAGE) -> tuple[KeyRange, ...]:
    """Merge neighbours that together fill at most half a page, as after many deletes or small inserts."""
    kept: list[KeyRange] = []
    for item in ranges:
        before = kept[-1] if kept else None
        if before is not None and item.until is not None and before.held + item.held <= page // 2:
            oldest = min((one.certified_at for one in (before, item) if one.certified_at), default=None)
            newest = max((one.changed_at for one in (before, item) if one.changed_at), default=None)
            held, strange = before.held + item.held, before.strange + item.strange
            kept[-1] = KeyRange(before.after, item.until, held, "", oldest, newest, strange)
        else:
            kept.append(item)
    return tuple(kept)
