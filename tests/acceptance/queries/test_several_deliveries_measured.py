"""One query for many deliveries: where the rows of each are, and which cannot be told apart by it."""

from dataclasses import replace

import pytest
from contract_texts import ORDERS, watched

from acceptance.contract.contract import Column, Contract
from acceptance.queries.measuring_query import compile_together, place_of


def contract_of(type_: str) -> Contract:
    contract = watched(ORDERS)
    columns = (*contract.columns, Column("part", type_, "part", partition=True))
    return replace(contract, columns=columns, partition={"part": "{file}"})


@pytest.mark.parametrize(
    ("type_", "value", "place"),
    [
        ("int", "20260102", ("20260102",)),
        ("int", "007", ("7",)),
        ("bigint", "-5", ("-5",)),
        ("string", "007", ("007",)),
        ("date", "2026-01-02", ("2026-01-02",)),
    ],
)
def test_the_place_of_a_delivery_is_written_as_the_engine_writes_it(type_, value, place):
    assert place_of(contract_of(type_), {"part": value}) == place


@pytest.mark.parametrize(("type_", "value"), [("int", "abc"), ("int", ""), ("int", "1.0"), ("decimal(4,1)", "1.0")])
def test_a_delivery_whose_partition_cannot_be_written_in_one_way_is_measured_alone(type_, value):
    """A strange key must not stop the others that are judged in its run."""
    assert place_of(contract_of(type_), {"part": value}) is None


def test_a_quote_in_a_partition_s_value_stays_text():
    sql = compile_together(contract_of("string"), [("a' OR '1'='1",), ("b",)], ()).sql
    assert """"part" IN ('a'' OR ''1''=''1', 'b')""" in sql
