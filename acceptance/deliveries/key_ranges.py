"""A bucket's listing, divided into ranges of keys that are certified one by one.

Below a location (bucket and prefix) the ranges touch each other: each begins after the key with which the one before
ends, and the last has no end. So every key that is there, or may come, lies in exactly one range. A range is certified
by one request for as many keys as it held before: any new, replaced or deleted key changes that answer. For this each
range must end with a key that existed when it was cut; behind a deleted last key something could land unseen.

No time and no order of arrival is assumed. Keys are compared as S3 does, by UTF-8 bytes, which for Python's text is
the order of code points.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from acceptance.deliveries.delivery import LandingObject

PAGE = 1000
"""Keys in one answer of ListObjectsV2 at most, and so in one range."""


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The keys after `after` up to and including `until`; None is the end of the location.

    `held` keys and `digest` are of the answer that certified it last; without a digest the next one is read in full.
    """

    after: str = ""
    until: str | None = None
    held: int = PAGE
    digest: str = ""
    certified_at: datetime | None = None
    changed_at: datetime | None = None

    def asks_for(self, page: int) -> int:
        """How many keys to ask for. The last range asks for a page: nothing says how many keys come."""
        return page if self.until is None else min(self.held, page)


@dataclass(frozen=True, slots=True)
class Page:
    """One answer to `asked` keys after a key. `truncated`: there are more keys behind it."""

    objects: tuple[LandingObject, ...]
    digest: str
    truncated: bool
    asked: int = PAGE


@dataclass(frozen=True, slots=True)
class Part:
    """A page, seen as the beginning of a range.

    `objects` are what the range holds up to `until`, which is the end of what the page tells about: None is that of the
    location. `ended` is whether that is the end of the range as well. `digest` is empty if the same answer would not
    come from asking for exactly these keys.
    """

    objects: tuple[LandingObject, ...]
    until: str | None
    ended: bool
    digest: str


def beginning(looked_at: KeyRange, page: Page) -> Part:
    end = looked_at.until
    within = tuple(found for found in page.objects if end is None or found.key <= end)
    whole = len(within) == len(page.objects)
    last = within[-1].key if within else looked_at.after
    ended = not whole or not page.truncated or last == end
    known = whole and (len(within) == page.asked or not page.truncated)
    return Part(within, end if ended else last, ended, page.digest if known else "")


def cut(
    looked_at: KeyRange, part: Part, now: datetime, *, changed: bool, remembered: int
) -> tuple[tuple[KeyRange, ...], KeyRange | None]:
    """Divides a range by what a page tells about, which is certified by that.

    `changed` is whether any key of the part was new, replaced or deleted; what is found by the first look of all did
    not happen just now. `remembered` keys were known in the part before. Returns the ranges that replace the one that
    was looked at, and the last of them if it must be looked at further.
    """
    changed_at = now if changed and looked_at.certified_at else looked_at.changed_at
    held = len(part.objects)
    last = part.objects[-1].key if held else looked_at.after
    done = KeyRange(looked_at.after, last, held, part.digest, now, changed_at)
    if not part.ended:
        # So many keys should be left: asked for as many, the next answer is the one that certifies them.
        left = looked_at.held - remembered if looked_at.held > remembered else PAGE
        rest = replace(looked_at, after=last, held=left, digest="", changed_at=changed_at)
        return (done, rest), rest
    if part.until is None:
        return (replace(done, until=None),), None
    return (done,) if held else (), None


@dataclass(frozen=True, slots=True)
class Differences:
    """What a listing says that the ledger does not. A replaced key is `new`; `resent` has the bytes it had before."""

    new: tuple[LandingObject, ...]
    resent: tuple[LandingObject, ...]
    gone: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.new or self.resent or self.gone)


def differences(listed: Sequence[LandingObject], remembered: Mapping[str, LandingObject]) -> Differences:
    """Compares the same range of keys on both sides. Any difference of etag, size or last modified is a new version."""
    new: list[LandingObject] = []
    resent: list[LandingObject] = []
    for found in listed:
        before = remembered.get(found.key)
        if before == found:
            continue
        same_bytes = before is not None and (before.etag, before.size) == (found.etag, found.size)
        (resent if same_bytes else new).append(found)
    there = {found.key for found in listed}
    return Differences(tuple(new), tuple(resent), tuple(key for key in remembered if key not in there))


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
    """The ranges to look at in this tick, in the order of their keys.

    The last one, where new keys come as a rule, and where something happened in the last `hot_for`, the latest first,
    `hot_at_most` of them. Of the others those that were certified longest ago: as many as it takes, with a tick `every`
    so often, to certify each within `certified_within`; and so many that at least `least` are looked at, which for a
    small location is all of it.
    """
    ranges = tuple(ranges)
    changed = [(item.changed_at, item) for item in ranges if item.changed_at and now - item.changed_at < hot_for]
    latest = sorted(changed, key=lambda pair: pair[0], reverse=True)[:hot_at_most]
    hot = {item for item in ranges if item.until is None} | {item for _, item in latest}
    cold = sorted((item for item in ranges if item not in hot), key=_longest_ago)
    ticks = max(1, int(certified_within / every) - 1)  # one tick less, for a tick may take its time
    share = max(-(-len(cold) // ticks), least - len(hot), 0)
    late = [item for item in cold[share:] if item.certified_at is None or now - item.certified_at > certified_within]
    return tuple(sorted([*hot, *cold[:share], *late], key=lambda item: item.after))


def holding(ranges: Sequence[KeyRange], keys: Iterable[str]) -> tuple[KeyRange, ...]:
    """The ranges in which these keys lie, in the order of their keys. `ranges` are all of a location."""
    ends = [item.until for item in ranges if item.until is not None]
    return tuple(ranges[index] for index in sorted({bisect_left(ends, key) for key in keys}))


def _longest_ago(item: KeyRange) -> tuple[bool, float]:
    return item.certified_at is not None, item.certified_at.timestamp() if item.certified_at else 0.0


def merged(ranges: Sequence[KeyRange], page: int = PAGE) -> tuple[KeyRange, ...]:
    """Neighbours that together fill at most half a page become one, after many deletes or small inserts."""
    kept: list[KeyRange] = []
    for item in ranges:
        before = kept[-1] if kept else None
        if before is not None and item.until is not None and before.held + item.held <= page // 2:
            oldest = min((one.certified_at for one in (before, item) if one.certified_at), default=None)
            newest = max((one.changed_at for one in (before, item) if one.changed_at), default=None)
            kept[-1] = KeyRange(before.after, item.until, before.held + item.held, "", oldest, newest)
        else:
            kept.append(item)
    return tuple(kept)
