"""Local times of a zone in UTC, by the IANA database that Python's zoneinfo reads: no engine brings an older one."""

from datetime import datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local times have no zone
_DAY_US = 86_400_000_000
_KEPT_DAYS = 100_000


def is_skipped(zone: str, local: datetime) -> bool:
    """Return True if the zone's clocks never showed that local time, because they were put forward over it."""
    return _offset(_zone(zone), local) < _offset(_zone(zone), local, fold=1)


class UtcOfZone:
    """Converts many local times of one zone to UTC, both in microseconds since 1970.

    A time that the clocks show twice is the earlier one, as in Java, Spark and Python. A time that they skip is None,
    or with `forward` the moment by the offset before, again as these three have it. One beyond the years 1 to 9999 is
    None.
    """

    def __init__(self, zone: str, *, forward: bool) -> None:
        self._zone, self._forward = _zone(zone), forward
        self._offset_of_day = lru_cache(_KEPT_DAYS)(self._offset_all_day)

    def __call__(self, local_us: int | None) -> int | None:
        if local_us is None:
            return None
        offset_us = self._offset_of_day(local_us // _DAY_US)
        return self._by_clock(local_us) if offset_us is None else local_us - offset_us

    def _offset_all_day(self, day: int) -> int | None:
        """Return the offset in microseconds; None if the clocks change within a day of this one."""
        try:
            moments = [_EPOCH + timedelta(day + more) for more in (-1, 0, 1, 2)]
        except OverflowError:
            return None
        first, *others = {_offset(self._zone, moment, fold) for moment in moments for fold in (0, 1)}
        return None if others else first // timedelta(microseconds=1)

    def _by_clock(self, local_us: int) -> int | None:
        try:
            local = _EPOCH + timedelta(microseconds=local_us)
        except OverflowError:
            return None
        before, after = (_offset(self._zone, local, fold) for fold in (0, 1))
        return None if before < after and not self._forward else local_us - before // timedelta(microseconds=1)


def _offset(zone: ZoneInfo, local: datetime, fold: int = 0) -> timedelta:
    return local.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta()


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
