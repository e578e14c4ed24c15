"""A run that a person retries on Prefect's page, though its deliveries have verdicts: its state stays the verdict."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from judged_formats import DAY, Dataset, Installation, column, installed
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.flow_engine import run_flow
from prefect.states import AwaitingRetry, Scheduled

from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.pointer import DeliveryPointer
from cli.verbs.landing_files import landed_delivery
from flows.validate_deliveries import validate_deliveries
from flows.validate_delivery import validate_delivery

RETRIED = Dataset("retried", (column("id", "bigint", key=True),), by_job=False)
GOOD, BAD = b"id\n1\n2\n", b"id\none\n"
FILES = count()


@pytest.fixture(scope="module")
def installation(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("retried"), [RETRIED], prefect_server) as found:
        yield found


def landed(installation: Installation, content: bytes) -> Delivery:
    key = installation.contracts[0].template.write(DAY, {"file": f"f{next(FILES)}"})
    installation.s3.put_object(Bucket="landing", Key=key, Body=content)
    return landed_delivery(installation.s3, "landing", key, installation.contracts)


class Run:
    """A run of the flow as a worker begins it: Prefect's server knows it, and how often it began."""

    def __init__(self, flow: Flow[..., Any], **parameters: Any) -> None:
        self._flow = flow
        with get_client(sync_client=True) as client:
            self._id = client.create_flow_run(flow, parameters=parameters, state=Scheduled()).id

    def begin(self) -> State:
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(self._id)
        state: Any = run_flow(self._flow, flow_run=run, parameters=run.parameters, return_type="state")
        return state

    def retry(self) -> State:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(self._id, AwaitingRetry(), force=True)
        return self.begin()


def pointer(delivery: Delivery) -> dict[str, Any]:
    return DeliveryPointer.to(delivery).model_dump(mode="json")


@pytest.mark.parametrize(("content", "verdict"), [(GOOD, "Accepted"), (BAD, "Rejected")])
def test_a_run_that_is_retried_ends_in_the_verdict_that_its_delivery_has(installation, content, verdict):
    run = Run(validate_delivery, delivery=pointer(landed(installation, content)))
    first, again = run.begin(), run.retry()
    assert (first.name, first.is_completed()) == (verdict, content is GOOD)
    assert (again.type, again.name, again.message) == (first.type, first.name, first.message)


def test_a_batch_that_is_retried_ends_in_the_worst_of_its_verdicts(installation):
    deliveries = [landed(installation, content) for content in (GOOD, BAD, GOOD)]
    run = Run(validate_deliveries, deliveries=[pointer(each) for each in deliveries])
    first, again = run.begin(), run.retry()
    assert first.name == "Rejected"
    assert (again.type, again.name, again.message) == (first.type, first.name, first.message)


def test_another_run_of_a_delivery_that_has_a_verdict_is_a_duplicate(installation):
    delivery = landed(installation, BAD)
    assert Run(validate_delivery, delivery=pointer(delivery)).begin().name == "Rejected"
    assert Run(validate_delivery, delivery=pointer(delivery)).begin().name == "Duplicate"
