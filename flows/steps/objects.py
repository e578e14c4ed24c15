"""The tasks that wait for objects in S3."""

from collections.abc import Sequence
from datetime import timedelta

from prefect import task

from acceptance.deliveries.delivery import LandingObject
from aws.s3 import objects as s3
from flows.installation.clients import load_clients
from flows.steps.retries import REPEATABLE
from flows.steps.timeline import StepResult


@task(name="await object", **REPEATABLE)
def await_object(uri: str, known: frozenset[LandingObject], within: timedelta) -> StepResult:
    s3.await_object(load_clients().of("s3"), uri, known=known, within=within)
    return StepResult(detail="it is there")


@task(name="look at what is there", **REPEATABLE)
def look_at(uris: Sequence[str]) -> StepResult:
    """Return by uri the object versions that are there before the pipeline runs."""
    client = load_clients().of("s3")
    found = {uri: s3.versions_at(client, uri) for uri in uris}
    return StepResult(found, detail=f"{sum(map(len, found.values()))} objects of earlier deliveries")
