"""A query that failed for a limit, a permission or its text is not halved: no half of the deliveries explains it."""

import pytest
from builders import contract_text
from contract_texts import watched

from acceptance.errors import QueryCause, QueryFailed
from acceptance.queries.measuring_query import place_of
from flows.judging.measuring import measure, measure_together

RULE = "- {id: few, type: sql, query: 'SELECT count(*) FROM {object} WHERE id < 0', mustBe: 0}"
CONTRACT = watched(
    contract_text("orders", "- {name: id, logicalType: integer, physicalType: bigint}", day="day", quality=RULE)
)
PLACES = [place_of(CONTRACT, {"day": f"202601{day:02}"}, ()) for day in range(1, 9)]


def asked(cause, do):
    """The names of the queries, each of which fails."""
    names = []

    def ask(name, purpose, sql):
        names.append(name)
        raise QueryFailed("query x", "x", cause=cause)

    do(ask)
    return names


@pytest.mark.parametrize(
    ("cause", "queries"), [(QueryCause.ROWS, 7), (QueryCause.TEXT, 1), (QueryCause.NEITHER, 1)], ids=str
)
def test_only_rows_that_cannot_be_read_are_looked_for_by_halves(cause, queries):
    usable = frozenset({"id"})
    found = asked(cause, lambda ask: measure_together(CONTRACT, PLACES, usable, ask))
    assert len(found) == queries


@pytest.mark.parametrize(
    ("cause", "queries"), [(QueryCause.ROWS, 2), (QueryCause.TEXT, 2), (QueryCause.NEITHER, 1)], ids=str
)
def test_only_what_a_rule_can_cause_is_asked_again_without_free_rules(cause, queries):
    def alone(ask):
        with pytest.raises(QueryFailed):
            measure(CONTRACT, {"day": "20260101"}, frozenset({"id"}), (), ask)

    assert len(asked(cause, alone)) == queries
