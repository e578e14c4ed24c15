"""Polling with a deadline, an injected clock, and a message that says what we wait for."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from acceptance.errors import StepFailed, WaitTimedOut
from aws.calls import is_transient

State = TypeVar("State")

_GROWTH = 1.125
"""Each pause is an eighth longer: a wait ends at most an eighth late and polls two dozen times in ten seconds."""

_ending: ContextVar[threading.Event | None] = ContextVar("ending", default=None)


_turns: ContextVar[threading.Semaphore | None] = ContextVar("turns", default=None)


class WaitEnded(BaseException):
    """Tells a waiting thread to stop what it waits for and return, as a signal does for the main thread."""


@contextmanager
def waits_end_with(ending: threading.Event) -> Iterator[None]:
    """Make waits that begin inside, in threads with a copy of this context, raise WaitEnded once `ending` is set."""
    before = _ending.set(ending)
    try:
        yield
    finally:
        _ending.reset(before)


@contextmanager
def waits_between(turns: threading.Semaphore | None) -> Iterator[None]:
    """Take one of the turns for what is done inside. A wait leaves it to others. Without turns, do nothing."""
    if turns is None:
        yield
        return
    before = _turns.set(turns)
    try:
        with turns:
            yield
    finally:
        _turns.reset(before)


@contextmanager
def stopped_unless_awaited(stop: Callable[[], str]) -> Iterator[None]:
    """Stop what is awaited inside if it is late, or if our own run is cancelled: nothing may go on to write a table.

    `stop` returns how it went, as a phrase that ends the message of WaitTimedOut.
    """
    try:
        yield
    except WaitTimedOut as late:
        raise WaitTimedOut(f"{late}, {stop()}") from late
    except BaseException as error:
        if not isinstance(error, Exception):
            stop()
        raise


def _sleep(seconds: float) -> None:
    turns = _turns.get()
    if turns is None:
        _sleep_or_end(seconds)
        return
    turns.release()
    try:
        _sleep_or_end(seconds)
    finally:
        turns.acquire()


def _sleep_or_end(seconds: float) -> None:
    ending = _ending.get()
    if ending is None:
        time.sleep(seconds)
    elif ending.wait(seconds):
        raise WaitEnded("the run ends, so this wait ends")


@dataclass(frozen=True, slots=True)
class Clock:
    """The source of time, in seconds. `now` never goes back."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = _sleep


REAL_CLOCK = Clock()


def pauses(first_s: float, every_s: float) -> Iterator[float]:
    """Yield pauses in seconds, without end: the first is `first_s`, each an eighth longer, none above `every_s`."""
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
    every_s: float = 2.0,
    shown: Callable[[State], str] = str,
) -> State:
    """Return the first state for which `done` holds. Ask at once, then after each of `pauses`, last at the deadline.

    A transient error counts like "not yet": `ask` is called again.

    Raises:
        WaitTimedOut: "<what>: still <last state> after <N> s", or "<what>: no response after <N> s: <last error>".
        StepFailed: `ask` failed for good.
    """
    deadline = clock.now() + at_most_s
    for pause_s in pauses(0.1, every_s):
        trouble: StepFailed | None = None
        try:
            state = ask()
            if done(state):
                return state
            last = f"still {shown(state)} after {at_most_s:g} s"
        except StepFailed as failure:
            if not is_transient(failure):
                raise
            last, trouble = f"no response after {at_most_s:g} s: {failure}", failure
        left_s = deadline - clock.now()
        if left_s <= 0:
            raise WaitTimedOut(f"{what}: {last}") from trouble
        clock.sleep(min(pause_s, left_s))
    raise AssertionError("pauses is endless")
