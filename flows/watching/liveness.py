"""What work of the watcher needs in order to take long."""

from collections.abc import Callable
from dataclasses import dataclass

Survive = Callable[[str, Callable[[], object]], bool]
"""Does an action, which the log calls by the text. Returns False after trouble that the watcher outlives."""


def _raise_trouble(_: str, action: Callable[[], object]) -> bool:
    action()
    return True


@dataclass(frozen=True)
class Liveness:
    """The lease under which the watcher writes, and how it stays alive meanwhile.

    `holder` must hold the ledger's lease whenever something is written; None if nobody has to. `stay_alive` is called
    between requests. Without a `survive` of the watcher's, trouble is raised.
    """

    holder: str | None = None
    stay_alive: Callable[[], None] = lambda: None
    survive: Survive = _raise_trouble


ALONE = Liveness()
"""No lease, and all trouble is raised."""
