"""A run that a person retries on Prefect's page, though its deliveries have verdicts: its state stays the verdict."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from begun_runs import Run
from judged_formats import DAY, Dataset, Installation, column, installed

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


@pytest.mark.parametrize("flow", [validate_delivery, validate_deliveries])
@pytest.mark.usefixtures("installation")
def test_a_run_that_a_person_starts_without_a_delivery_is_refused_and_does_not_seem_to_wait(flow):
    """Prefect's engine would leave it Pending: for five minutes others would be taken to wait behind it."""
    state = Run(flow).begin()
    assert (state.name, state.is_failed()) == ("Refused", True)
    assert "pointer" in (state.message or "")
