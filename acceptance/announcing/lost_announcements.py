"""Which announcements Prefect's server has lost.

An announcement is on its way from when it is posted until the server's event store shows it. Until then it is in
queues in the server's memory, which hold 10,000 events each, drop without a word what does not fit, and end with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

ON_THEIR_WAY_AT_MOST = 200
"""A fifth of the 1,000 event ids by which the server knows an event that is posted again. Two copies of one event in
its queue make it drop the whole batch in which it writes them."""

OVERTAKEN = timedelta(seconds=15)
SILENCE = timedelta(seconds=45)
"""Longer than the 30 s for which the server waits when another process locks its SQLite."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the server has come. All times are in UTC.

    `stored_at` says when it last stored any announcement, `newest_stored` when the newest that it stored was posted,
    `refused_at` when it last could not be reached.
    """

    stored_at: datetime | None = None
    newest_stored: datetime | None = None
    refused_at: datetime | None = None

    def stored(self, posted_at: Iterable[datetime], now: datetime) -> "Progress":
        """Returns the progress after the server stored announcements that were posted at these times."""
        newest = max(posted_at, default=None)
        if newest is None:
            return self
        return replace(self, stored_at=now, newest_stored=max(newest, self.newest_stored or newest))

    def refused(self, now: datetime) -> "Progress":
        """Returns the progress after the server could not be reached."""
        return replace(self, refused_at=now)

    def is_lost(self, posted_at: datetime, now: datetime) -> bool:
        """Returns whether the server lost an announcement that it does not show, or has stored nothing for very long.

        The server writes in the order in which it gets them, so one that is overtaken was dropped; and one that was
        posted before the server could not be reached was in the memory of a process that is gone.
        """
        if self.refused_at is not None and posted_at <= self.refused_at:
            return True
        if self.newest_stored is not None and self.newest_stored - posted_at >= OVERTAKEN:
            return True
        return now - max(posted_at, self.stored_at or posted_at) >= SILENCE
