"""By what a person finds a run on Prefect's pages: tags of dataset and verdict, and a colour for each verdict."""

from collections.abc import Iterator
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from begun_runs import Run
from judged_formats import DAY, Dataset, Installation, column, installed
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import StateType
from prefect.logging import disable_run_logger

from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.judging.judge import Verdict
from cli.verbs.landing_files import FAULT_METADATA, landed_delivery
from flows.prefect_api.run_labels import tag_judged
from flows.prefect_api.runs import AGAIN, is_own_report
from flows.validate_deliveries import validate_deliveries
from flows.validate_delivery import validate_delivery

NAME = "labelled"
LABELLED = Dataset(NAME, (column("id", "bigint", key=True),), by_job=False)
GOOD, BAD = b"id\n1\n2\n", b"id\none\n"
FILES = count()


@pytest.fixture(scope="module")
def installation(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("labelled"), [LABELLED], prefect_server) as found:
        yield found


def landed(installation: Installation, content: bytes, fault: str = "") -> Delivery:
    key = installation.contracts[0].template.write(DAY, {"file": f"f{next(FILES)}"})
    metadata = {FAULT_METADATA: fault} if fault else {}
    installation.s3.put_object(Bucket="landing", Key=key, Body=content, Metadata=metadata)
    return landed_delivery(installation.s3, "landing", key, installation.contracts)


def pointer(delivery: Delivery) -> dict[str, Any]:
    return DeliveryPointer.to(delivery).model_dump(mode="json")


def tagged(*tags: str) -> set[UUID]:
    """The runs that Prefect's page shows when a person filters by all of these tags."""
    with get_client(sync_client=True) as client:
        wanted = FlowRunFilter(tags=FlowRunFilterTags(all_=list(tags)))
        return {run.id for run in client.read_flow_runs(flow_run_filter=wanted)}


def verdict_tags(run: Run) -> list[str]:
    return [tag for tag in run.known().tags if tag.startswith("verdict:")]


@pytest.mark.parametrize(
    ("content", "fault", "verdict", "type_"),
    [
        (GOOD, "", "accepted", StateType.COMPLETED),
        (BAD, "", "rejected", StateType.FAILED),
        (GOOD, "lambda-error", "inconclusive", StateType.CRASHED),
    ],
)
def test_each_verdict_has_a_colour_of_its_own_and_its_runs_are_found_by_dataset_and_verdict(
    installation, content, fault, verdict, type_
):
    run = Run(validate_delivery, delivery=pointer(landed(installation, content, fault)))
    state = run.begin()
    assert (state.name, state.type) == (verdict.capitalize(), type_)
    assert run.id in tagged(f"dataset:{NAME}", f"verdict:{verdict}")
    assert is_own_report(run.known().state), "the run itself said it, so its claim counts no longer"


def test_a_run_that_is_retried_has_the_one_tag_of_the_verdict_that_stands(installation):
    run = Run(validate_delivery, delivery=pointer(landed(installation, BAD)))
    run.begin()
    run.retry()
    assert verdict_tags(run) == ["verdict:rejected"]


def test_a_run_copied_from_one_that_was_rejected_has_no_tag_of_that_verdict(installation):
    """Prefect's page copies the tags too."""
    delivery = landed(installation, BAD)
    first = Run(validate_delivery, delivery=pointer(delivery))
    first.begin()
    copied, again = (Run(validate_delivery, delivery=pointer(delivery), again=judge) for judge in (False, True))
    with get_client(sync_client=True) as client:
        for run in (copied, again):
            client.update_flow_run(run.id, tags=[*first.known().tags, "verdict:accepted", "by-ana"])
    assert copied.begin().name == "Duplicate"
    assert again.begin().name == "Rejected"
    assert sorted(copied.known().tags) == ["by-ana", f"dataset:{NAME}"]
    assert sorted(again.known().tags) == [AGAIN, "by-ana", f"dataset:{NAME}", "verdict:rejected"]


def test_a_run_of_many_deliveries_is_found_by_each_verdict_that_it_reached(installation):
    deliveries = [pointer(landed(installation, content)) for content in (GOOD, BAD, GOOD)]
    run = Run(validate_deliveries, deliveries=deliveries)
    assert run.begin().name == "Rejected"
    assert sorted(run.known().tags) == [f"dataset:{NAME}", "verdict:accepted", "verdict:rejected"]
    run.retry()
    assert sorted(run.known().tags) == [f"dataset:{NAME}", "verdict:accepted", "verdict:rejected"]


def test_a_run_that_somebody_deleted_costs_no_verdict_for_its_tags(prefect_server, caplog):
    with disable_run_logger():
        tag_judged(str(uuid4()), NAME, [Verdict.ACCEPTED])
    assert "tags could not be set" in caplog.text
