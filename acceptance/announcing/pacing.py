"""How many announcements may be on their way to Prefect's server at a time, and which of them it has lost.

On its way is what was posted and what the server's event store does not show yet. Until then it is in queues in the
server's memory, which hold 10,000 events each, drop without a word what does not fit, and end with the server.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FEWEST, MOST = 50, 500
"""MOST is half of the 1,000 event ids by which the server knows an event that is posted again. Two copies of one event
in its queue make it drop the whole batch in which it writes them."""
STEP = 50
LATE = timedelta(seconds=10)
"""Twice the time after which the server writes what is less than a batch."""

OVERTAKEN = timedelta(seconds=15)
SILENCE = timedelta(seconds=45)
"""Longer than the 30 s for which the server waits when another process locks its SQLite."""

ACTIONS_WAITING_AT_MOST = 200
"""Automations that fired and whose action waits for its turn. The server runs one or two a second, forgets all of them
when it ends, and gets slow for everybody when there are thousands."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """What the watcher learned of the server's speed. `window` announcements may be on their way.

    The window grows by STEP whenever the server stored some and none is late; it is halved when one is, once in LATE.
    `stored_at` says when the server last stored any, `newest_stored` when the newest of those that it stored was
    posted, `refused_at` when it could last not be reached. All times are in UTC.
    """

    window: int = 2 * FEWEST
    halved_at: datetime | None = None
    stored_at: datetime | None = None
    newest_stored: datetime | None = None
    refused_at: datetime | None = None

    def learn(self, stored: Iterable[datetime], on_their_way: Iterable[datetime], now: datetime) -> "Pacing":
        """Both are the times at which announcements were posted; on their way are those that the server has not."""
        newest = max(stored, default=None)
        learned = self
        if newest is not None:
            learned = replace(self, stored_at=now, newest_stored=max(newest, self.newest_stored or newest))
        if any(now - posted_at > LATE for posted_at in on_their_way):
            return learned._halved(now)
        return learned if newest is None else replace(learned, window=min(self.window + STEP, MOST))

    def is_lost(self, posted_at: datetime, now: datetime) -> bool:
        """Of one that is not stored: the server cannot have it any more, or has stored nothing for very long.

        It writes in the order in which it gets them, so one that is overtaken was dropped; and one that was posted
        before the server could not be reached was in the memory of a process that is gone.
        """
        if self.refused_at is not None and posted_at <= self.refused_at:
            return True
        if self.newest_stored is not None and self.newest_stored - posted_at >= OVERTAKEN:
            return True
        return now - max(posted_at, self.stored_at or posted_at) >= SILENCE

    def room(self, on_their_way: int, actions_waiting: int) -> int:
        """How many more may be posted now."""
        allowed = self.window - on_their_way
        if actions_waiting > 0:
            allowed = min(allowed, ACTIONS_WAITING_AT_MOST - actions_waiting)
        return max(0, allowed)

    def refused(self, now: datetime) -> "Pacing":
        """The server cannot be reached."""
        return replace(self, refused_at=now)

    def _halved(self, now: datetime) -> "Pacing":
        if self.halved_at is not None and now - self.halved_at < LATE:
            return self
        return replace(self, window=max(self.window // 2, FEWEST), halved_at=now)
