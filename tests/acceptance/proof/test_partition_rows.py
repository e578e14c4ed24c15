"""What a partition holds after a delivery, when several files go into one."""

from datetime import UTC, date, datetime

import pytest
from contract_texts import delivering, the_problem, watched

from acceptance.contract.landing_format import NamedByColumn, PartitionHolds
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.judging.findings import CatalogFacts, Findings, LandedFacts, judge_findings
from acceptance.judging.judge import Outcome, Verdict
from acceptance.proof.comparison_options import comparison_options
from acceptance.proof.fingerprint import Fingerprint
from acceptance.proof.partition_rows import (
    OtherFile,
    expected,
    files_named,
    is_later,
    others_of_partition,
    total,
    undecided,
)
from acceptance.queries.measuring_query import compile_checks, read_answer


def landed(key, second=0):
    return LandingObject("landing", key, "e", 1, datetime(2025, 1, 2, 3, 4, second, tzinfo=UTC))


def other(rows, *, later):
    return OtherFile(landed(f"{rows}"), Fingerprint(rows, 10**rows, -rows), later)


OWN = Fingerprint(1, 5, 7)
"""Of the files of the delivery."""


def test_every_file_that_landed_before_is_expected_whatever_the_table_holds():
    before = (other(2, later=False), other(3, later=False))
    assert expected(OWN, before, OWN) == before
    assert total(OWN, before) == Fingerprint(6, 5 + 100 + 1000, 7 - 5)


@pytest.mark.parametrize("there", [(), (4,), (5,), (4, 5)])
def test_files_that_landed_later_are_expected_only_if_the_table_has_them_already(there):
    before, after = other(2, later=False), (other(4, later=True), other(5, later=True))
    table = total(OWN, (before, *(each for each in after if each.fingerprint.rows in there)))
    assert total(OWN, expected(OWN, (before, *after), table)) == table


def test_a_table_that_lost_rows_equals_no_choice_of_later_files():
    before, after = other(2, later=False), other(4, later=True)
    assert expected(OWN, (before, after), total(OWN, (after,))) == (before,)


def hourly(number):
    """Files that landed one after the other, behind the delivery's."""
    each = range(1, number + 1)
    return tuple(OtherFile(landed(f"{n:03}", n), Fingerprint(1, 3**n, -(7**n)), later=True) for n in each)


@pytest.mark.parametrize("number", [11, 24, 40])
@pytest.mark.parametrize("there", [0, 1, 10, 11])
def test_many_later_files_may_be_there_as_they_landed(number, there):
    before, after = other(2, later=False), hourly(number)
    for in_table in (after[:there], after[: len(after) - there]):
        table = total(OWN, (before, *in_table))
        assert total(OWN, expected(OWN, (*reversed(after), before), table)) == table


def test_of_a_day_of_hourly_files_any_may_be_there():
    after = hourly(24)
    for in_table in (after[23:], after[::2], after[5:20]):
        table = total(OWN, in_table)
        assert set(expected(OWN, after, table)) == set(in_table)
    assert len(expected(OWN, after, Fingerprint(13, 1, 1))) == 12


def test_too_many_later_files_to_tell_which_of_them_are_there_are_no_reason_to_reject():
    after = hourly(25)
    assert expected(OWN, after, total(OWN, after[24:])) is None
    assert undecided(after).startswith("25 files of the partition landed after this delivery, and Aceite cannot tell")
    contract = watched(delivering("{partition_holds: all deliveries of the date}"))
    query = compile_checks(contract, {"day": "20250102"}, [column.name for column in contract.columns])
    table, measured = read_answer(query, [3, 1, 1, *(int(check.id == "rows") for check in query.checks)], "q1")
    catalog = CatalogFacts({each.name: each.type for each in contract.columns}, True, True, "s3://x/")
    findings = Findings(LandedFacts(1, OWN), catalog, table, measured, "q1", undecided=undecided(after))
    judgement = judge_findings(contract, findings)
    outcomes = {result.check.id: result.outcome for result in judgement.results}
    assert outcomes["rows_equal_landed"] is outcomes["cells_equal_landed"] is Outcome.ERRORED
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "25 files of the partition" in judgement.reason


@pytest.mark.parametrize("rows", [2, 29])
def test_a_table_of_fewer_or_more_rows_than_any_of_many_files_can_make_differs(rows):
    before, after = other(2, later=False), hourly(25)
    assert expected(OWN, (before, *after), Fingerprint(rows, 1, 1)) == (before,)


def test_only_other_files_of_the_same_partition_are_of_it():
    contract = watched(delivering("{partition_holds: all deliveries of the date}"))
    assert contract.partition_holds is PartitionHolds.ALL_DELIVERIES
    ours = landed("shop/20250102/br/a.csv", 5)
    delivery = Delivery("orders", date(2025, 1, 2), (ours,), {"region": "br", "file": "a"})
    same_day = (landed("shop/20250102/br/b.csv", 4), landed("shop/20250102/pt/c.csv", 6))
    others = (landed("shop/20250103/br/d.csv"), landed("shop/20250102/_SUCCESS"))
    assert others_of_partition(contract, delivery, (ours, *same_day, *others)) == same_day
    assert [is_later(delivery, each) for each in same_day] == [False, True]


def test_what_landed_in_the_same_second_may_be_there_or_not():
    delivery = Delivery("orders", date(2025, 1, 2), (landed("a", 5),))
    assert is_later(delivery, landed("b", 5))


BY_FILE = """\
      - name: source_file
        logicalType: string
        customProperties: [{property: landed, vendor: aceite, value: false}]
      - name: order_id
"""


def by_file(value='{partition_holds: {column: source_file, value: "s3://{bucket}/{key}"}}'):
    return delivering(value).replace("      - name: order_id\n", BY_FILE)


def test_a_column_that_names_the_file_limits_every_check_to_the_rows_of_the_delivery():
    contract = watched(by_file())
    assert contract.partition_holds == NamedByColumn("source_file", "s3://{bucket}/{key}")
    key = "shop/20250102/br/o'neill.csv"
    delivery = Delivery("orders", date(2025, 1, 2), (landed(key),), {"region": "br", "file": "o'neill"})
    files = files_named(contract, delivery)
    assert files == (f"s3://landing/{key}",)
    query = compile_checks(contract, {"day": "20250102"}, [column.name for column in contract.columns], files)
    assert """WHERE "day" = 20250102 AND "source_file" IN ('s3://landing/shop/20250102/br/o''neill.csv')""" in query.sql
    assert query.fingerprinted
    assert "source_file" not in {column.name for column in contract.compared_columns}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{partition_holds: all}", "found 'all'; allowed: this delivery, all deliveries of the date"),
        ("{partition_holds: {column: order_id}}", "found 'order_id', no column of texts"),
        ("{partition_holds: {column: customer}}", "customer comes from the pipeline; write `landed: false`"),
        ('{partition_holds: {column: source_file, value: "{kee}"}}', "unknown placeholder {kee}"),
        ("{partition_holds: {column: source_file, valeu: x}}", "did you mean 'value'"),
    ],
)
def test_what_a_partition_cannot_hold_is_refused(value, said):
    assert said in the_problem(by_file(value))


def test_the_evidence_says_what_the_partition_holds():
    assert comparison_options(watched(by_file()))["partition holds"] == (
        "rows of this delivery where source_file is s3://{bucket}/{key}"
    )
    assert comparison_options(watched(delivering("{}")))["partition holds"] == "this delivery"
