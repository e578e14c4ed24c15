"""Cancels runs also after an outage of Prefect's server. Prefect's own observer gives up after half a minute."""

import asyncio
from uuid import UUID

from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.logging import get_logger
from prefect.runner._flow_run_executor import FlowRunExecutorContext

from flows.prefect_api.outages import outlasting

_LOOK_EVERY_S = 10
_CANCELLING = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLING]))


class Cancelling:
    """Replaces the call of Prefect's observer, in which an error would end the worker, and polls by itself."""

    def __init__(self, execution: FlowRunExecutorContext) -> None:
        self._execution = execution
        self._cancel_by_id = execution._cancellation_manager.cancel_by_id
        execution._cancellation_manager.cancel_by_id = self._cancel  # type: ignore[method-assign]
        self._under_way: set[UUID] = set()
        self._looked = outlasting(self._look, "the look for cancelled runs")

    async def look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                await self._looked()
            except Exception:  # noqa: BLE001  # whatever it is: the next look is a new try
                get_logger("worker").exception("could not look for cancelled runs, will be tried again")

    async def _look(self) -> None:
        """Cancel the runs that should be, and ask only while runs go on. The next poll repeats what failed."""
        running = self._execution.process_manager.flow_run_ids()
        if running:
            theirs = FlowRunFilter(id=FlowRunFilterId(any_=list(running)), state=_CANCELLING)
            found = await self._execution.client.read_flow_runs(flow_run_filter=theirs)
            await asyncio.gather(*(self._cancel(flow_run.id) for flow_run in found))

    async def _cancel(self, flow_run_id: UUID) -> None:
        if flow_run_id in self._under_way:
            return
        self._under_way.add(flow_run_id)
        try:
            await self._cancel_by_id(flow_run_id)
        except Exception:  # noqa: BLE001  # it would end all runs of the worker
            get_logger("worker").exception("run %s could not be cancelled, will be tried again", flow_run_id)
        finally:
            self._under_way.discard(flow_run_id)
