"""Turns with Glue jobs: threads of this process that are about to start runs do not take the same place."""

from collections import defaultdict
from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Turns:
    """The deliveries whose run of a job is about to start, by job. Glue does not list such a run yet."""

    _starting: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _lock: Lock = field(default_factory=Lock)

    def take(self, job: str, delivery: str, at_work: int, at_most: int) -> bool:
        """Take a place for a run of the job, and return True, if one is free."""
        with self._lock:
            others = self._starting[job] - {delivery}
            if at_work + len(others) >= at_most:
                return False
            self._starting[job].add(delivery)
            return True

    def end(self, job: str, delivery: str) -> None:
        """Give the place back: Glue lists the run now, or nobody starts it."""
        with self._lock:
            self._starting[job].discard(delivery)


TURNS = Turns()
