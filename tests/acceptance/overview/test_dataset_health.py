"""How a dataset is, follows from its last verdict, from what is overdue, and from its automation."""

from dataclasses import replace
from datetime import time, timedelta

import pytest
from builders import a_contract, an_object
from dataset_overviews import DAY, HOUR, NOW, TODAY, facts, overview, past, waiting, watched

from acceptance.contract.contract import Count
from acceptance.deliveries.file_groups import Group, GroupKey
from acceptance.judging.judge import Verdict
from acceptance.overview.datasets import DAYS, MOST_WAITING, Health, overview_of, pass_rate, summed, worst_first

DAILY = a_contract(update_every=DAY)


def test_a_dataset_is_well_whose_last_verdict_is_accepted_whatever_was_before() -> None:
    seen = overview("orders", past(), past(Verdict.REJECTED, ago=DAY))
    assert seen.health == (Health.WELL,)
    assert seen.last is not None
    assert seen.last.verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("verdict", [Verdict.REJECTED, Verdict.INCONCLUSIVE])
def test_a_dataset_is_broken_whose_last_verdict_is_not_accepted(verdict: Verdict) -> None:
    assert overview("orders", past(verdict), past(ago=DAY)).health == (Health.BROKEN,)


def test_a_dataset_is_new_until_something_of_it_was_judged_and_then_it_is_late_or_not() -> None:
    assert overview(watched=watched(ago=None)).health == (Health.NEW,)
    assert overview(watched=None).health == (Health.NEW,)
    late = overview(watched=watched(ago=None), contract=DAILY)
    assert late.health == (Health.LATE,)
    assert late.overdue == ("60 deliveries are missing; due since 2025-12-03 12:00 UTC",)


def test_a_delivery_that_did_not_come_in_time_makes_its_dataset_late() -> None:
    in_time = overview("orders", past(), contract=DAILY, watched=watched(ago=DAY))
    assert (in_time.health, in_time.overdue) == ((Health.WELL,), ())
    late = overview("orders", past(), contract=DAILY, watched=watched(ago=DAY + HOUR))
    assert late.health == (Health.LATE,)
    assert late.overdue == ("the delivery of 2026-01-31 is missing; due since 2026-01-31 11:00 UTC",)
    two = overview("orders", past(), contract=DAILY, watched=watched(ago=2 * DAY + HOUR))
    assert two.overdue == ("2 deliveries are missing, the latest that of 2026-01-31; due since 2026-01-30 11:00 UTC",)
    hourly = overview(
        "orders", past(), contract=a_contract(update_every=HOUR), watched=watched(ago=2 * HOUR - HOUR / 2)
    )
    assert hourly.overdue == ("the next delivery is missing; due since 2026-01-31 11:30 UTC",)


def test_a_verdict_that_did_not_come_in_time_makes_its_dataset_late() -> None:
    seen = overview("orders", past(), waiting=[waiting(3 * HOUR), waiting(2 * HOUR), waiting(HOUR)])
    assert seen.health == (Health.LATE,)
    assert seen.overdue == ("2 deliveries have no verdict in time; due since 2026-01-31 10:00 UTC",)
    assert [item.due for item in seen.waiting] == [NOW - 2 * HOUR, NOW - HOUR, NOW]


def test_files_that_are_awaited_for_too_long_make_their_dataset_late() -> None:
    contract = a_contract(completion=Count(2, HOUR))
    landed = an_object(at=NOW)

    def group(ago: timedelta) -> Group:
        key = GroupKey("orders", TODAY, (("region", "eu"),))
        return Group(key, {landed.key: landed}, opened_at=NOW - ago, waits_for="1 of 2 files are there")

    assert overview("orders", past(), contract=contract, groups=[group(HOUR / 2)]).health == (Health.WELL,)
    seen = overview("orders", past(), contract=contract, groups=[group(2 * HOUR)])
    assert seen.health == (Health.LATE,)
    assert seen.overdue == (
        "the delivery of 2026-01-31 region=eu is incomplete, 1 of 2 files are there; due since 2026-01-31 11:00 UTC",
    )


def test_all_that_holds_of_a_dataset_is_told_the_worst_first() -> None:
    paused = watched(ago=3 * DAY, paused=NOW - HOUR)
    seen = overview("orders", past(Verdict.INCONCLUSIVE), contract=DAILY, watched=paused)
    assert seen.health == (Health.BROKEN, Health.LATE, Health.PAUSED)
    assert seen.paused == NOW - HOUR


def test_a_dataset_without_a_contract_is_removed_and_nothing_of_it_is_overdue() -> None:
    seen = overview("orders", past(Verdict.REJECTED), contract=None)
    assert (seen.health, seen.overdue, seen.name, seen.facts) == ((Health.REMOVED,), (), "orders", ())


def test_a_dataset_of_which_deliveries_wait_for_a_contract_needs_attention() -> None:
    gone = overview("orders", past(), contract=None, waiting=[waiting(30 * DAY)])
    assert (gone.health, gone.overdue) == ((Health.PAUSED,), ())
    assert "no contract for this dataset any more" in gone.held_back


def test_a_contract_that_cannot_be_used_needs_attention_and_says_why() -> None:
    broken = overview("orders", past(), contract=None, broken="contracts/orders.odcs.yaml:3: unknown key")
    assert broken.health == (Health.PAUSED,)
    assert broken.held_back == "its contract cannot be used, correct it: contracts/orders.odcs.yaml:3: unknown key"


def test_the_verdicts_of_today_and_of_the_29_days_before_are_counted() -> None:
    seen = overview("orders", past(), past(Verdict.REJECTED, ago=DAY), past(ago=29 * DAY), past(ago=30 * DAY))
    assert len(seen.days) == DAYS == 30
    assert [day for day, _ in seen.days] == sorted(TODAY - number * DAY for number in range(DAYS))
    assert dict(seen.tally) == {Verdict.ACCEPTED: 2, Verdict.REJECTED: 1, Verdict.INCONCLUSIVE: 0}
    assert seen.days[-1] == (TODAY, ((Verdict.ACCEPTED, 1), (Verdict.REJECTED, 0), (Verdict.INCONCLUSIVE, 0)))


@pytest.mark.parametrize(
    ("accepted", "others", "text"),
    [
        (0, 0, ""),
        (3, 0, "100 %"),
        (0, 3, "0 %"),
        (2, 1, "66.7 %"),
        (1, 1, "50 %"),
        (9999, 1, "99.9 %"),
        (1, 9999, "0.1 %"),
    ],
)
def test_only_all_are_100_percent_and_only_none_is_0_percent(accepted: int, others: int, text: str) -> None:
    assert pass_rate(((Verdict.ACCEPTED, accepted), (Verdict.REJECTED, others), (Verdict.INCONCLUSIVE, 0))) == text


def test_many_that_wait_are_counted_and_the_oldest_are_listed() -> None:
    seen = overview(waiting=[waiting(number * HOUR / 100) for number in reversed(range(MOST_WAITING + 5))])
    assert (seen.waits, len(seen.waiting)) == (MOST_WAITING + 5, MOST_WAITING)
    assert seen.waiting[0].arrived == min(item.arrived for item in seen.waiting)


def test_the_worst_dataset_comes_first_and_then_they_go_by_name() -> None:
    listed = worst_first([
        overview("b", past()), overview("a", past()), overview("z", contract=None), overview("y"),
        overview("x", past(Verdict.REJECTED)), overview("w", past(), watched=watched("w", paused=NOW)),
        overview("v", past(), contract=DAILY, watched=watched("v", ago=3 * DAY)),
    ])  # fmt: skip
    assert [each.dataset for each in listed] == ["x", "v", "w", "y", "a", "b", "z"]
    assert dict(summed([each.tally for each in listed]))[Verdict.ACCEPTED] == 4


def test_the_contract_is_told_in_words() -> None:
    told = dict(overview(contract=replace(DAILY, available_at=time(8, tzinfo=NOW.tzinfo))).facts)
    assert told["Contract"] == "orders 1.0.0"
    assert told["Files land as"] == "s3://landing/orders/{business_date:%Y%m%d}/{file}.csv"
    assert told["A delivery"] == "every day, by 08:00 (UTC)"
    assert told["Its verdict"] == "within 1 hour of its arrival"
    assert dict(overview(contract=a_contract(update_every=timedelta(seconds=90))).facts)["A delivery"] == "every 90 s"


def test_equal_facts_make_equal_overviews_as_time_goes_by() -> None:
    known = facts("orders", past(), contract=DAILY)
    assert overview_of(known, NOW) == overview_of(known, NOW + HOUR / 60)
    assert hash(overview_of(known, NOW)) == hash(overview_of(known, NOW + HOUR / 60))
    assert overview_of(known, NOW) != overview_of(known, NOW + DAY)
