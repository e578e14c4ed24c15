"""An announcement is repeated until there is a verdict, and not more often than it helps."""

from datetime import UTC, datetime, timedelta

from acceptance.announcements import InFlight, due_again

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
