"""How often a task is tried again. Retries live only here.

A task that starts something has none: after an unclear answer it must not be done twice, and `aws` finds out what was
done. A task that may be repeated is tried again when AWS or the network is the trouble, or when AWS denies something,
which for some seconds may be a policy on its way. A task that waits has a deadline of its own, and asks until then.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from aws.calls import is_denied, is_transient
from aws.waiting import REAL_CLOCK

Answer = TypeVar("Answer")


def may_pass(error: object) -> bool:
    """Return whether a later try may succeed."""
    return is_transient(error) or is_denied(error)


def _may_pass(_: Task[..., Any], __: TaskRun, state: State[Any]) -> bool:
    return may_pass(state.result(raise_on_failure=False))


REPEATABLE: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": [1, 5, 20],
    "retry_condition_fn": _may_pass,
    "cache_policy": NO_CACHE,
}
ONCE: dict[str, Any] = {"retries": 0, "cache_policy": NO_CACHE}


def try_as_often_as(task: Task[..., Answer], call: Callable[[], Answer]) -> Answer:
    """Make the call as often as Prefect would run the task, without a task run. Raises the error of the last try."""
    delays: Any = task.retry_delay_seconds
    for delay_s in delays if task.retries else ():
        try:
            return call()
        except Exception as error:
            if not may_pass(error):
                raise
            REAL_CLOCK.sleep(delay_s)
    return call()
