"""On a real Prefect server: who is told of what, what switches a dataset off, and what becomes of its deliveries."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from builders import contract_text
from contract_texts import watched
from polling import eventually
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.filters import EventFilter, EventNameFilter

from acceptance.announcing.delivery_events import arrived, incomplete, unroutable
from acceptance.announcing.verdict_events import judged
from acceptance.contract.checks import Check, Metric, Operator, Threshold
from acceptance.contract.contract import Contract
from acceptance.deliveries.completeness import Incomplete
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.file_groups import Group, GroupKey
from acceptance.deliveries.key_ranges import KeyRange
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.judging.judge import CheckResult, Judgement, Outcome, Verdict
from automations import notifications, pause_what_keeps_failing
from automations.apply import apply
from blocks.settings import read_settings
from flows.ledger import Ledger, open_ledger, sqlite_url
from flows.ledger.listing import Certified
from flows.ledger.writes import NewObject
from flows.prefect_api import events
from flows.prefect_api.switches import is_paused, switch_name
from flows.validate_deliveries import validate_deliveries
from flows.validate_delivery import validate_delivery
from flows.watching.announcing import Announcer
from flows.watching.overdue import OverdueWatch

PROMISES = "slaProperties: [{property: frequency, value: 1, unit: d}, {property: latency, value: 2, unit: h}]\n"
NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
WITHIN_S = 60
HOSTILE = "<!channel> [x](https://evil.example) *a*"
NUMBERS = count(1)


@dataclass
class People:
    """Whoever reads what the notification block posts."""

    told: Queue[dict[str, str]]

    def told_of(self, subject: str) -> dict[str, str]:
        """The next message with this subject; others are left out."""
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            try:
                message = self.told.get(timeout=1)
            except Empty:
                continue
            if message["subject"] == subject:
                return message
        raise AssertionError(f"nobody was told of {subject!r} within {WITHIN_S} s")


@pytest.fixture(scope="module")
def people(prefect_server: str) -> Iterator[People]:
    """Reached through a real block of the server, which posts to an address of this machine."""
    told: Queue[dict[str, str]] = Queue()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as listener:
        Thread(target=listener.serve_forever, daemon=True).start()
        CustomWebhookNotificationBlock(
            name="people",
            url=f"http://127.0.0.1:{listener.server_port}/",
            json_data={"subject": "{{subject}}", "body": "{{body}}"},
        ).save("people")
        yield People(told)
        listener.shutdown()


@pytest.fixture(scope="module")
def contracts(people: People, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Contract]:
    """Of datasets that the server has automations for."""
    found = {name: watched(contract_text(name, more=PROMISES)) for name in ("orders", "prices")}
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "aws_region": "us-east-1"}
    settings = read_settings(
        **keys, notification_block="custom-webhook/people", home=tmp_path_factory.mktemp("home"), runner="process"
    )
    apply(settings, list(found.values()))
    return found


@pytest.fixture
def client(contracts: dict[str, Contract]) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(sqlite_url(tmp_path / "ledger.db")) as ledger:
        yield ledger


def a_delivery(dataset: str = "orders", file: str = "", day: date = date(2026, 1, 2)) -> Delivery:
    file = file or f"{next(NUMBERS)}"
    landed = LandingObject("landing", f"{dataset}/{day:%Y%m%d}/{file}.csv", "e", 3, NOW)
    return Delivery(dataset, day, (landed,), {"file": file})


def inconclusive(client: SyncPrefectClient, times: int, failure: str, dataset: str = "orders") -> None:
    judgement = Judgement(Verdict.INCONCLUSIVE, f"{failure}: no answer", ())
    drafts = [judged(a_delivery(dataset), judgement, "s3://evidence/d/", None, failure) for _ in range(times)]
    events.post(client, [(uuid4(), draft) for draft in drafts])


def rejected(delivery: Delivery, observed: str) -> Any:
    check = Check("year_range", Metric.INVALID_VALUES, Threshold(Operator.MUST_BE, (0,)))
    results = [CheckResult(check, Outcome.FAILED, "0 rows", observed)]
    judgement = Judgement(Verdict.REJECTED, f"year_range: expected 0 rows, observed {observed}", tuple(results))
    return judged(delivery, judgement, "s3://evidence/d/", "http://127.0.0.1:4200/runs/flow-run/1")


def switch(client: SyncPrefectClient, dataset: str, on: bool) -> None:
    """As a person does on the automations page."""
    (automation,) = client.read_automations_by_name(switch_name(dataset))
    (client.resume_automation if on else client.pause_automation)(automation.id)


def land(ledger: Ledger, delivery: Delivery, now: datetime) -> None:
    new_object = NewObject(delivery.first, delivery, arrived(delivery), pipeline_takes=HOUR)
    ledger.listing.commit(
        Certified("landing", delivery.dataset, None, (KeyRange(certified_at=now),), (new_object,)), now
    )


def due(ledger: Ledger) -> list[str]:
    return [item.draft.name for item in ledger.announcements.due(100)]


def confirm(ledger: Ledger, now: datetime) -> None:
    ledger.announcements.confirmed([item.event_id for item in ledger.announcements.due(100)], now)


def announce(ledger: Ledger) -> None:
    """All that is due is told to Prefect's server."""
    announcer = Announcer(ledger)

    def told() -> bool:
        announcer.announce(lambda: None, SECOND)
        return not ledger.announcements.due(1)

    eventually(told, "the announcements' confirmation")


def test_a_rejection_is_told_with_its_first_failed_check_and_other_people_s_texts_are_only_text(people, client):
    delivery = a_delivery(file=HOSTILE)
    events.post(client, [(uuid4(), rejected(delivery, f"3 rows, {HOSTILE}"))])
    shown = "‹!channel› ⁅x⁆(https∶//evil.example) ∗a∗"
    told = people.told_of("orders 2026-01-02 evil.example) ∗a∗.csv: rejected")
    assert told["body"].splitlines() == [
        "- Dataset: orders",
        "- Date: 2026-01-02",
        "- File: evil.example) ∗a∗.csv",
        "- Verdict: rejected",
        "- Check: year_range",
        "- Expected: 0 rows",
        f"- Observed: 3 rows, {shown}",
        "- Run: http://127.0.0.1:4200/runs/flow-run/1",
        "- Evidence: s3://evidence/d/",
    ]


def test_a_delivery_that_could_not_be_judged_is_told_with_the_reason(people, client):
    delivery = a_delivery()
    judgement = Judgement(Verdict.INCONCLUSIVE, "claim: AccessDenied", ())
    events.post(client, [(uuid4(), judged(delivery, judgement, "s3://evidence/d/", None, ""))])
    assert "- Reason: claim: AccessDenied" in people.told_of(f"{delivery.title}: inconclusive")["body"]


def test_what_is_not_complete_is_told(people, client, contracts):
    group = Group(GroupKey("orders", date(2026, 1, 2)))
    finding = Incomplete(("orders/20260102/_SUCCESS",), "the marker did not come", overdue=True)
    events.post(client, [(uuid4(), incomplete(group, contracts["orders"], finding))])
    told = people.told_of("orders 2026-01-02: incomplete")
    assert "- Why: the marker did not come\n- Missing: orders/20260102/ˍSUCCESS" in told["body"]


def test_of_many_objects_that_fit_no_contract_the_first_is_told_and_no_other_of_its_hour(people, client):
    landed = [LandingObject("landing", f"strange/{number}", "e", 1, NOW) for number in range(12)]
    first, *others = [(uuid4(), unroutable(each, "no contract has such a key")) for each in landed]
    events.post(client, [first])
    assert "- Key: strange/0" in people.told_of("0: fits no contract")["body"]
    events.post(client, others)
    of_last, last = uuid4(), a_delivery()
    events.post(client, [(of_last, rejected(last, "1 row"))])
    people.told_of(f"{last.title}: rejected")  # the server came to what was posted after them

    def firings() -> Counter[str]:
        """What fired, by the automation's name; nothing before the feed holds what was posted last."""
        wanted = EventFilter(event=EventNameFilter(name=["prefect.automation.triggered"]))
        found = client.read_events(wanted, limit=50).events
        # What fires because nothing happened has no triggering event.
        causes = {cause["id"] for each in found if (cause := each.payload["triggering_event"])}
        return Counter(each.resource.name for each in found) if str(of_last) in causes else Counter()

    names = eventually(firings, "the firing for what was posted last in the server's feed")
    assert names[notifications.NO_CONTRACT] == 1


def test_a_delivery_that_does_not_come_is_told_once_for_each_date_over_restarts_and_ends_when_it_comes(
    people, client, contracts, ledger
):
    contract = contracts["orders"]
    OverdueWatch(ledger, [contract]).begin(NOW)
    land(ledger, a_delivery(), NOW)
    confirm(ledger, NOW)
    for hours, overdue in ((23, 0), (25, 1), (30, 0), (49, 1), (50, 0)):
        OverdueWatch(ledger, [contract]).look(NOW + hours * HOUR)  # by a watcher that was just started
        told_of = [item.draft.payload["why"] for item in ledger.announcements.due(100)]
        assert told_of.count("not arrived") == overdue, hours
        if hours == 49:
            announce(ledger)
        confirm(ledger, NOW + hours * HOUR)
    told = people.told_of("orders 2026-01-04: overdue")
    assert "- Missed: 2 deliveries since 2026-01-03 12:00:00+0000" in told["body"]
    assert "- Last: 2026-01-02, arrived 2026-01-02 12:00:00+0000, s3://landing/orders/20260102/" in told["body"]
    land(ledger, a_delivery(day=date(2026, 1, 5)), NOW + 60 * HOUR)
    confirm(ledger, NOW + 60 * HOUR)
    OverdueWatch(ledger, [contract]).look(NOW + 61 * HOUR)
    assert due(ledger) == []


def test_a_delivery_without_a_verdict_in_time_is_told_once_and_several_by_one_event(people, client, contracts, ledger):
    overdue_watch = OverdueWatch(ledger, [contracts["orders"]])
    overdue_watch.begin(NOW)
    first, second = a_delivery(), a_delivery()
    land(ledger, first, NOW)
    land(ledger, second, NOW + SECOND)
    confirm(ledger, NOW + SECOND)
    overdue_watch.look(NOW + 2 * HOUR)
    assert due(ledger) == []
    overdue_watch.look(NOW + 2 * HOUR + 2 * SECOND)
    (told,) = ledger.announcements.due(10)
    assert told.draft.payload["deliveries"] == [first.id, second.id]
    announce(ledger)
    body = people.told_of("orders 2026-01-02: no verdict in time and 1 more")["body"]
    assert f"- Delivery: {first.title} and 1 more" in body
    assert "- So far: announced 1 time, no run took it" in body
    overdue_watch.look(NOW + 3 * HOUR)
    assert due(ledger) == []


def test_five_failures_of_one_kind_pause_their_dataset_until_a_person_resumes_it_and_nothing_is_lost(
    people, client, contracts, ledger
):
    overdue_watch = OverdueWatch(ledger, list(contracts.values()))
    overdue_watch.begin(NOW)
    waited, elsewhere, seen = a_delivery(), a_delivery("prices"), a_delivery()
    land(ledger, seen, NOW)
    confirm(ledger, NOW)  # its event was sent, and its run came to nothing
    kind = f"invoke lambda {uuid4()}"
    inconclusive(client, 4, kind)
    inconclusive(client, 4, "await Glue job j")
    inconclusive(client, 4, kind, "prices")
    events.post(client, [(uuid4(), rejected(a_delivery(), "1 row")) for _ in range(6)])
    inconclusive(client, 1, kind)
    eventually(lambda: is_paused("orders"), "the pause of orders")
    assert not is_paused("prices")

    overdue_watch.look_at_switches(NOW)
    land(ledger, waited, NOW)
    land(ledger, elsewhere, NOW)
    assert sorted(due(ledger)) == ["dataset.paused", "delivery.arrived"], "what is paused waits, what is not goes on"
    assert ledger.announcements.in_flight() == ()
    states = {item.id: item.state for item in ledger.status.deliveries()}
    assert states == {seen.id: "paused", waited.id: "paused", elsewhere.id: "landed"}
    announce(ledger)
    told = people.told_of("orders: validation is paused")
    assert "- Deliveries that wait: 1" in told["body"]
    assert "/automations/automation/" in told["body"]
    overdue_watch.look_at_switches(NOW + HOUR)
    assert due(ledger) == [], "a pause is told once"

    switch(client, "orders", on=True)
    overdue_watch.look_at_switches(NOW + 2 * HOUR)
    arrivals = [
        item.draft.payload["delivery"]["id"]
        for item in ledger.announcements.due(9)
        if item.draft.name == "delivery.arrived"
    ]
    assert sorted(arrivals) == sorted([seen.id, waited.id])
    assert "dataset.resumed" in due(ledger)

    # Prefect lets the count of these ten minutes rest; that of the time after the resumption begins anew.
    inconclusive(client, 5, kind)
    eventually(lambda: is_paused("orders"), "the second pause")
    switch(client, "orders", on=True)


def test_a_person_may_pause_a_dataset_too(client, contracts, ledger):
    overdue_watch = OverdueWatch(ledger, list(contracts.values()))
    overdue_watch.begin(NOW)
    switch(client, "prices", on=False)
    pointer = DeliveryPointer.to(a_delivery("prices"))
    for state in (
        validate_delivery.fn(pointer, event_id="any"),
        validate_deliveries.fn([pointer], event_id="any"),
    ):
        assert state.name == "Held", "a run that was on its way claims nothing"
    overdue_watch.look_at_switches(NOW)
    (told,) = ledger.announcements.due(10)
    assert (told.draft.name, told.draft.resource["aceite.dataset"]) == ("dataset.paused", "prices")
    assert "a person switched it off" in told.draft.payload["message"]["body"]
    switch(client, "prices", on=True)
    overdue_watch.look_at_switches(NOW)
    assert sorted(due(ledger)) == ["dataset.paused", "dataset.resumed"]


def test_the_circuit_breaker_stands_on_the_server(client):
    (automation,) = client.read_automations_by_name(pause_what_keeps_failing.NAME)
    assert automation.enabled
