"""Durations as a contract writes them: 30s, 5m, 2h, 1h30m."""

import re
from datetime import timedelta

from acceptance.odcs.document.node import Node, shown

_LONGEST = timedelta(hours=48)  # a Glue job's own default timeout
_DURATION = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,4})m)?(?:(\d{1,6})s)?", re.ASCII)


def read_duration(node: Node, default: str) -> timedelta:
    """Return the duration, the default for an absent value. For a refused value the result has no meaning."""
    match = _DURATION.fullmatch(default if node.value is None else str(node.value))
    hours, minutes, seconds = (int(number or 0) for number in (match.groups() if match else (0, 0, 0)))
    duration = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if not timedelta() < duration <= _LONGEST:
        node.refuse(f"found {shown(node.value)}; a duration is such as 30s, 5m, 2h or 1h30m, at most 48h")
    return duration
