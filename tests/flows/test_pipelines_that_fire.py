"""Pipelines that nobody starts: S3 fires them, and the table says when a delivery is through.

Where a test plays the pipeline, its clock is the test's own: time passes in waits, and what is due is then done.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from judged_formats import DAY, Dataset, Installation, column, installed, parquet
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from prefect.logging import disable_run_logger

from acceptance.evidence.evidence import StepRecord
from acceptance.judging.judge import Verdict
from aws.waiting import Clock
from cli.verbs.landing_files import landed_delivery
from flows.evidence.chain import Chain
from flows.installation.clients import load_clients
from flows.judging.delivery_run import DeliveryRun
from flows.steps.timeline import Timeline, without_task_run

COLUMNS = (column("id", "bigint", key=True), column("name", "string"))
ONE, TWO, THREE = b"id,name\n1,a\n", b"id,name\n1,a\n2,b\n", b"id,name\n1,a\n2,b\n3,c\n"


@dataclass(frozen=True)
class Fired(Dataset):
    """A dataset whose contract says its steps itself."""

    steps: Sequence[Any] = ()

    @property
    def _steps(self) -> Sequence[Any]:
        return self.steps


FIRED = (
    Fired("unsaid", COLUMNS),
    Fired("crawled", COLUMNS, steps=[{"invoke": "fills", "payload": {"key": "{key}"}}, {"run_crawler": "finds"}]),
    Fired(
        "by_execution",
        COLUMNS,
        steps=[
            {"start_execution": "load", "input": {"key": "{key}"}, "within": "1m"},
            {"await_execution": "load", "within": "5m"},
        ],
    ),
    Fired(
        "by_an_event",
        COLUMNS,
        steps=[
            {"put_event": "orders", "source": "tests", "detail_type": "Order landed", "detail": {"key": "{key}"}},
            {"await_table": "agrees", "within": "5m"},
        ],
    ),
    Fired(
        "by_a_workflow",
        COLUMNS,
        steps=[{"run_workflow": "load", "properties": {"key": "{key}"}, "within": "5m"}],
    ),
    Fired("by_others", COLUMNS, steps=[{"await_execution": "fires", "within": "5m"}, {"await_table": "written"}]),
    Fired(
        "by_others_that_hear",
        COLUMNS,
        steps=[
            {"put_event": "orders", "source": "tests", "detail_type": "Order came", "detail": {"key": "{key}"}},
            {"await_execution": "hears", "within": "5m"},
        ],
    ),
    Fired("by_a_job", COLUMNS, steps=[{"await_glue_job": "fires", "within": "2m"}, {"await_table": "written"}]),
)
PLAYED = (
    Fired("agrees", COLUMNS, steps=[{"await_table": "agrees", "within": "30m"}]),
    Fired("written", COLUMNS, steps=[{"await_table": "written", "within": "30m"}]),
)


@pytest.fixture(scope="module")
def installation(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("fired"), (*FIRED, *PLAYED), prefect_server) as found:
        yield found


@pytest.mark.parametrize("dataset", [each.id for each in FIRED])
def test_a_delivery_is_judged_when_the_pipeline_that_s3_fired_is_through(installation, dataset):
    evidence = installation.judge(dataset, TWO)
    assert evidence.verdict is Verdict.ACCEPTED, evidence.reason


def test_an_execution_that_fails_makes_a_delivery_inconclusive_by_the_state_that_failed(installation):
    evidence = installation.judge("by_execution", TWO, fault="glue-failure", day=date(2026, 1, 3))
    assert evidence.verdict is Verdict.INCONCLUSIVE
    assert "FAILED in the state 'Work', RuntimeError: " in evidence.reason
    assert "the conversion failed on purpose" in evidence.reason


def test_a_workflow_in_which_a_job_fails_makes_a_delivery_inconclusive_by_the_jobs_own_words(installation):
    evidence = installation.judge("by_a_workflow", TWO, fault="glue-failure", day=date(2026, 1, 3))
    assert evidence.verdict is Verdict.INCONCLUSIVE
    assert "COMPLETED, job job of load FAILED: " in evidence.reason
    assert "the conversion failed on purpose" in evidence.reason


@dataclass
class Played:
    """A pipeline that the test plays. `script`: what it does, by the second in which it is due."""

    installation: Installation
    dataset: str
    now: float = 0.0
    script: dict[float, Callable[[], object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.s3 = self.installation.s3
        (self.contract,) = (each for each in self.installation.contracts if each.dataset == self.dataset)
        self.key = self.contract.template.write(DAY, {"file": "f"})

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for due in [each for each in self.script if each <= self.now]:
            self.script.pop(due)()

    def land(self, content: bytes) -> None:
        self.s3.put_object(Bucket="landing", Key=self.key, Body=content)

    def write(self, content: bytes) -> None:
        """Fill the delivery's partition with these rows."""
        rows = list(csv.DictReader(io.StringIO(content.decode())))
        body = parquet(id=pa.array([int(row["id"]) for row in rows]), name=[row["name"] for row in rows])
        folder = f"{self.dataset}/day=20260102/"
        self.s3.put_object(Bucket="sor", Key=f"{folder}rows.parquet", Body=body)
        glue: Any = load_clients().of("glue")
        table = {"DatabaseName": "formats", "Name": self.dataset}
        storage = {**glue.get_table(**table)["Table"]["StorageDescriptor"], "Location": f"s3://sor/{folder}"}
        with suppress(glue.exceptions.AlreadyExistsException):
            glue.create_partition(
                DatabaseName="formats",
                TableName=self.dataset,
                PartitionInput={"Values": ["20260102"], "StorageDescriptor": storage},
            )

    def grow_old(self) -> None:
        """Let what is in the table be an hour old."""
        for key, written in s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets["sor"].keys.items():
            if f"/{self.dataset}/" in f"/{key}":
                written.last_modified -= timedelta(hours=1)

    def run(self) -> DeliveryRun:
        """Judge what landed."""
        delivery = landed_delivery(self.s3, "landing", self.key, self.installation.contracts)
        chain, timeline = Chain(load_clients().evidence_s3, "evidence", self.dataset), Timeline(without_task_run)
        run = DeliveryRun(self.contract, delivery, None, chain, timeline, clock=Clock(lambda: self.now, self.sleep))
        with disable_run_logger():
            run.prepare()
            run.measure()
        return run


@pytest.fixture(params=[each.id for each in PLAYED])
def played(installation: Installation, request: pytest.FixtureRequest) -> Iterator[Played]:
    """A table that holds one row, which landed an hour ago. S3 fires nothing."""
    held = installation.s3.get_bucket_notification_configuration(Bucket="landing")
    del held["ResponseMetadata"]
    installation.s3.put_bucket_notification_configuration(Bucket="landing", NotificationConfiguration={})
    each = Played(installation, request.param)
    each.land(ONE)
    each.write(ONE)
    each.grow_old()
    yield each
    installation.s3.put_bucket_notification_configuration(Bucket="landing", NotificationConfiguration=held)


def asked(run: DeliveryRun) -> int:
    return sum(query.purpose == "checks" for query in run.queries)


def step(run: DeliveryRun, name: str) -> StepRecord:
    (found,) = (each for each in run.timeline.steps if each.name == name)
    return found


def test_an_amended_file_is_not_judged_by_the_rows_of_the_file_before(played: Played):
    played.land(TWO)
    played.script[40] = lambda: played.write(TWO)
    run = played.run()
    assert run.judgement.verdict is Verdict.ACCEPTED, run.judgement.reason
    assert played.now >= 40
    assert asked(run) == 1, "the old rows cost no query"
    assert "last written at" in step(run, "await the table").detail


def test_the_same_rows_again_are_not_accepted_because_the_table_has_them_already(played: Played):
    played.land(ONE)
    run = played.run()
    assert run.judgement.verdict is Verdict.INCONCLUSIVE
    assert "to be written since the delivery landed at" in run.judgement.reason
    assert "still last written at" in run.judgement.reason
    assert (asked(run), round(played.now)) == (0, 1800)


def test_without_a_partition_when_the_time_is_over_a_delivery_is_rejected_as_ever(played: Played):
    played.land(TWO)
    table = {"DatabaseName": "formats", "TableName": played.dataset}
    load_clients().of("glue").delete_partition(**table, PartitionValues=["20260102"])
    run = played.run()
    assert run.judgement.verdict is Verdict.REJECTED
    assert "the catalog has no such partition" in run.judgement.reason
    assert round(played.now) == 1800, "it was waited for"


@pytest.mark.parametrize("played", ["agrees"], indirect=True)
def test_a_table_that_is_written_bit_by_bit_is_asked_again_after_each_bit_until_it_agrees(played: Played):
    played.land(THREE)
    played.script |= {10: lambda: played.write(ONE), 100: lambda: played.write(TWO), 200: lambda: played.write(THREE)}
    run = played.run()
    assert run.judgement.verdict is Verdict.ACCEPTED, run.judgement.reason
    assert asked(run) == 3
    assert step(run, "ask until the table agrees").detail == "asked 3 times, and then it held"
    assert 200 <= played.now < 300
    assert {query.purpose for query in run.queries} == {"checks"}, "rows that differ are looked for at the end only"


@pytest.mark.parametrize("played", ["agrees"], indirect=True)
def test_wrong_rows_are_rejected_when_the_time_is_over_and_cost_two_queries_to_know(played: Played):
    played.land(THREE)
    played.script[10] = lambda: played.write(TWO)
    run = played.run()
    assert run.judgement.verdict is Verdict.REJECTED
    assert "2 rows in the table, 3 landed" in run.judgement.reason
    assert (asked(run), round(played.now)) == (2, 1800)
    told = step(run, "ask until the table agrees")
    assert (told.status, told.detail) == ("failed", "asked 2 times within 0:30:00, and it does not hold")
    assert any(query.purpose == "differences" for query in run.queries)


@pytest.mark.parametrize("played", ["agrees"], indirect=True)
def test_a_table_that_goes_back_to_rows_of_before_the_landing_is_not_accepted_by_them(played: Played):
    def go_back() -> None:
        played.write(ONE)
        played.grow_old()

    played.land(ONE)
    played.script |= {10: lambda: played.write(TWO), 100: go_back}
    run = played.run()
    assert run.judgement.verdict is Verdict.INCONCLUSIVE, run.judgement.reason
    assert "which went back to rows of before the delivery" in run.judgement.reason
    assert (asked(run), round(played.now)) == (1, 1800)


@pytest.mark.parametrize("played", ["agrees"], indirect=True)
def test_a_partition_that_is_dropped_while_it_is_awaited_costs_no_query_until_it_is_there_again(played: Played):
    table = {"DatabaseName": "formats", "TableName": played.dataset}
    played.land(THREE)
    played.script |= {
        10: lambda: played.write(TWO),
        40: lambda: load_clients().of("glue").delete_partition(**table, PartitionValues=["20260102"]),
        400: lambda: played.write(THREE),
    }
    run = played.run()
    assert run.judgement.verdict is Verdict.ACCEPTED, run.judgement.reason
    assert asked(run) == 2
    assert 400 <= played.now < 800


@pytest.mark.parametrize("played", ["written"], indirect=True)
def test_a_table_that_is_only_awaited_is_judged_once_when_it_was_written(played: Played):
    played.land(THREE)
    played.script[10] = lambda: played.write(TWO)
    run = played.run()
    assert run.judgement.verdict is Verdict.REJECTED
    assert asked(run) == 1
    assert played.now < 60


@pytest.mark.parametrize("played", ["agrees"], indirect=True)
def test_a_delivery_whose_file_is_replaced_while_the_table_is_awaited_leaves_the_verdict_to_the_newer_one(
    played: Played,
):
    played.land(TWO)
    played.script |= {10: lambda: played.write(ONE), 50: lambda: played.land(THREE), 60: lambda: played.write(THREE)}
    run = played.run()
    assert "somebody replaced it; the new version is another delivery" in run.superseded
