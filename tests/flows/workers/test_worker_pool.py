"""The processes of a worker, without runs: what is replaced, and when."""

import asyncio
import os

from polling import eventually
from repository import ROOT

from flows.workers.pool import Share, WarmPool

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def test_when_a_process_could_not_be_started_for_a_moment_the_next_try_starts_it():
    environment = dict(ENVIRONMENT)

    async def tend() -> None:
        async with WarmPool((), environment, "world", Share(age_s=1)) as pool:
            first = pool.processes
            environment["NOBODY_CAN_START_WITH"] = "a\0"
            await asyncio.to_thread(eventually, lambda: not pool.processes, "the end of the first")
            del environment["NOBODY_CAN_START_WITH"]
            await asyncio.to_thread(eventually, lambda: pool.processes, "another process")
            assert pool.processes[0] not in first

    asyncio.run(tend())


def test_no_run_is_given_to_a_process_that_has_done_its_share():
    async def take() -> None:
        async with WarmPool((), ENVIRONMENT, "world", Share(age_s=0)) as pool:
            (old,) = pool.processes
            taken = await pool.take("world")
            assert taken is not old
            pool.give_back(taken)

    asyncio.run(take())


def test_one_process_waits_for_work_and_another_is_started_when_a_run_finds_none():
    async def take() -> None:
        async with WarmPool((), ENVIRONMENT, "world") as pool:
            (first,) = pool.processes
            taken = await pool.take("world")
            assert taken is first
            assert pool.processes == (first,)
            second = await pool.take("world")
            assert set(pool.processes) == {first, second}
            for process in (first, second):
                pool.give_back(process)
            assert await pool.take("world") is second, "the last used, so that the other may end"

    asyncio.run(take())


def test_a_run_that_waits_takes_the_process_that_is_given_back_before_the_new_one_is_ready():
    async def take() -> None:
        async with WarmPool((), ENVIRONMENT, "world") as pool:
            first = await pool.take("world")
            waiting = [asyncio.create_task(pool.take("world")) for _ in range(2)]
            while len(pool.processes) < 3:
                await asyncio.sleep(0)
            pool.give_back(first)
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            assert [task.result() for task in done] == [first]
            others = {await task for task in waiting} - {first}
            assert len(others) == 1, "the other run has one of the two that were started"
            assert len(pool.processes) == 3

    asyncio.run(take())


def test_of_the_processes_that_nothing_uses_one_stays():
    async def tend() -> None:
        async with WarmPool((), ENVIRONMENT, "world", Share(unused_s=0)) as pool:
            taken = [await pool.take("world") for _ in range(2)]
            for process in taken:
                pool.give_back(process)
            await asyncio.to_thread(eventually, lambda: len(pool.processes) == 1, "the end of one")
            assert (await pool.take("world")) in taken

    asyncio.run(tend())
