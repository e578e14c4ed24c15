"""Calls that run in threads, side by side."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from threading import Event
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

STAY_ALIVE_EVERY_S = 1
LEAVE_WITHIN_S = 10
"""How long begun calls have to leave: a run is killed 30 s after it was told to end."""


def in_threads(
    work: Callable[[Item], Answer],
    items: Iterable[Item],
    *,
    at_once: int = 8,
    stay_alive: Callable[[], None] | None = None,
    ending: Event | None = None,
) -> list[Answer]:
    """Return what `work` answers for each item, in their order.

    Each call runs in a copy of the caller's context, which says which run this is and which Prefect server it asks.
    `stay_alive` is called at least once a second while the caller waits.

    If the caller or a call is told to end, the calls that have not begun are dropped and nobody waits for the others.
    With `ending`, that event is set, and the others have LEAVE_WITHIN_S to leave.

    Raises what `work` raised for the first item for which it failed, after all calls have ended. A signal that `work`
    raised (BaseException, such as Prefect's TerminationSignal) is raised at once.
    """
    pool = ThreadPoolExecutor(at_once)
    calls: list[Future[Answer]] = []
    try:
        for item in items:
            calls.append(pool.submit(copy_context().run, work, item))
        waiting = set(calls)
        while waiting:
            done, waiting = wait(waiting, STAY_ALIVE_EVERY_S if stay_alive else None, FIRST_EXCEPTION)
            for error in (call.exception() for call in done):
                if error is not None and not isinstance(error, Exception):
                    raise error
            if stay_alive:
                stay_alive()
        return [call.result() for call in calls]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        running = [call for call in calls if not call.done()]
        if running and ending is not None:
            ending.set()
            wait(running, LEAVE_WITHIN_S)
