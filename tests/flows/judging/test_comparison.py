"""Several files go into one partition: the proof compares what the contract says that the partition holds.

S3 and Athena are the sandbox's; the timeline stands in for Prefect and makes the same calls.
"""

import contextlib
import io
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import contract_text
from contract_texts import watched

from acceptance.contract.contract import Contract
from acceptance.deliveries.delivery import Delivery, LandingObject
from acceptance.deliveries.placeholders import partition_values
from acceptance.judging.findings import Findings, LandedFacts, TableFacts, judge_findings
from acceptance.judging.judge import Outcome
from acceptance.proof.differences import DifferenceKind
from acceptance.proof.fingerprint import Fingerprint
from acceptance.proof.partition_rows import OtherFile, files_named, is_later, others_of_partition, undecided
from acceptance.queries.measuring_query import compile_checks, read_answer
from aws.athena import connect, run_query
from aws.s3.objects import list_objects
from flows.judging.comparison import Comparison
from flows.steps.timeline import Timeline
from landed.delivery import combine, read_members, read_objects, rows_in, sums_by_bucket
from sandbox.pipeline.provision import provision
from sandbox.server import LocalAws

CONTRACT = contract_text(
    "sales",
    """
      - {name: id, logicalType: integer, physicalType: bigint, primaryKey: true}
      - {name: price, logicalType: number, physicalType: "decimal(9,2)"}
      - name: source_file
        logicalType: string
        customProperties: [{property: landed, vendor: aceite, value: false}]
    """,
    day="dt",
    location="s3://landing/sales/{business_date:%Y%m%d}/{shop}.csv",
    delivery="{partition_holds: HOLDS}",
    steps="[{invoke: nobody}]",  # so S3 fires nothing, and the table is what the test makes
)
DAY = date(2026, 1, 2)
FILES = {"north": [(1, "1.50"), (2, "2.00")], "south": [(3, "3.00")], "west": [(4, "4.00"), (5, "5.25")]}


@pytest.fixture(scope="module")
def aws():
    with LocalAws() as running:
        yield running


@dataclass
class Calls(Timeline):
    """Performs the steps of a comparison without Prefect."""

    s3: Any = None

    def perform(self, name: str, task: Any, *arguments: Any, **_: Any) -> Any:
        return {
            "read the other files of the partition": self._others,
            "sum what landed by bucket": lambda objects, of, buckets: sums_by_bucket(self.s3, objects, of, buckets),
            "read the landed rows that differ": lambda objects, of, *which: rows_in(self.s3, objects, of, *which),
        }[name](*arguments)

    def _others(self, delivery: Delivery, contract: Contract) -> tuple[OtherFile, ...]:
        listed = tuple(list_objects(self.s3, "landing", "sales/"))
        read = read_objects(self.s3, others_of_partition(contract, delivery, listed), contract)
        return tuple(
            OtherFile(each.landed, each.file.fingerprint, is_later(delivery, each.landed))
            for each in read
            if each.file.fingerprint
        )


@pytest.fixture
def compare(aws):
    session = boto3.Session("test", "test", region_name="us-east-1")

    def client(service):
        return session.client(service, endpoint_url=aws.endpoint)

    def compare(holds, shop, in_table):
        """What is found for one shop's delivery, when the partition has the rows of these (shop, id, price)."""
        contract = watched(CONTRACT.replace("HOLDS", holds))
        provision(session, aws.endpoint, [contract])
        for name, rows in FILES.items():
            body = "id,price\n" + "".join(f"{id_},{price}\n" for id_, price in rows)
            client("s3").put_object(Bucket="landing", Key=f"sales/{DAY:%Y%m%d}/{name}.csv", Body=body.encode())
        _fill(client, contract, in_table)
        listed = list(list_objects(client("s3"), "landing", f"sales/{DAY:%Y%m%d}/{shop}.csv"))
        delivery = Delivery("sales", DAY, tuple(listed), {"shop": shop})
        partition = partition_values(contract, delivery)
        athena = connect(session, endpoint_url=aws.endpoint, region="us-east-1", workgroup="primary", database="shop")

        def ask(name, purpose, sql):
            return run_query(athena, sql, within=timedelta(minutes=1))

        comparison = Comparison(contract, delivery, partition, Calls(s3=client("s3")), ask)
        comparison.read_others()
        usable = frozenset(column.name for column in contract.columns)
        query = compile_checks(contract, partition, usable, files_named(contract, delivery))
        answer = ask("", "", query.sql)
        table, measured = read_answer(query, answer.rows[0], answer.query_id)
        landed = combine(delivery, read_members(client("s3"), delivery, contract))
        findings = Findings(landed=LandedFacts(landed.rows, landed.fingerprint), table=table, measured=measured)
        findings = comparison.locate(comparison.conclude(findings), usable)
        results = {result.check.id: result for result in judge_findings(contract, findings).results}
        return results["cells_equal_landed"], findings

    return compare


def _fill(client, contract, rows):
    names = [f"sales/{DAY:%Y%m%d}/{shop}.csv" for shop, _, _ in rows]
    prices = pa.array([price for _, _, price in rows], pa.string()).cast(pa.decimal128(9, 2))
    table = pa.table({"id": pa.array([i for _, i, _ in rows], pa.int64()), "price": prices, "source_file": names})
    content = io.BytesIO()
    pq.write_table(table, content)
    storage = client("glue").get_table(DatabaseName="shop", Name="sales")["Table"]["StorageDescriptor"]
    location = f"{storage['Location'].rstrip('/')}/dt={DAY:%Y%m%d}/"
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    client("s3").put_object(Bucket=bucket, Key=f"{prefix}part.parquet", Body=content.getvalue())
    entry = {"Values": [f"{DAY:%Y%m%d}"], "StorageDescriptor": {**storage, "Location": location}}
    glue = client("glue")
    with contextlib.suppress(glue.exceptions.AlreadyExistsException):
        glue.create_partition(DatabaseName="shop", TableName="sales", PartitionInput=entry)


def rows_of(*shops):
    return [(shop, id_, price) for shop in shops for id_, price in FILES[shop]]


ALL, BY_FILE = "all deliveries of the date", "{column: source_file}"


def test_a_partition_of_this_delivery_alone_may_hold_nothing_else(compare):
    result, findings = compare("this delivery", "north", rows_of("north", "south"))
    assert result.outcome is Outcome.FAILED
    assert findings.differences.counts == {DifferenceKind.ONLY_TABLE: 1}
    assert str(findings.differences.rows[0]) == "id 3: only in the table"
    assert compare("this delivery", "north", rows_of("north"))[0].outcome is Outcome.PASSED


@pytest.mark.parametrize("there", [("north",), ("north", "south"), ("north", "south", "west"), ("north", "west")])
def test_what_landed_with_or_after_it_may_be_in_the_partition_already(compare, there):
    result, findings = compare(ALL, "north", rows_of(*there))
    assert result.outcome is Outcome.PASSED, result.observed
    assert findings.landed.rows == len(rows_of(*there))


def test_a_row_that_is_wrong_is_found_among_the_files_of_the_date(compare):
    wrong = [(shop, id_, "2.01" if id_ == 2 else price) for shop, id_, price in rows_of("north")]
    result, findings = compare(ALL, "north", wrong)
    assert result.outcome is Outcome.FAILED
    assert [str(row) for row in findings.differences.rows] == ["id 2: price '2.00' landed, '2.01' in the table"]
    assert compare(ALL, "north", [*wrong, *rows_of("south")])[1].differences.counts == {DifferenceKind.CHANGED: 1}


def test_a_column_that_names_the_file_compares_the_rows_of_the_delivery_alone(compare):
    wrong_elsewhere = [(shop, id_, "9.99" if shop == "west" else price) for shop, id_, price in rows_of(*FILES)]
    assert compare(BY_FILE, "north", wrong_elsewhere)[0].outcome is Outcome.PASSED
    result, findings = compare(BY_FILE, "west", wrong_elsewhere)
    assert result.outcome is Outcome.FAILED
    assert findings.differences.columns == {"price": 2}
    lost, _ = compare(BY_FILE, "south", rows_of("north", "west"))
    assert "1 row only landed" in lost.observed


def test_of_too_many_later_files_nothing_is_told_but_that_it_cannot_be_told():
    contract = watched(CONTRACT.replace("HOLDS", ALL))
    at = datetime(2026, 1, 2, tzinfo=UTC)
    later = [LandingObject("landing", f"sales/{n}.csv", "e", 1, at + timedelta(minutes=n)) for n in range(30)]
    others = tuple(OtherFile(each, Fingerprint(1, 3**n, 7**n), later=True) for n, each in enumerate(later))
    delivery = Delivery("sales", DAY, (LandingObject("landing", "sales/own.csv", "e", 1, at),), {"shop": "own"})
    own, table = Fingerprint(1, 5, 7), Fingerprint(2, 5 + 3**29, 7 + 7**29)
    findings = Findings(landed=LandedFacts(1, own), table=TableFacts(2, table))
    found = Comparison(contract, delivery, {}, Calls(), pytest.fail, others).conclude(findings)
    assert found == replace(findings, undecided=undecided(others))
