"""A run of a flow as a worker begins it, and begins it again when a person retries it on Prefect's page."""

from typing import Any

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.flow_engine import run_flow
from prefect.states import AwaitingRetry, Scheduled


class Run:
    """A run of the flow as a worker begins it: Prefect's server knows it, and how often it began."""

    def __init__(self, flow: Flow[..., Any], **parameters: Any) -> None:
        self._flow = flow
        with get_client(sync_client=True) as client:
            self.id = client.create_flow_run(flow, parameters=parameters, state=Scheduled()).id

    def begin(self) -> State:
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(self.id)
        state: Any = run_flow(self._flow, flow_run=run, parameters=run.parameters, return_type="state")
        return state

    def retry(self) -> State:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(self.id, AwaitingRetry(), force=True)
        return self.begin()

    def known(self) -> FlowRun:
        """The run as Prefect's server knows it."""
        with get_client(sync_client=True) as client:
            return client.read_flow_run(self.id)
