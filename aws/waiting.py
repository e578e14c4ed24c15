"""Waiting, with a deadline, a clock that is an argument, and a sentence that says what for."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from acceptance.errors import StepFailed, WaitTimedOut
from aws.calls import is_passing

State = TypeVar("State")

_GROWTH = 1.125
"""A wait ends at most an eighth too late, and asks two dozen times in its first ten seconds."""


_ending: ContextVar[threading.Event | None] = ContextVar("ending", default=None)


class WaitEnded(BaseException):
    """Whoever waits is to stop what it waits for, and to leave. As for a signal, which reaches the main thread only."""


@contextmanager
def waits_end_with(ending: threading.Event) -> Iterator[None]:
    """Waits that begin inside, in threads that have a copy of this context, raise WaitEnded when `ending` is set."""
    before = _ending.set(ending)
    try:
        yield
    finally:
        _ending.reset(before)


def _sleep(seconds: float) -> None:
    ending = _ending.get()
    if ending is None:
        time.sleep(seconds)
    elif ending.wait(seconds):
        raise WaitEnded("told to end while waiting")


@dataclass(frozen=True, slots=True)
class Clock:
    """Where time comes from, in seconds. `now` never goes back."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = _sleep


REAL_CLOCK = Clock()


def pauses(first_s: float, every_s: float) -> Iterator[float]:
    """Endless pauses between two polls: short at first, each an eighth longer, never more than `every_s`."""
    pause_s = min(first_s, every_s)
    while True:
        yield pause_s
        pause_s = min(pause_s * _GROWTH, every_s)


def poll_until(
    ask: Callable[[], State],
    done: Callable[[State], bool],
    *,
    what: str,
    at_most_s: float,
    clock: Clock = REAL_CLOCK,
    first_s: float = 0.1,
    every_s: float = 2.0,
    shown: Callable[[State], str] = str,
) -> State:
    """The first state for which `done` holds. Asks at once, then as `pauses` says, and last at the deadline.

    A question that AWS or the network left without an answer is asked again, like one whose answer is "not yet".

    Raises:
        WaitTimedOut: "<what>: still <last state> after <N> s", or "<what>: no answer after <N> s: <the last trouble>".
        StepFailed: AWS refused the question.
    """
    deadline = clock.now() + at_most_s
    for pause_s in pauses(first_s, every_s):
        trouble: StepFailed | None = None
        try:
            state = ask()
            if done(state):
                return state
            found = f"still {shown(state)} after {at_most_s:g} s"
        except StepFailed as failure:
            if not is_passing(failure):
                raise
            found, trouble = f"no answer after {at_most_s:g} s: {failure}", failure
        left_s = deadline - clock.now()
        if left_s <= 0:
            raise WaitTimedOut(f"{what}: {found}") from trouble
        clock.sleep(min(pause_s, left_s))
    raise AssertionError("pauses is endless")
