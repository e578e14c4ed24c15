"""What every poller does: it says that it is ready, polls once for each line that it is sent, and says what that cost.

Only the standard library: it runs in the environment of each system that is measured. The folder in which a process is
started is the one where its system may keep what the next process needs.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO, TypeVar

BUCKET = "landing"
PREFIX = "business/"
KEY = PREFIX + "{vendor}/{business_date:%Y%m%d}/{file}.csv"
NEW_DAY = date(2026, 7, 1)
"""That of the keys that come while the systems watch."""

STATE = Path()
T = TypeVar("T")


def serve(poll: Callable[[], T], count: Callable[[T], int], packages: Sequence[str]) -> None:
    """`count` says how many objects are new to the system by what `poll` returned; that is not measured."""
    versions = {"python": platform.python_version()} | {package: version(package) for package in packages}
    with _own_output() as output:
        _say(output, versions)
        for _ in sys.stdin:
            cpu_s = time.process_time()
            answer = poll()
            cpu_s = time.process_time() - cpu_s
            _say(output, {"cpu_s": cpu_s, "found": count(answer)})


@contextmanager
def _own_output() -> Iterator[TextIO]:
    """What a system prints goes to standard error, so that standard output holds the answers and nothing else."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as output:
        os.dup2(2, 1)
        yield output


def _say(output: TextIO, answer: dict[str, Any]) -> None:
    output.write(json.dumps(answer) + "\n")
    output.flush()
