"""Many deliveries in one run, on a real Prefect server and the sandbox's Athena: each is judged as if it were alone."""

import csv
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID

import boto3
import duckdb
import pytest
from builders import contract_text
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId, TaskRunFilter, TaskRunFilterFlowRunId
from prefect.client.schemas.objects import Log, State
from prefect.events import Event
from prefect.events.filters import EventFilter, EventIDFilter
from prefect.exceptions import TerminationSignal
from prefect.logging import disable_run_logger
from prefect.states import Cancelling, Running

from acceptance.announcing.verdict_events import judged_by, verdict_event_id
from acceptance.deliveries.delivery import Delivery
from acceptance.deliveries.pointer import DeliveryPointer
from acceptance.evidence.audit import audit
from acceptance.evidence.evidence import Evidence
from acceptance.evidence.object_keys import EVIDENCE, evidence_prefix, evidence_uri
from aws.waiting import poll_until
from blocks.build import save_blocks
from blocks.settings import read_settings
from cli.serving.installation import SANDBOX_SETTINGS
from cli.verbs.landing_files import landed_delivery
from flows.evidence.audit import read_stored
from flows.evidence.chain import Chain
from flows.evidence.run_facts import this_run
from flows.evidence.verdicts import read_verdict
from flows.installation.clients import load_clients
from flows.installation.installed import contract_of, installed_contracts
from flows.installation.seal_keys import seal_keys
from flows.judging.batch import Batch
from flows.judging.delivery_run import DeliveryRun
from flows.steps.timeline import Timeline, without_task_run
from flows.validate_deliveries import validate_deliveries
from flows.validate_delivery import validate_delivery
from sandbox.pipeline.provision import provision
from sandbox.server import LocalAws

CONTRACT = contract_text(
    "sales",
    """
      - {name: id, logicalType: integer, physicalType: int, required: true, primaryKey: true}
      - {name: quantity, logicalType: integer, physicalType: int, logicalTypeOptions: {minimum: 1}}
      - {name: day, logicalType: date, physicalType: date, partitioned: true}
    """,
    quality='- {id: total, type: sql, query: "SELECT sum(quantity) FROM {object}", mustBeLessThan: 1000}',
    database="lab",
    partition='{day: "{business_date:%Y-%m-%d}"}',
    steps="[{await_table: agrees, within: 2s}]",
)
FIRST = date(2026, 1, 1)
GOOD = "id,quantity\n1,10\n2,20\n"


@dataclass
class Sandbox:
    """The landing bucket, and a table over it whose partitions each test makes."""

    aws: LocalAws
    folder: Path
    _days: Iterator[date] = field(default_factory=lambda: (FIRST + timedelta(days=each) for each in count()))

    def __post_init__(self) -> None:
        session = boto3.Session("test", "test", region_name="us-east-1")
        self.s3, self.glue = (session.client(name, endpoint_url=self.aws.endpoint) for name in ("s3", "glue"))
        # S3 fires nothing: each test makes what a pipeline would.
        self.s3.put_bucket_notification_configuration(Bucket="landing", NotificationConfiguration={})

    def land(self, landed: str = GOOD, *, table: str | bytes | None = None, known: bool = True) -> Delivery:
        """A file of the next day, and in its partition the same or other rows, if the catalog knows it."""
        business_date = next(self._days)
        key, body = f"sales/{business_date:%Y%m%d}/sales.csv", landed.encode()
        self.s3.put_object(Bucket="landing", Key=key, Body=body)
        content = table if isinstance(table, bytes) else self.parquet(landed if table is None else table)
        where = f"table/{business_date.isoformat()}/"
        self.s3.put_object(Bucket="landing", Key=where + "part", Body=content)
        if known:
            self._add_partition(business_date.isoformat(), f"s3://landing/{where}")
        return self.landed(key)

    def landed(self, key: str) -> Delivery:
        """What the watcher makes of the object."""
        return landed_delivery(self.s3, "landing", key, [contract_of("sales")])

    def evidence_of(self, delivery: Delivery) -> Evidence:
        key = evidence_prefix("sales", delivery.business_date, delivery.id) + EVIDENCE
        return Evidence.model_validate_json(self.s3.get_object(Bucket="evidence", Key=key)["Body"].read())

    def verdict_of(self, delivery: Delivery) -> str | None:
        try:
            return self.evidence_of(delivery).verdict.value
        except self.s3.exceptions.NoSuchKey:
            return None

    def judge_together(self, *deliveries: Delivery, **more: Any) -> State:
        pointers = [DeliveryPointer.to(each) for each in deliveries]
        state: Any = validate_deliveries(pointers, return_state=True, **more)
        return state

    def judge(self, delivery: Delivery) -> State:
        state: Any = validate_delivery(DeliveryPointer.to(delivery), return_state=True)
        return state

    def parquet(self, rows: str, type_: str = "int") -> bytes:
        """Rows in CSV as a file of the table's."""
        path = self.folder / "rows.parquet"
        cells = [tuple(map(repr, row)) for row in csv.reader(rows.splitlines()[1:])]
        values = ", ".join(f"({id_}, {quantity})" for id_, quantity in cells) or "(NULL, NULL)"
        typed = ", ".join(f"try_cast({name} AS {type_}) AS {name}" for name in ("id", "quantity"))
        source = f"SELECT {typed} FROM (VALUES {values}) AS rows (id, quantity) WHERE id IS NOT NULL"
        duckdb.execute(f"COPY ({source}) TO '{path.as_posix()}' (FORMAT parquet)")
        return path.read_bytes()

    def _add_partition(self, day: str, location: str) -> None:
        table = self.glue.get_table(DatabaseName="lab", Name="sales")["Table"]
        storage = {**table["StorageDescriptor"], "Location": location}
        self.glue.create_partition(
            DatabaseName="lab", TableName="sales", PartitionInput={"Values": [day], "StorageDescriptor": storage}
        )


@pytest.fixture(scope="module")
def sandbox(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One for all tests: each lands its files on days of its own."""
    home = tmp_path_factory.mktemp("together")
    (home / "contracts").mkdir()
    (home / "contracts" / "sales.odcs.yaml").write_text(CONTRACT, encoding="utf-8")
    with LocalAws() as aws, pytest.MonkeyPatch.context() as environment:
        settings = SANDBOX_SETTINGS | {
            "ACEITE_AWS_ENDPOINT_URL": aws.endpoint,
            "ACEITE_EVIDENCE_BUCKET": "evidence",
            "ACEITE_CONTRACTS": str(home / "contracts"),
            "ACEITE_HOME": str(home),
        }
        for name, value in settings.items():
            environment.setenv(name, value)
        save_blocks(read_settings())
        for known in (load_clients, installed_contracts):
            known.cache_clear()  # of tests that ran in this process before
        provision(boto3.Session("test", "test", region_name="us-east-1"), aws.endpoint, [contract_of("sales")])
        yield Sandbox(aws, home)
    for known in (load_clients, installed_contracts):
        known.cache_clear()


def test_a_bad_delivery_among_good_ones_is_judged_as_alone_and_harms_no_other(sandbox: Sandbox) -> None:
    good = [sandbox.land() for _ in range(5)]
    wrong = {
        "a rule is broken": sandbox.land("id,quantity\n1,0\n2,20\n"),
        "a landed cell cannot be read": sandbox.land("id,quantity\n1,many\n"),
        "the table has another cell": sandbox.land(table="id,quantity\n1,10\n2,21\n"),
        "the table has no row": sandbox.land(table="id,quantity\n"),
        "the catalog has no partition": sandbox.land(known=False),
    }
    state = sandbox.judge_together(*good, *wrong.values())
    assert (state.name, state.type.value) == ("Rejected", "FAILED")
    assert str(state.message).startswith(f"5 accepted, 5 rejected; {wrong['a rule is broken'].title}: ")
    assert {sandbox.evidence_of(each).verdict.value for each in good} == {"accepted"}
    told = {name: sandbox.evidence_of(each) for name, each in wrong.items()}
    assert {name: each.verdict.value for name, each in told.items()} == dict.fromkeys(wrong, "rejected")
    assert "quantity_range" in told["a rule is broken"].reason
    assert told["a rule is broken"].sample.rows[0][1:3] == ("1", "0")
    assert "id 2: quantity '20' landed, '21' in the table" in told["the table has another cell"].reason


def test_whoever_tells_of_a_verdict_by_its_evidence_tells_what_its_run_does(sandbox: Sandbox) -> None:
    good, bad = sandbox.land(), sandbox.land("id,quantity\n1,0\n2,20\n")
    sandbox.judge_together(good, bad)
    of = {verdict_event_id(evidence_uri("evidence", each)): each for each in (good, bad)}
    told: dict[UUID, Event] = {}
    deadline = time.monotonic() + 30
    while len(told) < len(of) and time.monotonic() < deadline:  # the server stores events some seconds later
        with get_client(sync_client=True) as client:
            found = client.read_events(EventFilter(id=EventIDFilter(id=list(of))), limit=50).events
        told = {event.id: event for event in found}
    for id_, delivery in of.items():
        draft = judged_by(delivery, sandbox.evidence_of(delivery), evidence_uri("evidence", delivery))
        assert (told[id_].event, told[id_].payload) == (draft.name, draft.payload)


def test_one_query_measures_them_all_and_each_evidence_tells_so(sandbox: Sandbox) -> None:
    deliveries = [sandbox.land() for _ in range(6)]
    assert sandbox.judge_together(*deliveries).name == "Accepted"
    evidence = [sandbox.evidence_of(each) for each in deliveries]
    (query_id,) = {query.query_id for each in evidence for query in each.queries}
    assert {query.deliveries for each in evidence for query in each.queries} == {6}
    assert all({check.query_id for check in each.checks} <= {query_id, None} for each in evidence)
    assert [step.name for step in evidence[0].steps] == [
        "claim", "read what landed", "await the table", "look in the catalog",
        "measure the checks of 6 deliveries in one query", "ask until the table agrees",
    ]  # fmt: skip
    trusted = seal_keys().trusted
    assert audit(read_stored(sandbox.s3, "evidence", "sales", trusted), trusted).flaws == ()


def test_together_or_alone_a_delivery_gets_the_same_checks_and_fingerprints(sandbox: Sandbox) -> None:
    several = [sandbox.land(f"id,quantity\n1,{each}\n2,{each * 500}\n") for each in range(4)]
    alone = sandbox.land("id,quantity\n1,3\n2,1500\n")
    sandbox.judge_together(*several)
    validate_delivery(DeliveryPointer.to(alone), return_state=True)
    one, other = (sandbox.evidence_of(each) for each in (several[3], alone))
    assert one.reason == other.reason
    assert (one.landed.fingerprint, one.table.fingerprint) == (other.landed.fingerprint, other.table.fingerprint)
    found = [[(check.id, check.outcome, check.observed) for check in each.checks] for each in (one, other)]
    assert [check[:2] for check in found[0]] == [check[:2] for check in found[1]]


def test_a_partition_that_athena_cannot_read_costs_the_others_no_verdict(sandbox: Sandbox) -> None:
    good = [sandbox.land() for _ in range(4)]
    broken = sandbox.land(table=sandbox.parquet("id,quantity\none,10\n", "varchar"))
    sandbox.judge_together(*good, broken)
    assert {sandbox.evidence_of(each).verdict.value for each in good} == {"accepted"}
    told = sandbox.evidence_of(broken)
    assert told.verdict.value == "inconclusive"
    assert {query.deliveries for query in told.queries} == {1}
    assert all("HIVE_BAD_DATA" in query.error and query.query_id for query in told.queries)
    assert told.queries


def test_deliveries_of_one_partition_are_measured_one_after_the_other(sandbox: Sandbox) -> None:
    """Both are the whole partition, and the table holds what landed last: the first one is not in it any more."""
    first = sandbox.land()
    rows, key = "id,quantity\n7,70\n", first.members[0].key.replace("sales.csv", "later.csv")
    sandbox.s3.put_object(Bucket="landing", Key=key, Body=rows.encode())
    second = sandbox.landed(key)
    sandbox.s3.put_object(
        Bucket="landing", Key=f"table/{first.business_date.isoformat()}/part", Body=sandbox.parquet(rows)
    )
    sandbox.judge_together(second, sandbox.land(), first)
    assert sandbox.evidence_of(second).verdict.value == "accepted"
    assert sandbox.evidence_of(first).verdict.value != "accepted"


def test_a_delivery_that_has_a_verdict_or_another_run_is_left_alone(sandbox: Sandbox) -> None:
    judged, new = sandbox.land(), sandbox.land()
    validate_delivery(DeliveryPointer.to(judged), return_state=True)
    before = sandbox.evidence_of(judged)
    assert sandbox.judge_together(judged, new).message == "1 accepted"
    assert sandbox.evidence_of(judged) == before
    assert sandbox.judge_together(judged, new).name == "Duplicate"


def test_each_delivery_is_found_in_prefect_by_its_name_in_the_state_of_its_verdict(sandbox: Sandbox) -> None:
    good, bad = sandbox.land(), sandbox.land("id,quantity\n1,0\n")
    state = sandbox.judge_together(good, bad, side_by_side=1)
    run = state.state_details.flow_run_id
    assert run is not None
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(run).name == f"sales 2 deliveries {good.business_date} to {bad.business_date}"

    def states() -> dict[str, str | None]:
        with get_client(sync_client=True) as client:
            of_run = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run]))
            return {task.name: task.state and task.state.name for task in client.read_task_runs(task_run_filter=of_run)}

    wanted = {good.title: "Accepted", bad.title: "Rejected"}
    deadline = datetime.now(UTC) + timedelta(seconds=30)
    while states() != wanted and datetime.now(UTC) < deadline:  # Prefect's server writes task runs down a bit later
        pass
    assert states() == wanted


def logs_of(state: State, ended: str) -> list[Log]:
    """The lines of the run, once the server has stored its own last one, which holds this text."""
    run = state.state_details.flow_run_id
    assert run is not None
    of_run = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run]))

    def lines() -> list[Log]:
        with get_client(sync_client=True) as client:
            return client.read_logs(of_run)

    return poll_until(
        lines,
        lambda found: any(log.name == "prefect.flow_runs" and ended in log.message for log in found),
        what="wait for the last line of the run",
        at_most_s=30,
    )


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    ("verdict", "reason", "more"),
    [
        ("Rejected", "quantity_range", {"landed": "id,quantity\n1,0\n"}),
        ("Inconclusive", "HIVE_BAD_DATA", {"table": "id,quantity\none,10\n"}),
    ],
)
def test_a_run_that_does_not_accept_says_why_at_level_error(
    sandbox: Sandbox, together: bool, verdict: str, reason: str, more: dict[str, Any]
) -> None:
    if "table" in more:
        more = {"table": sandbox.parquet(more["table"], "varchar")}
    delivery = sandbox.land(**more)
    judge = sandbox.judge_together if together else sandbox.judge
    state = judge(delivery)
    assert state.name == verdict
    errors = [log.message for log in logs_of(state, f"Finished in state {verdict}") if log.level == logging.ERROR]
    assert any(verdict.lower() in message.lower() and reason in message for message in errors), errors


def test_a_delivery_s_run_logs_its_steps_and_not_that_prefect_s_tasks_completed(sandbox: Sandbox) -> None:
    logs = logs_of(state := sandbox.judge(sandbox.land()), "Finished in state Accepted")
    assert state.name == "Accepted"
    messages = [log.message for log in logs]
    assert any(message.startswith("read what landed: ") for message in messages), messages
    assert [message for message in messages if message.startswith("Finished in state Completed")] == []
    assert {log.level for log in logs} == {logging.INFO}


def test_the_task_runs_of_a_delivery_s_run_are_those_that_people_care_for(sandbox: Sandbox) -> None:
    delivery = sandbox.land()
    run = sandbox.judge(delivery).state_details.flow_run_id
    assert run is not None
    wanted = ["await the table", "claim", "measure the checks in one query", "put the evidence", "read what landed"]

    def names() -> list[str]:
        with get_client(sync_client=True) as client:
            of_run = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run]))
            return sorted(task.name for task in client.read_task_runs(task_run_filter=of_run))

    assert poll_until(names, lambda found: len(found) >= 5, what="wait for the task runs", at_most_s=30) == wanted
    steps = [step.name for step in sandbox.evidence_of(delivery).steps]
    assert steps == [
        "claim", "read what landed", "await the table", "look in the catalog", "measure the checks in one query",
        "ask until the table agrees",
    ]  # fmt: skip


@pytest.mark.parametrize(("by", "verdicts"), [("a person", {"inconclusive"}), ("its runner", set())])
def test_a_run_that_is_ended_leaves_evidence_if_a_person_ended_it_and_else_none(sandbox: Sandbox, by, verdicts) -> None:
    def ended(name: str, *task: Any, **more: Any) -> object:
        if name == "read what landed":
            raise TerminationSignal(signal=15)
        return without_task_run(name, *task, **more)

    clients, contract, deliveries = load_clients(), contract_of("sales"), [sandbox.land(), sandbox.land()]
    chain = Chain(clients.evidence_s3, clients.evidence_bucket, "sales")
    with get_client(sync_client=True) as client:
        state = Cancelling() if by == "a person" else Running()
        run_id = client.create_flow_run(validate_deliveries, parameters={"deliveries": []}, state=state).id
    run = replace(this_run(contract, clients.caller), id=str(run_id))
    cases = [DeliveryRun(contract, delivery, None, chain, Timeline(ended)) for delivery in deliveries]
    with disable_run_logger(), pytest.raises(TerminationSignal):
        batch = Batch(contract, run, 1)
        with batch.side_by_side():
            batch.judge(cases)
    assert {sandbox.verdict_of(delivery) for delivery in deliveries} - {None} == verdicts


def test_what_others_of_a_run_wait_for_is_left_when_the_run_is_ended(sandbox: Sandbox) -> None:
    """A signal reaches the main thread only; pipelines wait in others, and stop the job that they wait for."""
    waits, left = Barrier(2), list[str]()

    def waited(name: str, *task: Any, **more: Any) -> object:
        if name != "read what landed":
            return without_task_run(name, *task, **more)
        waits.wait(30)
        try:
            poll_until(lambda: "running", lambda _: False, what="wait for a job", at_most_s=300)
        except BaseException as error:
            left.append(type(error).__name__)
            raise
        raise AssertionError

    def ended(name: str, *task: Any, **more: Any) -> object:
        if name == "read what landed":
            waits.wait(30)
            raise TerminationSignal(signal=15)
        return without_task_run(name, *task, **more)

    clients, contract = load_clients(), contract_of("sales")
    chain = Chain(clients.evidence_s3, clients.evidence_bucket, "sales")
    with get_client(sync_client=True) as client:
        run_id = client.create_flow_run(validate_deliveries, parameters={"deliveries": []}, state=Running()).id
    run = replace(this_run(contract, clients.caller), id=str(run_id))
    cases = [DeliveryRun(contract, sandbox.land(), None, chain, Timeline(each)) for each in (ended, waited)]
    began = time.monotonic()
    with disable_run_logger(), pytest.raises(TerminationSignal):
        batch = Batch(contract, run, 2)
        with batch.side_by_side():
            batch.judge(cases)
    assert left == ["WaitEnded"]
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("alone", [True, False])
def test_evidence_that_somebody_put_before_the_run_gives_no_verdict_and_the_run_tells_it(
    sandbox: Sandbox, alone: bool
) -> None:
    accepted, wrong = sandbox.land(), sandbox.land("id,quantity\n1,0\n2,20\n")
    sandbox.judge(accepted)
    forged = sandbox.evidence_of(accepted)
    there = forged.delivery.model_copy(update={"id": wrong.id, "business_date": wrong.business_date})
    key = evidence_prefix("sales", wrong.business_date, wrong.id) + EVIDENCE
    body = forged.model_copy(update={"delivery": there}).to_json()
    sandbox.s3.put_object(Bucket="evidence", Key=key, Body=body)
    sandbox.s3.put_object(Bucket="evidence", Key="manifests/sales/999999999.json", Body=b"{}")
    state = sandbox.judge(wrong) if alone else sandbox.judge_together(wrong)
    assert state.name == "Rejected"
    assert f"s3://evidence/{key} (etag" in str(state.message)
    verdict = read_verdict(sandbox.s3, "evidence", wrong)
    assert verdict is not None
    assert (verdict.verdict.value, "was not put by this installation" in verdict.reason) == ("rejected", True)
    if alone:
        assert sandbox.judge(wrong).name == "Duplicate"
    sandbox.s3.delete_object(Bucket="evidence", Key="manifests/sales/999999999.json")


def test_deliveries_of_different_datasets_are_refused_by_name_and_nothing_is_left_in_the_folder(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    one = sandbox.land()
    other = Delivery("orders", one.business_date, one.members)
    state = sandbox.judge_together(one, other)
    assert "of one dataset are judged together, not of orders, sales" in str(state.message)
    assert not list(tmp_path.iterdir())
