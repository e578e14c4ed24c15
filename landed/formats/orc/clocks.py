"""The clocks of an ORC file's writer, in whose time zone its local times are counted.

A time without a zone is written as the moment at which a clock of the writer's zone shows it. The footer of a stripe
names that zone. So the clock's time is read back by the zone's offset at that moment.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from landed.formats.orc.messages import Damaged
from landed.formats.typed_texts import day_text
from landed.reading.faults import shorten

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime(2015, 1, 1)  # noqa: DTZ001  # seconds are counted from here, in the writer's zone
_DAY_S = 86_400
_CYCLE_S = 146_097 * _DAY_S  # the calendar, and so the rules of zones, repeat after 400 years
_YEAR_1800_S, _YEAR_1900_S, _YEAR_9000_S = -5_364_662_400, -2_208_988_800, 221_845_392_000
_GREGORIAN = -141_427  # 1582-10-15 as days since 1970
_JULIAN_EPOCH = 2_440_588  # 1970-01-01 as a Julian day number
_OLD_NAMES = {"PST": "America/Los_Angeles", "CST": "America/Chicago", "JST": "Asia/Tokyo", "GMT0": "UTC", "Z": "UTC"}
"""Names of zones that Java knows, and the database of zones does not."""
_OFFSET = re.compile("(?:GMT|UTC|UT)?(?P<sign>[+-])(?P<hours>[0-9]{1,2})(?::?(?P<minutes>[0-9]{2}))?", re.ASCII)

Clock = Callable[[int], int]
"""Returns the seconds that a clock of the zone shows at so many seconds since 1970, both counted without a zone."""


def clock_of(name: str, *, is_of_java: bool) -> tuple[int, Clock | None]:
    """Return the first second of 2015 in the zone, and its clock; None for UTC. Raise Damaged.

    Java gives every moment before 1900 the zone's standard offset of today.
    """
    zone = _zone(name)
    offset_s = int((zone.utcoffset(_FIRST) or timedelta()).total_seconds())
    first_s = int((_FIRST.replace(tzinfo=UTC) - _EPOCH).total_seconds()) - offset_s
    if zone is UTC:
        return first_s, None
    standard_s = _standard_offset(zone)

    @lru_cache(maxsize=4096)
    def of_hour(hour: int) -> int | None:
        """Return the offset if it is the same throughout the hour."""
        first, last = _offset(zone, hour * 3600), _offset(zone, hour * 3600 + 3599)
        return first if first == last else None

    def clock(second: int) -> int:
        if is_of_java and second < _YEAR_1900_S:
            return second + standard_s
        offset = of_hour(second // 3600)
        return second + (_offset(zone, second) if offset is None else offset)

    return first_s, clock


def _zone(name: str) -> tzinfo:
    if not name:
        raise Damaged("it has times, and does not name the zone of its writer")
    if name in ("UTC", "GMT", "Etc/UTC", "Etc/GMT", "UCT", "Zulu"):
        return UTC
    if offset := _OFFSET.fullmatch(name):
        ahead = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
        if ahead < timedelta(hours=24):
            return timezone(-ahead if offset["sign"] == "-" else ahead)
    known = _OLD_NAMES.get(name, name)
    if known not in _names():
        example = "such as America/Sao_Paulo or UTC"
        raise Damaged(f"its writer's time zone {shorten(name)!r} is not known; {example}")
    return ZoneInfo(known)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """Return the names of zones. Only a name is one: as a path, America is a folder; localtime is this machine's."""
    return frozenset(available_timezones() - {"localtime"})


def _offset(zone: tzinfo, second: int) -> int:
    """Return the zone's offset in seconds. Outside of the years that Python knows, those are taken that are alike."""
    second = max(second, _YEAR_1800_S)
    if second > _YEAR_9000_S:
        second = _YEAR_9000_S - _CYCLE_S + (second - _YEAR_9000_S) % _CYCLE_S
    moment = (_EPOCH + timedelta(seconds=second)).astimezone(zone)
    return int((moment.utcoffset() or timedelta()).total_seconds())


def _standard_offset(zone: tzinfo) -> int:
    """Return the offset without daylight saving time: the smaller one of winter and summer."""
    offsets = [zone.utcoffset(datetime(2037, month, 1)) or timedelta() for month in (1, 7)]  # noqa: DTZ001
    return int(min(offsets).total_seconds())


def day_of(*, is_hybrid: bool) -> Callable[[int], str]:
    """Return the function for a day as text, "" if it is in no year from 1 to 9999."""
    return _hybrid_day_text if is_hybrid else day_text


def _hybrid_day_text(days: int) -> str:
    if days >= _GREGORIAN:
        return day_text(days)
    return _julian_day_text(days)


@lru_cache(maxsize=4096)
def _julian_day_text(days: int) -> str:
    """Return a day of the Julian calendar. After E. G. Richards, Mapping Time, chapter 25."""
    shifted = days + _JULIAN_EPOCH + 1401
    in_cycle = 4 * shifted + 3
    in_year = 5 * (in_cycle % 1461 // 4) + 2
    day, month = in_year % 153 // 5 + 1, (in_year // 153 + 2) % 12 + 1
    year = in_cycle // 1461 - 4716 + (14 - month) // 12
    return f"{year:04}-{month:02}-{day:02}" if 1 <= year <= 9999 else ""


@lru_cache(maxsize=_DAY_S)
def time_text(second: int) -> str:
    """Return a second of the day as text."""
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
