"""The watcher's loop: it takes a list of looks, each every so many seconds, and waits for notifications in between."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Never

from prefect import get_run_logger
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from aws.s3.notifications import Hint, Hints
from flows.watching.keepalive import Liveness
from flows.watching.listing import Landing


@dataclass(frozen=True)
class RecurringLook:
    """Something that the watcher does every `every_s` seconds. `doing` is its name in the log."""

    doing: str
    every_s: float
    act: Callable[[datetime], object]

    def take(self, liveness: Liveness) -> None:
        """Act now. If AWS or Prefect's server fails it, the look is taken again `every_s` later."""
        liveness.survive(self.doing, lambda: self.act(datetime.now(UTC)))
        liveness.stay_alive()


@dataclass(frozen=True)
class Watcher:
    """Takes the looks that are due, in their order. Looks with the same `every_s` are always due together.

    `wait` gets the number of seconds until the next look is due.
    """

    liveness: Liveness
    looks: Sequence[RecurringLook]
    wait: Callable[[float], None] = time.sleep

    def watch(self) -> Never:
        """Take looks for ever.

        Raises:
            LeaseLost: another watcher took over.
            AceiteError: Prefect's server has been gone for too long.
        """
        # Prefect's client would retry for a minute, and the lease would run out meanwhile.
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            due = [time.monotonic()] * len(self.looks)
            while True:
                self.liveness.stay_alive()
                begun = time.monotonic()
                for number, look in enumerate(self.looks):
                    if due[number] <= begun:
                        due[number] = begun + look.every_s
                        look.take(self.liveness)
                self.wait(max(0.0, min(due) - time.monotonic()))


@dataclass(frozen=True)
class HintedWait:
    """Waits for S3 notifications, lists at once the ranges that they point to, and then takes the looks in `then`.

    `receive` waits up to that many seconds for a first notification.
    """

    receive: Callable[[int], Hints]
    landing: Landing
    then: Sequence[RecurringLook]
    liveness: Liveness

    def __call__(self, wait_s: float) -> None:
        if hinted := self._await_hints(wait_s):
            list_there = RecurringLook("listing where notifications point", 0, partial(self.landing.look_where, hinted))
            for look in (list_there, *self.then):
                look.take(self.liveness)

    def _await_hints(self, wait_s: float) -> frozenset[Hint]:
        received: list[Hints] = []
        if not self.liveness.survive("the landing queue", lambda: received.append(self.receive(math.ceil(wait_s)))):
            time.sleep(wait_s)
        for strange in (text for hints in received for text in hints.strange):
            get_run_logger().warning("the landing queue holds a message that is not an S3 notification: %s", strange)
        return frozenset(hint for hints in received for hint in hints.found)
