"""A run has the time that its contract allows, and no more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from builders import a_contract, a_delivery

from acceptance.announcing.overdue import OF_ITS_OWN, QUERIES, run_within
from acceptance.contract.contract import Contract, Override
from acceptance.contract.steps import AwaitObject, Invoke, RunGlueJob
from acceptance.deliveries.delivery import Delivery

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
JUDGING = 2 * QUERIES * MINUTE + OF_ITS_OWN


@pytest.fixture
def contract() -> Contract:
    steps = (Invoke("copy", {}, 5 * MINUTE), AwaitObject("s3://sor/x", 30 * MINUTE))
    made = a_contract("sales", steps=steps)
    return replace(made, table=replace(made.table, query_within=MINUTE))


def delivery(files: int = 1) -> Delivery:
    return a_delivery(*(f"sales/20260102/{number}.csv" for number in range(files)), dataset="sales")


def within(contract: Contract, *deliveries: Delivery, at_once: int = 1) -> timedelta:
    return run_within(contract, deliveries, at_once, timedelta(hours=5))


def test_a_run_may_take_what_its_steps_and_queries_may_and_some(contract: Contract) -> None:
    assert within(contract, delivery()) == 35 * MINUTE + JUDGING
    assert within(replace(contract, steps=()), delivery()) == JUDGING


def test_a_pipeline_that_runs_for_each_file_has_its_time_for_each(contract: Contract) -> None:
    assert within(contract, delivery(files=3)) == 105 * MINUTE + JUDGING


def test_deliveries_of_one_run_have_their_time_in_lots(contract: Contract) -> None:
    assert within(contract, *[delivery()] * 9, at_once=4) == 3 * (35 * MINUTE + JUDGING)


def test_a_run_that_changes_a_parameter_may_wait_for_its_turn(contract: Contract) -> None:
    changing = replace(contract, override=(Override("/a", None, {}),))
    assert within(changing, delivery()) == 35 * MINUTE + timedelta(hours=5) + JUDGING


def test_a_run_may_wait_for_its_turn_with_a_glue_job(contract: Contract) -> None:
    running = replace(contract, steps=(RunGlueJob("load", {}, 30 * MINUTE),))
    assert within(running, delivery()) == 60 * MINUTE + timedelta(hours=5) + JUDGING
