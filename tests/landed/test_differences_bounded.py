"""Where landed and table differ, when one key has more rows than may be fetched: both sides are cut at one place."""

from pathlib import Path

import boto3
import pytest
from builders import contract_text
from contract_texts import watched
from landed_contract import column
from landed_contract import contract as of_columns
from proven_delivery import Proof

from acceptance.proof.differences import DifferenceKind
from acceptance.queries.difference_query import ROWS_AT_MOST, bucket_columns
from landed.file import rows_of_buckets
from sandbox.pipeline.provision import provision

CONTRACT = contract_text(
    "sales",
    """
      - {name: store, logicalType: integer, physicalType: int, primaryKey: true, primaryKeyPosition: 1}
      - {name: note, logicalType: string, physicalType: string}
      - {name: price, logicalType: integer, physicalType: int}
    """,
    day="dt",
    database="wide",
    location="s3://landing/sales/{business_date:%Y%m%d}/{shop}.csv",
)
ROWS = 30_000
HEADER = "store,note,price\n"


@pytest.fixture
def landed(tmp_path) -> Path:
    """A file of which all rows have one key."""
    path = tmp_path / "landed.csv"
    path.write_text(HEADER + "".join(f"1,row {number},{number}\n" for number in range(ROWS)), encoding="utf-8")
    return path


@pytest.fixture
def proof(local_aws, landed, tmp_path) -> Proof:
    contract = watched(CONTRACT)
    provision(boto3.Session("test", "test", region_name="us-east-1"), local_aws.endpoint, [contract])
    proof = Proof(local_aws, contract, landed, tmp_path)
    proof.load()
    return proof


def test_no_more_landed_rows_are_held_than_the_table_may_bring(landed, tmp_path):
    contract = of_columns(column("store", "int", primary_key=True), column("note", "string"), column("price", "int"))
    rows = rows_of_buckets(landed, contract, tmp_path, 4096, frozenset(range(4096)))
    assert len(rows) == ROWS_AT_MOST + 1
    assert [texts for _, texts in rows] == sorted(texts for _, texts in rows)


def test_only_rows_that_differ_are_told_of_where_both_sides_are_cut_off(proof):
    _, where = proof.judge_only("SELECT * REPLACE (if(price % 10 = 7, price + 1, price) AS price) FROM base")
    assert where is not None and where.cut_off
    assert str(where).startswith("at least ")
    assert set(where.columns) == {"price"}
    assert set(where.counts) == {DifferenceKind.CHANGED}
    assert 1500 < where.counts[DifferenceKind.CHANGED] < 3000
    assert {(row.cells[0].landed or "")[-1:] for row in where.rows} == {"7"}


def test_a_table_that_is_cut_off_and_lost_rows_shows_only_these(proof):
    _, where = proof.judge_only("SELECT * FROM base WHERE price >= 5000")
    assert where is not None and where.cut_off
    assert set(where.counts) == {DifferenceKind.ONLY_LANDED}
    assert where.counts[DifferenceKind.ONLY_LANDED] < 5000


def test_rows_that_differ_beyond_those_that_are_fetched_are_found_all_the_same(proof):
    """All rows have one key, and "row 9999" is the last of them."""
    _, where = proof.judge_only("SELECT * REPLACE (if(note = 'row 9999', 7, price) AS price) FROM base")
    assert where is not None
    assert [str(row) for row in where.rows] == ["store 1: price '9999' landed, '7' in the table"]


def test_rows_are_dealt_by_the_whole_key_or_by_all_that_is_compared():
    key, part = column("store", "int", primary_key=True), column("day", "int", primary_key=True)
    note, unseen = column("note", "string"), column("loaded", "int", primary_key=True, in_file=False)
    assert bucket_columns(of_columns(key, note)) == (key,)
    assert bucket_columns(of_columns(key, unseen, note)) == (key, note)
    assert bucket_columns(of_columns(key, part, note)) == (key, part)
