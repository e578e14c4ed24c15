"""The runner of `aceite up` starts a watcher, whatever is missing beside its deployment."""

from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId

from automations.deployments import deployments
from blocks.settings import read_settings
from cli.serving.flows_server import start_watching


def test_a_watcher_is_started_though_somebody_deleted_the_deployments_of_the_validations(prefect_server: str):
    watcher: Any
    watcher, *validations = deployments(read_settings())
    with get_client(sync_client=True) as client:
        there = {each.name: each.id for each in client.read_deployments()}
        for deployment in (watcher, *validations):  # the server is one that other tests use too
            if deployment.name in there:
                client.delete_deployment(there[deployment.name])
        made = watcher.apply()
        start_watching(watcher)
        of_it = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[made]))
        runs = client.read_flow_runs(flow_run_filter=of_it)
        client.delete_deployment(made)
    assert [run.name for run in runs] == ["watch the landing locations"]
