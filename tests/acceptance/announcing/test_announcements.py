"""An announcement is repeated until there is a verdict, and not more often than it helps."""

from datetime import UTC, datetime, timedelta
from itertools import islice

from acceptance.announcing.announcements import FEW, InFlight, batches, due_again
from acceptance.announcing.delivery_events import arrived_together
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.pointer import DeliveryPointer

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
PATIENCE = timedelta(minutes=2)


def in_flight(minutes_ago: float, *, announcements: int = 1, claimed_minutes_ago: float | None = None, name: str = "d"):
    claimed = None if claimed_minutes_ago is None else NOON - timedelta(minutes=claimed_minutes_ago)
    return InFlight(name, announcements, NOON - timedelta(minutes=minutes_ago), claimed, timedelta(minutes=10))


def test_a_delivery_that_nobody_claims_is_announced_again_after_the_patience():
    assert due_again([in_flight(1.9)], NOON, PATIENCE) == ()
    assert due_again([in_flight(2)], NOON, PATIENCE) == (in_flight(2),)


def test_each_repetition_waits_twice_as_long_up_to_an_hour():
    assert due_again([in_flight(7, announcements=3)], NOON, PATIENCE) == ()
    assert due_again([in_flight(8, announcements=3)], NOON, PATIENCE)
    assert due_again([in_flight(60, announcements=50)], NOON, PATIENCE)


def test_while_runs_queue_for_a_process_a_delivery_may_be_among_them_for_an_hour():
    assert due_again([in_flight(59)], NOON, PATIENCE, queued=1) == ()
    assert due_again([in_flight(60)], NOON, PATIENCE, queued=1)
    assert due_again([in_flight(13, claimed_minutes_ago=12)], NOON, PATIENCE, queued=1)


def test_a_claimed_delivery_has_the_time_that_its_pipeline_may_take():
    assert due_again([in_flight(11, claimed_minutes_ago=11)], NOON, PATIENCE) == ()
    assert due_again([in_flight(13, claimed_minutes_ago=12)], NOON, PATIENCE)


def test_a_repeated_announcement_of_a_claimed_delivery_is_given_time_as_well():
    assert due_again([in_flight(1, claimed_minutes_ago=500)], NOON, PATIENCE) == ()


def test_the_oldest_comes_first():
    young, old = in_flight(5, name="young"), in_flight(50, name="old")
    assert [item.delivery_id for item in due_again([young, old], NOON, PATIENCE)] == ["old", "young"]


def pointers(number: int, members: int = 1) -> list[DeliveryPointer]:
    landed = (LandingObject("landing", f"in/{each:04}/" + "k" * 900, "e", 1, NOON) for each in range(number * members))
    return [DeliveryPointer.to(Delivery("orders", NOON.date(), tuple(islice(landed, members)))) for _ in range(number)]


def test_deliveries_are_announced_in_lots_and_the_last_few_of_them_alone():
    assert [len(lot) for lot in batches(pointers(30), 10)] == [10, 10, 10]
    assert [len(lot) for lot in batches(pointers(25), 10)] == [10, 10]
    assert list(batches(pointers(FEW), 10)) == []
    assert list(batches(pointers(30), 1)) == []


def test_an_event_stays_below_what_prefect_takes_however_long_the_keys_are():
    lots = list(batches(pointers(40, members=50), 200))
    assert len(lots) > 1
    assert all(len(arrived_together(lot).payload["deliveries"].__repr__()) < 512 * 1024 for lot in lots)
    assert [pointer for lot in lots for pointer in lot] == pointers(40, members=50)[: sum(map(len, lots))]


def test_a_delivery_too_big_to_share_an_event_is_announced_alone():
    assert list(batches(pointers(10, members=400), 200)) == []
