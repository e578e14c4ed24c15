"""What a sender does ends in a rejection or in no verdict, and never pauses a dataset. What fails on our side does.

On a real Prefect server with its automations, and the sandbox's AWS.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from judged_formats import DAY, Dataset, Installation, column, installed, parquet
from polling import eventually
from prefect.client.schemas.objects import State

from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.evidence.object_keys import delivery_prefix
from acceptance.judging.judge import Verdict
from automations.apply import apply
from automations.pause_what_keeps_failing import FAILURES
from blocks.settings import read_settings
from cli.verbs.landing_files import landed_delivery
from flows.installation.clients import load_clients
from flows.prefect_api.switches import is_paused
from flows.validate_deliveries import validate_deliveries
from flows.validate_delivery import validate_delivery

COLUMNS = (column("id", "bigint", key=True), column("title", "string"))
SENT = Dataset("sent", COLUMNS, ending="parquet", format="parquet", by_job=False)
GOOD, NEWER = parquet(id=[1, 2], title=["a", "b"]), parquet(id=[1, 2, 3], title=["a", "b", "c"])
DAYS = (DAY + timedelta(days=number) for number in count())


@pytest.fixture(scope="module")
def installation(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("sent"), [SENT], prefect_server) as found:
        apply(read_settings(runner="process"), list(found.contracts))
        yield found


def landed(installation: Installation, content: bytes = GOOD, day: date | None = None) -> Delivery:
    key = installation.contracts[0].template.write(day or next(DAYS), {"file": "f"})
    installation.s3.put_object(Bucket="landing", Key=key, Body=content)
    return landed_delivery(installation.s3, "landing", key, installation.contracts)


def judged(delivery: Delivery) -> State:
    state: Any = validate_delivery(DeliveryPointer.to(delivery), return_state=True)
    return state


def has_evidence(installation: Installation, delivery: Delivery) -> bool:
    found = installation.s3.list_objects_v2(Bucket="evidence", Prefix=delivery_prefix(delivery) + "evidence")
    return bool(found.get("KeyCount"))


@contextmanager
def just_before_reading(delivery: Delivery, do: Callable[[], object]) -> Iterator[None]:
    """Do something once, when the run that claimed the delivery is about to fetch its file."""
    waiting, client_events = [do], load_clients().landing_s3.meta.events

    def act(request: Any, **_: Any) -> None:
        if waiting and request.url.split("?")[0].endswith(delivery.first.key):
            waiting.pop()()

    client_events.register("before-send.s3.GetObject", act)
    try:
        yield
    finally:
        client_events.unregister("before-send.s3.GetObject", act)
    assert not waiting, "the file was not read"


def test_a_file_replaced_before_it_is_read_gets_no_verdict_and_its_newer_version_gets_one(installation):
    older = landed(installation)

    def replace() -> None:
        landed(installation, NEWER, older.business_date)

    with just_before_reading(older, replace):
        state = judged(older)
    assert (state.name, state.is_completed(), has_evidence(installation, older)) == ("Superseded", True, False)
    assert "somebody replaced it since it had the etag" in state.message
    newer = landed_delivery(installation.s3, "landing", older.first.key, installation.contracts)
    assert judged(newer).name == "Accepted"


def test_a_replaced_file_leaves_the_others_of_its_batch_alone(installation):
    older, other = landed(installation), landed(installation)
    with just_before_reading(older, lambda: landed(installation, NEWER, older.business_date)):
        state: Any = validate_deliveries([DeliveryPointer.to(each) for each in (older, other)], return_state=True)
    assert (state.name, state.message) == ("Accepted", "1 accepted, 1 superseded")
    assert (has_evidence(installation, older), has_evidence(installation, other)) == (False, True)


def test_a_file_deleted_before_it_is_read_is_rejected_with_what_to_do(installation):
    delivery = landed(installation)

    def delete() -> None:
        installation.s3.delete_object(Bucket="landing", Key=delivery.first.key)

    with just_before_reading(delivery, delete):
        state = judged(delivery)
    assert state.name == "Rejected"
    assert f"{delivery.first.uri}: somebody deleted it since" in state.message
    assert "; deliver it again" in state.message


def test_five_bad_files_in_a_row_do_not_pause_their_dataset_and_five_troubles_of_the_machine_do(
    installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    damaged = GOOD[:60] + bytes(len(GOOD[60:-40])) + GOOD[-40:]
    for _ in range(FAILURES):
        evidence = installation.judge("sent", damaged, day=next(DAYS))
        assert evidence.verdict is Verdict.REJECTED
        assert [step.status.value for step in evidence.steps[:2]] == ["succeeded", "succeeded"], (
            "and nothing is retried"
        )
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path / "no such folder"))
        for number in range(FAILURES):
            assert not is_paused("sent"), number
            evidence = installation.judge("sent", GOOD, day=next(DAYS))
            assert evidence.verdict is Verdict.INCONCLUSIVE
            assert evidence.reason.startswith("read what landed: ")
    eventually(lambda: is_paused("sent"), "the pause")
