"""Lets the watcher's work take longer than its lease."""

from collections.abc import Callable
from dataclasses import dataclass

Survive = Callable[[str, Callable[[], object]], bool]
"""Takes an action's name for the log and the action. Returns False if AWS or Prefect's server failed it."""


def _raise_trouble(_: str, action: Callable[[], object]) -> bool:
    action()
    return True


@dataclass(frozen=True)
class Liveness:
    """The lease under which the watcher writes, and the calls that keep it alive.

    `holder` must hold the ledger's lease whenever something is written; with None no lease is needed. Work calls
    `stay_alive` between its requests, and `survive` for an action whose failure must not end it. By default errors are
    raised.
    """

    holder: str | None = None
    stay_alive: Callable[[], None] = lambda: None
    survive: Survive = _raise_trouble


ALONE = Liveness()
"""For work outside of a watcher: it needs no lease, and every error is raised."""
