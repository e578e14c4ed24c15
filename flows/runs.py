"""Questions about flow runs to Prefect's server."""

from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound


def has_ended(flow_run_id: str) -> bool:
    """Whether the run can do nothing any more. One that the server does not know is of a server that is gone."""
    with get_client(sync_client=True) as client:
        try:
            state = client.read_flow_run(UUID(flow_run_id)).state
        except ObjectNotFound:
            return True
    return state is not None and state.is_final()
