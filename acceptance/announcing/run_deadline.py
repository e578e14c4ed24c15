"""How long a run may take before it is taken for stuck: a guard behind the deadlines of its steps."""

from collections.abc import Sequence
from datetime import timedelta

from acceptance.contract.contract import AwaitGlueJob, Contract, RunGlueJob
from acceptance.deliveries.delivery import Delivery

QUERIES = 6
"""Queries to Athena that follow one another: what landed, checks, sample, and those that find the cells that differ."""

OF_ITS_OWN = timedelta(minutes=30)
"""For everything without a deadline in the contract: reading gigabytes, trying again, putting evidence."""


def run_within(
    contract: Contract, deliveries: Sequence[Delivery], at_once: int, query: timedelta, turn: timedelta
) -> timedelta:
    """The sum of what its steps and queries may take, for each lot of deliveries that are judged `at_once`.

    `query` is the deadline of one query, `turn` how long a run waits for its turn with a parameter that it changes. A
    pipeline may be run once for each file of a delivery, and before a Glue job the end of an earlier run is awaited.
    """
    jobs = (step.within for step in contract.steps if isinstance(step, AwaitGlueJob | RunGlueJob))
    steps = sum((step.within for step in contract.steps), timedelta()) + sum(jobs, timedelta())
    files = max((len(delivery.members) for delivery in deliveries), default=1)
    lots = -(-len(deliveries) // max(at_once, 1))
    return lots * (files * (steps + len(contract.override) * turn) + QUERIES * query + OF_ITS_OWN)
