"""The watcher takes its looks in their order and in their rhythm, and outlives trouble in one of them."""

from collections.abc import Callable
from datetime import datetime

import pytest

from acceptance.errors import LeaseLost, StepFailed
from flows.watching.keepalive import Liveness
from flows.watching.watcher import RecurringLook, Watcher

RARELY_S = 3600


def watch(passes: int, *looks: tuple[str, float, Callable[[datetime], object]]) -> tuple[list[str], list[float]]:
    """What a watcher did in so many passes, and how long it was ready to wait behind each."""
    done, waits = list[str](), list[float]()

    def survive(doing: str, action: Callable[[], object]) -> bool:
        try:
            action()
        except StepFailed:
            done.append(f"{doing} failed")
            return False
        done.append(doing)
        return True

    def wait(wait_s: float) -> None:
        waits.append(wait_s)
        if len(waits) == passes:
            raise LeaseLost("by another watcher")

    with pytest.raises(LeaseLost):
        Watcher(Liveness(survive=survive), [RecurringLook(*each) for each in looks], wait).watch()
    return done, waits


def nothing(_: datetime) -> None:
    """All is well."""


def trouble(_: datetime) -> None:
    raise StepFailed("S3 does not answer")


def test_all_looks_are_taken_at_once_and_then_each_when_it_is_due():
    done, waits = watch(3, ("list", RARELY_S, nothing), ("announce", 0, nothing), ("follow up", RARELY_S, nothing))
    assert done == ["list", "announce", "follow up", "announce", "announce"]
    assert waits == [0.0, 0.0, 0.0]


def test_until_the_next_look_is_due_the_watcher_waits():
    _, (wait_s,) = watch(1, ("list", RARELY_S, nothing), ("sweep", 2 * RARELY_S, nothing))
    assert RARELY_S - 60 < wait_s <= RARELY_S


def test_trouble_in_a_look_keeps_back_no_other_and_it_is_taken_again():
    done, _ = watch(2, ("list", 0, trouble), ("announce", 0, nothing))
    assert done == ["list failed", "announce", "list failed", "announce"]
