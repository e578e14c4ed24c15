"""A deployment is deleted on Prefect's page and made again by `aceite apply`, beside a runner that serves it."""

import asyncio
from typing import Any
from uuid import UUID

import warm_flows
from prefect.client.orchestration import get_client
from prefect.types.entrypoint import EntrypointType

from flows.prefect_api import outages
from flows.prefect_api.outages import LastingRunner


def test_a_deployment_that_was_deleted_and_made_again_is_served_by_the_runner_that_served_it(prefect_server: str):
    made: Any = warm_flows.report.to_deployment("again", entrypoint_type=EntrypointType.MODULE_PATH)
    told: list[None] = []

    async def serve() -> None:
        runner = LastingRunner("again", lambda: told.append(None), pause_on_shutdown=False)
        first = await runner.aadd_deployment(made)
        async with runner:
            poller: Any = runner._scheduled_run_poller
            with get_client(sync_client=True) as client:
                client.delete_deployment(first)
                for _ in range(2):
                    runner._looked_s -= outages.LOOK_FOR_DEPLOYMENTS_EVERY_S
                    await poller._get_and_submit_flow_runs()
                assert told == [], "it is gone"
                second = await made.aapply()
                for _ in range(2):
                    runner._looked_s -= outages.LOOK_FOR_DEPLOYMENTS_EVERY_S
                    await poller._get_and_submit_flow_runs()
                assert runner._deployment_registry.get_deployment_ids() == {first, second}
                client.delete_deployment(second)

    asyncio.run(serve())
    assert told == [None]


def test_a_deployment_that_is_deleted_once_more_while_it_is_served_again_ends_no_runner(prefect_server: str):
    """What its runner does for it finds nothing then. Made again, it is served."""
    made: Any = warm_flows.report.to_deployment("once more", entrypoint_type=EntrypointType.MODULE_PATH)
    told: list[UUID] = []

    def delete_at_first() -> None:
        with get_client(sync_client=True) as client:
            found = client.read_deployment_by_name(f"{made.flow_name}/{made.name}").id
            told.append(found)
            if len(told) == 1:
                client.delete_deployment(found)
                client.create_flow_run_from_deployment(found)

    async def serve() -> None:
        runner = LastingRunner("once more", delete_at_first, pause_on_shutdown=False)
        first = await runner.aadd_deployment(made)
        async with runner:
            poller: Any = runner._scheduled_run_poller
            with get_client(sync_client=True) as client:
                client.delete_deployment(first)
                for _ in range(2):
                    await made.aapply()
                    runner._looked_s -= outages.LOOK_FOR_DEPLOYMENTS_EVERY_S
                    await poller._get_and_submit_flow_runs()
                assert runner._deployment_registry.get_deployment_ids() == {first, told[1]}
                client.delete_deployment(told[1])

    asyncio.run(serve())
    assert len(told) == 2
