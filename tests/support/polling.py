"""Waiting without sleeping for it: a test asks again and again until it is so, and says what it waited for."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(
    ask: Callable[[], T | None], what: str | Callable[[], str], within_s: float = 300, every_s: float = 0.1
) -> T:
    """The first answer that is not None or False. Ends with what was awaited, not with a hanging test."""
    deadline = time.monotonic() + within_s
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what if isinstance(what, str) else what()}: not within {within_s:g} s")
        time.sleep(every_s)  # between two questions, not instead of one
    return answer
