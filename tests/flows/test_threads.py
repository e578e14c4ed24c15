"""What work in threads promises its caller: order, context, signs of life, and a way out."""

from contextvars import ContextVar
from threading import Barrier, Event

import pytest

from flows.threads import in_threads

RUN = ContextVar("run", default="none")


def test_answers_come_in_the_order_of_the_items_although_all_are_worked_on_at_the_same_time():
    together = Barrier(3, timeout=60)

    def work(item: int) -> int:
        together.wait()
        return 10 * item

    assert in_threads(work, [1, 2, 3], at_once=3) == [10, 20, 30]


def test_work_sees_the_context_of_its_caller():
    before = RUN.set("this one")
    assert in_threads(lambda _: RUN.get(), range(4)) == ["this one"] * 4
    RUN.reset(before)


def test_a_caller_stays_alive_while_it_waits():
    alive = Event()
    assert in_threads(lambda _: alive.wait(60), [1], stay_alive=alive.set) == [True]


def test_a_caller_waits_for_all_calls_together_and_not_for_one_after_the_other():
    alive = list[None]()
    assert in_threads(lambda item: item, range(1000), stay_alive=lambda: alive.append(None)) == list(range(1000))
    assert len(alive) < 100


def test_what_fails_is_raised_after_all_others_are_done():
    done = list[int]()

    def work(item: int) -> None:
        if item == 1:
            raise ValueError("the first")
        done.append(item)

    with pytest.raises(ValueError, match="the first"):
        in_threads(work, [1, 2, 3])
    assert sorted(done) == [2, 3]


def test_a_caller_that_is_interrupted_tells_those_at_work_and_begins_no_others():
    ending, begun, left = Event(), list[int](), list[bool]()

    def work(item: int) -> None:
        begun.append(item)
        left.append(ending.wait(60))

    def interrupted() -> None:
        if len(begun) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_threads(work, range(9), at_once=2, stay_alive=interrupted, ending=ending)
    assert left == [True, True]
    assert sorted(begun) == [0, 1]
