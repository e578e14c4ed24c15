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
        async with WarmPool(1, (), environment, "world", Share(age_s=1)) as pool:
            first = pool.processes
            environment["NOBODY_CAN_START_WITH"] = "a\0"
            await asyncio.to_thread(eventually, lambda: not pool.processes, "the end of the first")
            del environment["NOBODY_CAN_START_WITH"]
            await asyncio.to_thread(eventually, lambda: pool.processes, "another process")
            assert pool.processes[0] not in first

    asyncio.run(tend())


def test_no_run_is_given_to_a_process_that_has_done_its_share():
    async def take() -> None:
        async with WarmPool(1, (), ENVIRONMENT, "world", Share(age_s=0)) as pool:
            (old,) = pool.processes
            taken = await pool.take("world")
            assert taken is not old
            pool.give_back(taken)

    asyncio.run(take())
