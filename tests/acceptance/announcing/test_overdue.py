"""When a delivery is missing, and by when one that came must have its verdict."""

from datetime import UTC, date, datetime, timedelta

import pytest
from builders import contract_text
from contract_texts import watched

from acceptance.announcing.overdue import Arrival, Watched, judged_within, missing
from acceptance.contract.contract import Contract
from acceptance.errors import ContractError

DAILY = "{property: frequency, value: 1, unit: d}"
MONDAY = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def promising(*levels: str) -> Contract:
    steps = '[{invoke: f, payload: {}, within: 5m}, {await_object: "s3://stage/{key}", within: 10m}]'
    return watched(contract_text(steps=steps, more=f"slaProperties: [{', '.join(levels)}]\n"))


def last_came(at: datetime, day: date = date(2026, 1, 4)) -> Watched:
    return Watched("orders", MONDAY - timedelta(days=30), Arrival(at, day, "s3://landing/in/20260104/a.csv"))


def test_nothing_is_missing_of_a_dataset_that_promises_no_frequency():
    assert missing(promising(), last_came(MONDAY), MONDAY + timedelta(days=400)) is None


def test_a_delivery_is_missing_from_the_moment_at_which_it_was_due():
    contract, due = promising(DAILY), MONDAY + timedelta(days=1)
    assert missing(contract, last_came(MONDAY), due) is None
    found = missing(contract, last_came(MONDAY), due + timedelta(seconds=1))
    assert found is not None
    assert (found.count, found.since, found.due, found.business_date) == (1, due, due, date(2026, 1, 5))


def test_each_delivery_that_does_not_come_is_one_more():
    found = missing(promising(DAILY), last_came(MONDAY), MONDAY + timedelta(days=3, hours=1))
    assert found is not None
    assert (found.count, found.since, found.due) == (3, MONDAY + timedelta(days=1), MONDAY + timedelta(days=3))
    assert found.business_date == date(2026, 1, 7)


def test_a_dataset_of_which_nothing_ever_came_is_missed_from_when_it_was_watched():
    found = missing(promising(DAILY), Watched("orders", MONDAY), MONDAY + timedelta(hours=25))
    assert found is not None
    assert (found.since, found.last, found.business_date) == (MONDAY + timedelta(days=1), None, None)


def test_no_date_is_made_up_where_none_follows_from_the_frequency():
    for level in ("{property: frequency, value: 6, unit: h}", "{property: frequency, value: 1, unit: mo}"):
        found = missing(promising(level), last_came(MONDAY), MONDAY + timedelta(days=40))
        assert found is not None
        assert found.business_date is None


@pytest.mark.parametrize(
    "arrived",
    [
        datetime(2026, 1, 5, 11, 30, tzinfo=UTC),  # half an hour before
        datetime(2026, 1, 5, 12, 0, tzinfo=UTC),
        datetime(2026, 1, 5, 18, 0, tzinfo=UTC),  # six hours late: the next is due on time all the same
        datetime(2026, 1, 5, 1, 0, tzinfo=UTC),
    ],
)
def test_with_a_time_of_day_a_late_delivery_does_not_make_the_next_one_late(arrived):
    contract = promising(DAILY, "{property: timeOfAvailability, value: 09:00-03:00}")
    noon = datetime(2026, 1, 6, 12, 0, tzinfo=UTC)
    assert missing(contract, last_came(arrived), noon) is None
    found = missing(contract, last_came(arrived), noon + timedelta(minutes=1))
    assert found is not None
    assert found.since == noon


def test_a_time_of_day_without_an_offset_is_refused_and_one_without_a_frequency_is_noted():
    with pytest.raises(ContractError, match="a time of day with its offset is needed"):
        promising(DAILY, '{property: timeOfAvailability, value: "09:00"}')
    (note,) = promising("{property: timeOfAvailability, value: 09:00-03:00}").notes
    assert "without a frequency" in note.message


def test_a_schedule_is_noted_as_documentation():
    (note,) = promising("{property: frequency, value: 1, unit: d, scheduler: cron, schedule: 0 9 * * *}").notes
    assert "a schedule is documentation" in note.message


def test_a_verdict_is_due_within_the_latency_or_else_within_what_the_pipeline_may_take_and_an_hour():
    assert judged_within(promising("{property: latency, value: 2, unit: h}")) == timedelta(hours=2)
    assert judged_within(promising()) == timedelta(minutes=75)
